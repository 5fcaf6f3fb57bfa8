"""The scores of all layers of a network, by a criterion that is found by name."""

from typing import Any

from reproof import registry
from reproof.declarations.criteria import GRADIENT, reads_gradient
from reproof.storage.checkpoints import Weights, read_checkpoint


def compute_scores(by: str, initial: Weights, final: Weights, gradient: Weights | None = None) -> Weights:
    """Return the scores by layer, floating point of the shapes of the weights.

    initial, final: whole states, float32 by name. gradient: float32 by name, of the prunable weights alone; needed by a
    criterion that reads it, which then scores these weights.
    """
    criterion = registry.load("pruning", "criterion", by)
    if not gradient:
        return {name: criterion(initial[name], final[name]) for name in final}
    return {name: criterion(initial[name], final[name], gradient=slope) for name, slope in gradient.items()}


def read_gradients(dense: str, by: str, members: int) -> list[Weights | None]:
    """Return the gradients in a dense checkpoint, one for each member, or None for a criterion that reads none."""
    if not reads_gradient(by):
        return [None] * members
    (found,) = read_checkpoint(dense, GRADIENT)
    gradients: list[Any] = list(found)
    return gradients
