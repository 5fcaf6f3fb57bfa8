"""What a network is trained on and measured by. The trainer knows no classes or images beyond what stands here."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor
from torch.nn import functional

Measure = Callable[[Tensor, Tensor], Tensor]


def check_correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Return whether the greatest logit [N, K] is the label's [N]: bool [N]."""
    return logits.argmax(dim=-1).eq(labels)


def compute_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each example, in nats: [N], of the dtype of the logits.

    `logits` are floating point [N, K], `labels` int64 [N].
    """
    return functional.cross_entropy(logits, labels, reduction="none")


@dataclass(frozen=True)
class Objective:
    """A loss over a batch (its mean), and measures of each example; the measure called `loss` selects the best step."""

    loss: Measure = functional.cross_entropy
    measures: dict[str, Measure] = field(
        default_factory=lambda: {"loss": compute_cross_entropy, "accuracy": check_correct}
    )


CLASSIFICATION = Objective()
