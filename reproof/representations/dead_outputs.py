"""Outputs that say nothing: the same value on every example."""

from torch import Tensor


def find_dead_outputs(outputs: Tensor) -> Tensor:
    """Return bool [K]: True for each of the outputs [N, K] that has one value on all N examples.

    A ReLU whose input is below 0 everywhere is such an output. Its gradient is 0 on these examples, so that training on
    them never brings it back.
    """
    return outputs.eq(outputs[:1]).all(dim=0)


def compute_living_accuracy(outputs: Tensor, labels: Tensor) -> float | None:
    """Return the accuracy on the examples whose own output is not dead, a share in [0, 1]; None without any.

    outputs: floating point [N, K]. labels: int64 [N]. The prediction is the greatest of all outputs, the first of
    equal ones.
    """
    living = ~find_dead_outputs(outputs)[labels]
    if not bool(living.any()):
        return None
    return float(outputs.argmax(dim=-1).eq(labels)[living].double().mean())
