"""Tickets and the decorator of controls, in a module of their own so that a new control retrains nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field

from reproof.pruning.masks import Masks
from reproof.storage.checkpoints import Weights


@dataclass(frozen=True, eq=False)
class Ticket:
    """A network before its training: start weights, masks, and further inputs of controls.

    start: the whole state, float32 by name (int64 for counters). masks: bool by prunable weight, of its shape.
    fresh: a fresh draw of the whole state from the run's own initialiser. deviations: the standard deviation of that
    initialiser by prunable weight.
    """

    start: Weights
    masks: Masks
    fresh: Weights = field(default_factory=dict)
    deviations: dict[str, float] = field(default_factory=dict)


def control(function: Callable[..., Ticket]) -> Callable[..., Ticket]:
    """Mark a function as a control, to be found by name. It keeps the shapes and dtypes of the ticket."""
    return function
