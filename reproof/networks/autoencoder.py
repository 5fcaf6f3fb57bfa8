"""A sparse autoencoder with a softmax on its code: AE400-10 of Szegedy et al. (2014, table 1)."""

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

    The code learns to reconstruct the pixels in [0, 1] through a decoder, which evaluation does not use. `sparsity`
    weights the divergence of each unit's mean activity from `active`, and `decay` half the squared weights of code and
    decoder. The defaults are those of Ng's exercise on MNIST (2011), as the paper states none.

    Raises ReproofError for an impossible option.
    """
    if not 0 < active < 1 or min(sparsity, decay) < 0 or units < 1:
        raise ReproofError(
            f"network autoencoder_softmax: units {units}, active {active}, sparsity {sparsity}, decay {decay}: "
            "give at least one unit, a share between 0 and 1, and weights of at least 0"
        )
    return AutoencoderSoftmax(prod(input_shape), units, classes, active=active, sparsity=sparsity, decay=decay)


class AutoencoderSoftmax(nn.Module):
    """Logits of a softmax on a code; in train mode the reconstruction loss also trains the code's weights.

    The softmax reads the code less its mean `active`, over the standard deviation of a unit that is on or off. It
    represents the same functions but learns several times faster than on activities that differ by a tenth.
    """

    def __init__(self, inputs: int, units: int, classes: int, *, active: float, sparsity: float, decay: float) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc_1 = nn.Linear(inputs, units)
        self.decoder = nn.Linear(units, inputs)
        # Registered last: `list_prunable` takes the last layer for the output.
        self.output = nn.Linear(units, classes)
        self._active, self._sparsity, self._decay = active, sparsity, decay

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [N, classes] of images float32 [N, C, H, W]."""
        pixels = self.flatten(images)
        code = self.fc_1(pixels).sigmoid()
        if not self.training:
            return self._compute_logits(code)
        loss = self.compute_loss(pixels, code)
        # Trainers minimise the loss of the logits alone; this adds the reconstruction to their backward pass.
        # Detached: labels train the softmax alone, like the paper's softmax on a frozen code.
        learning: Tensor = _WithLoss.apply(self._compute_logits(code.detach()), loss)
        return learning

    def compute_loss(self, pixels: Tensor, code: Tensor) -> Tensor:
        """Return the scalar loss of the code: half the squared reconstruction error, summed over pixels, and penalties.

        `pixels` are float32 [N, D] in [0, 1], `code` [N, units] in (0, 1). The penalties are those of activity and
        weights.
        """
        # Summed over pixels, not averaged: the default weights of the penalties belong to this scale.
        error = (self.decoder(code).sigmoid() - pixels).square().sum(dim=-1).mean() / 2
        share, active = code.mean(dim=0), torch.as_tensor(self._active)
        # KL(active || share), the Kullback-Leibler divergence of two Bernoulli distributions, for each unit: [units].
        apart = active * (active / share).log() + (1 - active) * ((1 - active) / (1 - share)).log()
        squares = self.fc_1.weight.square().sum() + self.decoder.weight.square().sum()
        total: Tensor = error + self._sparsity * apart.sum() + self._decay / 2 * squares
        return total

    def _compute_logits(self, code: Tensor) -> Tensor:
        """Return the logits [N, classes] of a code [N, units]."""
        # sqrt(p (1 - p)) is the standard deviation of a unit that is 1 with probability p and else 0.
        logits: Tensor = self.output((code - self._active) / (self._active * (1 - self._active)) ** 0.5)
        return logits


class _WithLoss(torch.autograd.Function):
    """Unchanged logits whose backward pass also runs that of a second loss, with weight 1."""

    # The stacked backend runs the forward pass under vmap.
    generate_vmap_rule = True

    @staticmethod
    def forward(logits: Tensor, loss: Tensor) -> Tensor:
        """Return a copy of the logits."""
        return logits.clone()

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
        """Keep the loss for the backward pass."""
        ctx.save_for_backward(inputs[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradient of the logits, and 1 for the loss."""
        (loss,) = ctx.saved_tensors
        # Not the incoming gradient, which is that of the logits: the second loss counts once a step, with weight 1.
        return gradients[0], torch.ones_like(loss)
