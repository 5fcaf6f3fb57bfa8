"""The L2 attack of Carlini & Wagner 2017, "Towards Evaluating the Robustness of Neural Networks" (sections V, VI.A)."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from reproof.attacks.attack import Adversarial, Aim, attack
from reproof.attacks.losses import make_shortfall
from reproof.attacks.tanh_descent import Descent, Nearest, descend
from reproof.attacks.victim import Loss, Victim
from reproof.storage.files import ReproofError

UNBOUNDED = 1e9  # an upper end of c above this means no success yet: the authors start it at 1e10


@attack
def carlini_wagner(
    victim: Victim, images: Tensor, aim: Aim, *, generator: torch.Generator,
    kappa: float = 0.0, searches: int = 9, steps: int = 10_000, rate: float = 1e-2, first_c: float = 1e-3,
) -> Adversarial:  # fmt: skip
    """Return the nearest images found, float32 [N, C, H, W], that reach the aim by a margin above `kappa`.

    `kappa` is in logits; each of `searches` values of c gets `steps` steps of Adam at `rate`. Each image has its own c:
    `first_c`, then 10 times the last one until an attack succeeds, then halfway between failure and success. Defaults
    are those of the paper's code, which stops when its whole batch stalls; here each image stops alone. Images without
    success and images that need no change return unchanged. The attack draws no random numbers.

    Raises ReproofError for an impossible option.
    """
    _check(kappa=kappa, searches=searches, steps=steps, rate=rate, first_c=first_c)
    loss = make_shortfall(aim, kappa=kappa)
    nearest, c = Nearest.of(images), _Constants.of(images, first_c)
    left = _find_unreached(victim, images, aim.labels, loss)
    # All remaining images are searched each time: a later c may find a nearer success.
    for _ in range(searches if len(left) else 0):
        start = Descent.of(images[left], aim.labels[left], c=c.tried[left], places=left)
        c = c.update(descend(victim, start, loss, nearest, steps=steps, rate=rate))
    return Adversarial(nearest.images, nearest.queries)


@dataclass(frozen=True, eq=False)
class _Constants:
    """Search of each image's c, float32 [N] each: greatest failure, least success, next trial."""

    low: Tensor
    high: Tensor
    tried: Tensor

    @classmethod
    def of(cls, images: Tensor, first: float) -> Self:
        """Return the constants before the first search: no failure above 0, no success, `first` as trial."""
        return cls(*(torch.full((len(images),), value, device=images.device) for value in (0.0, torch.inf, first)))

    def update(self, found: Tensor) -> Self:
        """Return the constants after a search; `found` is bool [N]."""
        low, high = torch.where(found, self.low, self.tried), torch.where(found, self.tried, self.high)
        # Without a success there is no bracket to halve, so c grows tenfold.
        return type(self)(low, high, torch.where(high < UNBOUNDED, (low + high) / 2, self.tried * 10))


@torch.no_grad()
def _find_unreached(victim: Victim, images: Tensor, labels: Tensor, loss: Loss) -> Tensor:
    """Return the indices int64 [n] of the unchanged images that miss the aim."""
    return (loss(victim.logits(images), labels) >= 0).nonzero().squeeze(1)


def _check(*, kappa: float, searches: int, steps: int, rate: float, first_c: float) -> None:
    """Raise ReproofError for an impossible option."""
    if min(searches, steps) < 1 or not min(rate, first_c) > 0 or not kappa >= 0:
        raise ReproofError(
            f"carlini_wagner: searches {searches}, steps {steps}, rate {rate:g}, first_c {first_c:g} must be above 0,"
            f" kappa {kappa:g} at least 0; correct them"
        )
