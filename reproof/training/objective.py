"""What a network is trained on and measured by. The trainer knows no classes or images beyond what stands here."""

from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor
from torch.nn.functional import cross_entropy

Measure = Callable[[Tensor, Tensor], Tensor]


def correct(logits: Tensor, labels: Tensor) -> Tensor:
    """Return 1 where the greatest logit [N, K] is the label's [N], else 0."""
    return logits.argmax(dim=-1).eq(labels).double()


def surprise(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy, in nats, of each example [N]."""
    return cross_entropy(logits, labels, reduction="none").double()


@dataclass(frozen=True)
class Objective:
    """A loss over a batch (its mean), and measures of each example; the measure called `loss` selects the best step."""

    loss: Measure = cross_entropy
    measures: dict[str, Measure] = field(default_factory=lambda: {"loss": surprise, "accuracy": correct})


CLASSIFICATION = Objective()
