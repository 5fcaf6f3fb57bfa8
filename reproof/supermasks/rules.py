"""Rules that make a mask from scores, with their gradients: one function for each method.

Numpy draws the random numbers: it takes half of torch's time, and a GPU sees the same masks as a CPU.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor


def draw_bernoulli_mask(scores: Tensor, chance: np.random.Generator) -> Tensor:
    """Draw each entry as 1 with probability sigmoid(score), and else 0; the gradient is that of the probability.

    scores: floating point, any shape; the mask has their shape and dtype. Zhou et al. 2019, section 5.2.
    """
    drawn = torch.from_numpy(chance.random(scores.shape, dtype=np.float32)).to(scores.device)
    mask: Tensor = _Bernoulli.apply(scores, drawn)
    return mask


class _Bernoulli(torch.autograd.Function):
    """A mask that is 1 where `drawn`, uniform in [0, 1), is below sigmoid(scores), with the gradient of the sigmoid."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, drawn: Tensor) -> Tensor:
        """Return the mask, 0 and 1, of the shape and dtype of the scores."""
        chances = torch.sigmoid(scores)
        ctx.save_for_backward(chances)
        return torch.lt(drawn, chances).to(scores.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return the gradient in the scores, of their shape, and none for the draw."""
        (chances,) = ctx.saved_tensors
        # Straight through the draw: sigmoid'(s) = p (1 - p), as if the mask were its probability.
        return gradients[0] * chances * (1 - chances), None


def select_popup_mask(scores: Tensor, chance: np.random.Generator, *, kept: float) -> Tensor:
    """Keep the round(kept * size) greatest |score| of the layer; the gradient by |score| is the identity.

    scores: float32, any shape; the mask has their shape, 1 where kept and 0 elsewhere. kept: a share in [0, 1].
    Ramanujan et al. 2020, "What's Hidden in a Randomly Weighted Neural Network?", section 3 (edge-popup).
    """
    sizes = scores.abs()
    # The number to leave out. The partition puts that many least |scores| first, in any order.
    few = scores.numel() - round(kept * scores.numel())
    mask = torch.ones(scores.numel())
    # Numpy's partition takes a tenth of the time of torch's topk. Equal scores go in no defined order.
    mask[torch.from_numpy(np.argpartition(sizes.detach().cpu().numpy().ravel(), max(few - 1, 0))[:few])] = 0
    # The summand is 0 in the forward pass and has the gradient of |score|: straight through the selection.
    return mask.view_as(scores).to(scores.device) + (sizes - sizes.detach())
