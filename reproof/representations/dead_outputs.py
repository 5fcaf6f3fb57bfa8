"""Outputs that say nothing of their class: silent on almost every example of it."""

from torch import Tensor
from torch.nn.functional import one_hot

ALMOST = 0.99  # share of the examples of its class on which a dead output is silent


def find_dead_outputs(outputs: Tensor, labels: Tensor) -> Tensor:
    """Return bool [K]: True for each of the outputs [N, K] that is dead; `labels` are int64 [N].

    An output is silent where it has its least value of all examples, as a ReLU has whose weighted sum is below 0. It is
    dead if it is silent on 99 % of the examples of its own class or more. Silent examples give no gradient, so that
    training hardly brings it back. A class without examples has no dead output.
    """
    own = one_hot(labels, outputs.shape[-1]).bool()
    silent = outputs.eq(outputs.amin(dim=0)) & own
    return (silent.sum(dim=0) >= ALMOST * own.sum(dim=0)) & own.any(dim=0)


def compute_living_accuracy(outputs: Tensor, labels: Tensor) -> float | None:
    """Return the accuracy on the examples whose own output is not dead, a share in [0, 1]; None without any.

    outputs: floating point [N, K]. labels: int64 [N]. The prediction is the greatest of all outputs, the first of
    equal ones.
    """
    living = ~find_dead_outputs(outputs, labels)[labels]
    if not bool(living.any()):
        return None
    return float(outputs.argmax(dim=-1).eq(labels)[living].double().mean())
