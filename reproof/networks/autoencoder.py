"""A sparse autoencoder and a softmax on its code: AE400-10 of Szegedy et al. (2014, table 1)."""

from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from reproof.declarations.costs import Size
from reproof.networks.registry import network
from reproof.storage.files import ReproofError


@network(cost=Size(weights=631_200, products=317_600))
def autoencoder_softmax(
    *, input_shape: tuple[int, int, int], classes: int, units: int = 400,
    active: float = 0.1, sparsity: float = 3.0, decay: float = 3e-3,
) -> nn.Module:  # fmt: skip
    """Return pixels - `units` sigmoids (the code) - classes; only the last layer learns from labels.

    The code learns to give the pixels in [0, 1] back through a decoder, which plays no part once trained; `sparsity`
    weighs how far the mean activity of each unit is from `active`, `decay` half the squared weights of code and
    decoder; all three are those of Ng's exercise on MNIST (2011), as the paper states none. Raises ReproofError if one
    is impossible.
    """
    if not 0 < active < 1 or min(sparsity, decay) < 0 or units < 1:
        raise ReproofError(
            f"network autoencoder_softmax: units {units}, active {active}, sparsity {sparsity}, decay {decay}: "
            "give at least one unit, a share between 0 and 1, and weights of at least 0"
        )
    return AutoencoderSoftmax(prod(input_shape), units, classes, active=active, sparsity=sparsity, decay=decay)


class AutoencoderSoftmax(nn.Module):
    """Logits of a softmax on a code; in train mode the loss of reconstruction reaches the code's weights, too.

    The softmax sees the code with mean `active` taken off, over the deviation of a unit that is on or off: the same
    functions, but learned several times sooner than from activities that differ by a tenth.
    """

    def __init__(self, inputs: int, units: int, classes: int, *, active: float, sparsity: float, decay: float) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc_1 = nn.Linear(inputs, units)
        self.decoder = nn.Linear(units, inputs)
        self.output = nn.Linear(units, classes)
        self._active, self._sparsity, self._decay = active, sparsity, decay

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images [N, C, H, W]."""
        pixels = self.flatten(images)
        code = self.fc_1(pixels).sigmoid()
        if not self.training:
            return self._compute_logits(code)
        loss = self.compute_loss(pixels, code)
        learning: Tensor = _WithLoss.apply(self._compute_logits(code.detach()), loss)
        return learning

    def compute_loss(self, pixels: Tensor, code: Tensor) -> Tensor:
        """Return half the squared error of reconstruction, summed over pixels, with what activity and weights add."""
        error = (self.decoder(code).sigmoid() - pixels).square().sum(dim=-1).mean() / 2
        share, active = code.mean(dim=0), torch.as_tensor(self._active)
        apart = active * (active / share).log() + (1 - active) * ((1 - active) / (1 - share)).log()
        squares = self.fc_1.weight.square().sum() + self.decoder.weight.square().sum()
        total: Tensor = error + self._sparsity * apart.sum() + self._decay / 2 * squares
        return total

    def _compute_logits(self, code: Tensor) -> Tensor:
        logits: Tensor = self.output((code - self._active) / (self._active * (1 - self._active)) ** 0.5)
        return logits


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
