"""The loss that a network is trained on and the measures of its outputs. The trainer knows no classes itself."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor
from torch.nn import functional

Measure = Callable[[Tensor, Tensor], Tensor]  # (outputs [N, ...], labels [N]) -> values [N]


def check_correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Return bool [N]: True where the greatest of the logits [N, K] is that of the label, int64 [N]."""
    return logits.argmax(dim=-1).eq(labels)


def compute_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each example in nats: [N], of the dtype of the logits.

    logits: floating point [N, K]. labels: int64 [N].
    """
    return functional.cross_entropy(logits, labels, reduction="none")


@dataclass(frozen=True)
class Objective:
    """A loss and measures.

    loss: maps outputs and labels of a batch to its mean loss, a scalar.
    measures: by name, each gives one value an example. The one called "loss" selects the early-stopping step.
    """

    loss: Measure = functional.cross_entropy
    measures: dict[str, Measure] = field(
        default_factory=lambda: {"loss": compute_cross_entropy, "accuracy": check_correct}
    )


CLASSIFICATION = Objective()
