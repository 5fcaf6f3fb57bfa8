"""A sparse autoencoder and a softmax on its code: AE400-10 of Szegedy et al. (2014, table 1)."""

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from reproof.files import ReproofError
from reproof.networks.registry import network


@network
def autoencoder_softmax(
    *, input_shape: tuple[int, int, int], classes: int, units: int = 400, active: float = 0.1, sparsity: float = 3.0
) -> nn.Module:
    """Return pixels - `units` sigmoids (the code) - classes; only the last layer learns from labels.

    The code learns to give the pixels in [0, 1] back through a decoder, which plays no part once trained; `sparsity`
    weighs how far the mean activity of each unit is from `active`; both are those of Ng's exercise on MNIST (2011), as
    the paper states neither. Raises ReproofError for no share.
    """
    if not 0 < active < 1 or sparsity < 0 or units < 1:
        raise ReproofError(
            f"network autoencoder_softmax: units {units}, active {active}, sparsity {sparsity}: "
            "give at least one unit, a share between 0 and 1, and a weight of at least 0"
        )
    return AutoencoderSoftmax(prod(input_shape), units, classes, active=active, sparsity=sparsity)


class AutoencoderSoftmax(nn.Module):
    """Logits of a softmax on a code; in train mode the loss of reconstruction reaches the code's weights, too."""

    def __init__(self, inputs: int, units: int, classes: int, *, active: float, sparsity: float) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc_1 = nn.Linear(inputs, units)
        self.decoder = nn.Linear(units, inputs)
        self.output = nn.Linear(units, classes)
        self._active, self._sparsity = active, sparsity

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        pixels = self.flatten(images)
        code = self.fc_1(pixels).sigmoid()
        if not self.training:
            logits: Tensor = self.output(code)
            return logits
        loss = self.loss(pixels, code)
        learning: Tensor = _WithLoss.apply(self.output(code.detach()), loss)
        return learning

    def loss(self, pixels: Tensor, code: Tensor) -> Tensor:
        """Return half the squared error of reconstruction, summed over pixels, and what the code's activity adds."""
        error = (self.decoder(code).sigmoid() - pixels).square().sum(dim=-1).mean() / 2
        share, active = code.mean(dim=0), torch.as_tensor(self._active)
        apart = active * (active / share).log() + (1 - active) * ((1 - active) / (1 - share)).log()
        total: Tensor = error + self._sparsity * apart.sum()
        return total


class _WithLoss(torch.autograd.Function):
    """Logits as they are; a backward pass through them starts one through the loss beside them, with weight 1."""

    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, loss: Tensor) -> Tensor:
        return logits.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        (loss,) = ctx.saved_tensors
        return gradients[0], torch.ones_like(loss)
