"""Adversarial training on each batch: each step attacks its images with the current weights and learns the results.

Goodfellow, Shlens & Szegedy 2015 (section 6): the loss is alpha J(x) + (1 - alpha) J(x'), x' by FGSM and alpha 0.5.

Madry et al. 2018 (section 2, equation 2.1): the loss is J(x') alone, with x' by PGD.
"""

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor
from torch.nn.functional import cross_entropy

from reproof.attacks.attack import Aim, check_epsilon
from reproof.attacks.fgsm import fgsm
from reproof.attacks.hardening import Hardening, SavedTensors
from reproof.attacks.pgd import pgd
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError


@dataclass(frozen=True, kw_only=True)
class Adversary:
    """Attack used in training, and the share alpha of clean images in the loss.

    `epsilon` and `step_size` are L-infinity distances in pixels of [0, 1]. `steps` and `step_size` apply to "pgd",
    which has a random start. `clip` applies to "fgsm", whose paper does not clip. `clean_share` is alpha, in [0, 1].
    `ramp` is the share of the training, in [0, 1], during which epsilon and the step size rise linearly from 0.

    Raises ReproofError for an impossible option.
    """

    attack: str = "pgd"
    epsilon: float = 0.3
    steps: int = 10
    step_size: float = 0.05
    clip: bool = True
    clean_share: float = 0.0
    ramp: float = 0.0

    def __post_init__(self) -> None:
        if self.attack not in ("fgsm", "pgd"):
            raise ReproofError(
                f"adversarial_training: adversary {self.attack!r} is unknown; choose one of fgsm, pgd, pools"
            )
        check_epsilon(self.epsilon)
        # A share of 1 is natural training, and useful as a control.
        if not 0 <= self.clean_share <= 1:
            raise ReproofError(
                f"adversarial_training: clean_share {self.clean_share:g} is no share; it must be from 0 to 1"
            )
        if not 0 <= self.ramp <= 1:
            raise ReproofError(f"adversarial_training: ramp {self.ramp:g} is no share; it must be from 0 to 1")
        if self.attack == "pgd" and not (self.steps >= 1 and self.step_size > 0 and self.clip):
            raise ReproofError(
                f"adversarial_training: pgd cannot take {self.steps} steps of {self.step_size:g}, "
                f"{'clipped' if self.clip else 'unclipped'}; give steps of a size above 0, and clip"
            )

    def make_examples(self, victim: Victim, pixels: Tensor, labels: Tensor, *, generator: Generator) -> Tensor:
        """Return adversarial images float32 [N, C, H, W] within epsilon of `pixels`, without a gradient.

        `pixels` are float32 [N, C, H, W] in [0, 1], `labels` int64 [N] the true classes. The victim must be in eval
        mode.
        """
        aim = Aim(labels)
        if self.attack == "fgsm":
            return fgsm(victim, pixels, aim, generator=generator, epsilon=self.epsilon, clip=self.clip).images
        options = {"epsilon": self.epsilon, "steps": self.steps, "step_size": self.step_size}
        return pgd(victim, pixels, aim, generator=generator, **options).images

    def weaken(self, progress: float) -> "Adversary":
        """Return the adversary after the share `progress`, in (0, 1], of the training: weaker during the ramp.

        A network that meets the full epsilon at its first step may learn to give every image one class.
        """
        if progress >= self.ramp:
            return self
        share = progress / self.ramp
        return replace(self, epsilon=share * self.epsilon, step_size=share * self.step_size)

    def make_lesson(self, one: Hardening) -> "BatchLesson":
        """Return the lesson of one network."""
        return BatchLesson(one, self)


@dataclass(frozen=True, eq=False)
class BatchLesson:
    """Loss of one network on adversarial examples of its own batch.

    The network makes the examples in eval mode and learns them in train mode, like any images.
    """

    one: Hardening
    adversary: Adversary

    def compute_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the scalar loss alpha J(x) + (1 - alpha) J(x') of images uint8 [B, C, H, W] and labels int64 [B]."""
        share, terms = self.adversary.clean_share, []
        # A term without weight is skipped: an attack costs several times a plain step.
        if share < 1:
            terms.append(
                (1 - share) * cross_entropy(self.one.forward_pixels(self.make_examples(images, labels)), labels)
            )
        if share > 0:
            terms.append(share * self.one.compute_natural_loss(images, labels))
        return torch.stack(terms).sum()

    def make_examples(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the adversarial examples of this step: pixels float32 [B, C, H, W]."""
        # "harden" is the operation's old name: it is a part of the seed, and another word would change all results.
        victim, generator = Victim(self.one.forward_pixels), self.one.make_generator("harden")
        # The first step counts as well, so that epsilon is never 0.
        adversary = self.adversary.weaken((self.one.done + 1) / self.one.settings.steps)
        with self.one.switch_to_eval_mode():
            return adversary.make_examples(victim, images.float() / 255, labels, generator=generator)

    def collect_saved_tensors(self) -> SavedTensors:
        """Return no tensors: each step makes its examples again from the weights and the step's seed."""
        return {}
