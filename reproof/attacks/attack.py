"""The interface of attacks: a function of a victim, images and an aim that returns other images and their cost."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.storage.files import ReproofError


@dataclass(frozen=True, eq=False)
class Adversarial:
    """Images made by an attack, float32 [N, C, H, W], and the queries of the victim for each, int64 [N].

    A query is one forward pass of one image. A backward pass adds none.
    """

    images: Tensor
    queries: Tensor


@dataclass(frozen=True, eq=False)
class Aim:
    """Goal of an attack.

    `labels` are int64 [N]: the true classes to leave, or if `targeted` the classes to reach.
    """

    labels: Tensor
    targeted: bool = False

    @property
    def sign(self) -> int:
        """+1 if the attack raises the loss at the labels, -1 if it lowers it."""
        return -1 if self.targeted else 1

    def is_reached(self, classes: Tensor) -> Tensor:
        """Return bool [N]: True where the predicted `classes`, int64 [N], fulfil the aim."""
        return classes.eq(self.labels) if self.targeted else classes.ne(self.labels)

    def select(self, chosen: Tensor) -> "Aim":
        """Return the aim of some of the images, by index int64 [n] or mask bool [N]."""
        return Aim(self.labels[chosen], self.targeted)


Attack = Callable[..., Adversarial]  # (victim, images, aim, *, generator, options)


def attack(function: Attack) -> Attack:
    """Mark `function(victim, images, aim, *, generator, **options)` as an attack, found by its name.

    `images` are float32 [N, C, H, W] in [0, 1]. All random numbers come from `generator`. The further keyword-only
    arguments are the attack's options in the configuration.
    """
    # Only a mark: `reproof.registry` finds attacks in the source, without an import.
    return function


def draw_targets(labels: Tensor, classes: int, *, generator: torch.Generator) -> Tensor:
    """Return for each label, int64 [N] below `classes`, a wrong class drawn uniformly: int64 [N]."""
    # An offset from 1 to classes - 1 around the circle of classes never hits the true class.
    steps = torch.randint(1, classes, labels.shape, generator=generator).to(labels.device)
    return (labels + steps) % classes


def check_aim(aim: Aim, truth: Tensor) -> None:
    """Raise ReproofError if a target equals the true label in `truth`, int64 [N]: such an image needs no attack."""
    same = aim.labels.eq(truth) if aim.targeted else torch.zeros_like(truth, dtype=torch.bool)
    if bool(same.any()):
        raise ReproofError(f"attack: the target of {int(same.sum())} images is their true label; choose a wrong class")


def check_epsilon(epsilon: float, *, name: str = "epsilon", most: float = 1.0) -> None:
    """Raise ReproofError unless 0 < epsilon <= most, the range of pixels in [0, 1]."""
    if not 0 < epsilon <= most:
        raise ReproofError(
            f"attack: {name} {epsilon:g} is outside the data's range; it must be above 0, at most {most:g}"
        )
