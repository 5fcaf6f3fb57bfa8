"""A network under attack as the attacker sees it: pixels in [0, 1] in, logits out."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reproof.data.dataset import Dataset
from reproof.storage.files import ReproofError

Loss = Callable[[Tensor, Tensor], Tensor]  # logits [N, K] and labels [N] to one number per example [N]


@dataclass(frozen=True, eq=False)
class Victim:
    """A network in eval mode on pixels in [0, 1]; it hides the normalisation of its training.

    `logits` maps images float32 [N, C, H, W] to logits [N, K]. A victim without `gradients` answers queries alone. A
    victim with `classes`, which maps images to classes int64 [N], answers with these alone.
    """

    logits: Callable[[Tensor], Tensor]
    gradients: bool = True
    classes: Callable[[Tensor], Tensor] | None = None

    @classmethod
    def of(cls, module: nn.Module, dataset: Dataset) -> "Victim":
        """Return the victim of a network trained on this data set, with frozen weights and in eval mode."""
        module.eval().requires_grad_(False)
        # Normalisation inside: attacks and epsilons work on pixels, whatever the network was trained on.
        return cls(lambda images: module(dataset.normalise_pixels(images)))

    def hide_logits(self) -> "Victim":
        """Return the victim as a label-only attacker sees it: its logits and gradients raise ReproofError."""
        return Victim(_refuse_logits, gradients=False, classes=self.predict)

    @torch.no_grad()
    def predict(self, images: Tensor) -> Tensor:
        """Return the predicted classes of images [N, C, H, W]: int64 [N]."""
        if self.classes:
            return self.classes(images)
        return self.logits(images).argmax(dim=-1)

    def compute_gradient(self, images: Tensor, labels: Tensor, loss: Loss) -> Tensor:
        """Return the gradient of each image's loss in its pixels: float32 [N, C, H, W]."""
        return self.compute_logits_and_gradient(images, labels, loss)[1]

    def compute_logits_and_gradient(self, images: Tensor, labels: Tensor, loss: Loss) -> tuple[Tensor, Tensor]:
        """Return the logits float32 [N, K] and the gradient float32 [N, C, H, W] of one pass.

        images: float32 [N, C, H, W]. labels: int64 [N].

        Raises ReproofError for a victim without gradients.
        """
        if not self.gradients:
            raise ReproofError("attack: this network gives no gradients; choose one that asks for outputs alone")
        pixels = images.detach().requires_grad_()
        logits = self.logits(pixels)
        # In eval mode images do not interact, so the gradient of the sum holds each image's own.
        (gradient,) = torch.autograd.grad(loss(logits, labels).sum(), pixels)
        return logits.detach(), gradient


def _refuse_logits(images: Tensor) -> Tensor:
    """Raise ReproofError: the victim answers with classes alone."""
    raise ReproofError("attack: this network answers with classes alone; choose one that needs no more: hop_skip_jump")


def compute_margin(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the label's logit less the greatest other, [N] of the dtype of the logits.

    logits: floating point [N, K]. labels: int64 [N]. The margin is below 0 where the label is not predicted.
    """
    own = logits.gather(-1, labels[:, None]).squeeze(-1)
    others = logits.scatter(-1, labels[:, None], -torch.inf)
    return own - others.amax(dim=-1)
