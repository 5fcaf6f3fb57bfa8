"""What every attack is: a function of a victim, images and labels that returns other images, and what it cost."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reproof.storage.files import ReproofError


@dataclass(frozen=True, eq=False)
class Adversarial:
    """Images made by an attack [N, C, H, W], and how often the victim was asked about each [N].

    A pass backward counts as none of its own: `queries` counts images that went forward through the victim.
    """

    images: Tensor
    queries: Tensor


@dataclass(frozen=True, eq=False)
class Aim:
    """What an attack is after: `labels` [N] are the true classes to leave, or if `targeted` the classes to reach."""

    labels: Tensor
    targeted: bool = False

    @property
    def sign(self) -> int:
        """+1 if the loss at the labels is to rise, -1 if it is to fall."""
        return -1 if self.targeted else 1

    def is_reached(self, classes: Tensor) -> Tensor:
        """Return where the victim's answer [N] is what the attack is after: bool [N]."""
        return classes.eq(self.labels) if self.targeted else classes.ne(self.labels)

    def select(self, chosen: Tensor) -> "Aim":
        """Return the same for some of the images, by index or mask."""
        return Aim(self.labels[chosen], self.targeted)


Attack = Callable[..., Adversarial]  # (victim, images, aim, *, generator, options)


def attack(function: Attack) -> Attack:
    """Mark `function(victim, images, aim, *, generator, options)` as an attack, to be found by name.

    `images` are float32 [N, C, H, W] in [0, 1]; all chance comes from `generator`. Its further keyword-only arguments
    are its options in the configuration.
    """
    return function


def draw_targets(labels: Tensor, classes: int, *, generator: torch.Generator) -> Tensor:
    """Return for each label a wrong class drawn at random: int64 [N]."""
    steps = torch.randint(1, classes, labels.shape, generator=generator).to(labels.device)
    return (labels + steps) % classes


def check_aim(aim: Aim, truth: Tensor) -> None:
    """Raise ReproofError if a target is the true label: there is nothing to attack."""
    same = aim.labels.eq(truth) if aim.targeted else torch.zeros_like(truth, dtype=torch.bool)
    if bool(same.any()):
        raise ReproofError(f"attack: the target of {int(same.sum())} images is their true label; choose a wrong class")


def check_epsilon(epsilon: float, *, name: str = "epsilon", most: float = 1.0) -> None:
    """Raise ReproofError unless an allowed distance lies in the data's range: pixels are in [0, 1]."""
    if not 0 < epsilon <= most:
        raise ReproofError(
            f"attack: {name} {epsilon:g} is outside the data's range; it must be above 0, at most {most:g}"
        )
