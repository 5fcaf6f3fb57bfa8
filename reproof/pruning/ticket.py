"""Tickets, and the mark of a control. Apart from the controls, so that a new control retrains nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field

from reproof.pruning.masks import Masks
from reproof.storage.checkpoints import Weights


@dataclass(frozen=True, eq=False)
class Ticket:
    """A network about to be trained: weights to start from (the whole state), masks, and what a control may need.

    `fresh` is a fresh draw of the whole state from the run's own initialiser; `deviations` are the standard deviations
    of that initialiser, by prunable weight.
    """

    start: Weights
    masks: Masks
    fresh: Weights = field(default_factory=dict)
    deviations: dict[str, float] = field(default_factory=dict)


def control(function: Callable[..., Ticket]) -> Callable[..., Ticket]:
    """Mark a function as a control, to be found by name."""
    return function
