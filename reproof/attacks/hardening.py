"""Adversarial training: each step's batch is attacked as the network then is, and the network learns the examples.

Goodfellow, Shlens & Szegedy 2015 (section 6): the loss is alpha J(x) + (1 - alpha) J(x'), x' by FGSM and alpha 0.5.
Madry et al. 2018 (section 2, equation 2.1): it is J(x') alone, with x' by PGD.
"""

import copy
import math
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import cast

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from reproof.attacks.attack import Aim, check_epsilon
from reproof.attacks.fgsm import fgsm
from reproof.attacks.pgd import pgd
from reproof.attacks.victim import Victim
from reproof.data.dataset import Dataset
from reproof.files import ReproofError
from reproof.networks import dropouts, memory_format
from reproof.seeding import derive
from reproof.settings import TrainingSettings
from reproof.training.batches import Batches
from reproof.training.members import Member
from reproof.training.optimisers import Descent
from reproof.training.progress import progress
from reproof.training.saving import Saving
from reproof.training.schedule import learning_rate
from reproof.training.trainer import Trainer

State = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Adversary:
    """What attacks a network in training, and the share alpha of the loss that untouched images have.

    `steps` and `step_size` are those of "pgd", which starts at random; `clip` is that of "fgsm", whose paper does not.
    Raises ReproofError if one of them is impossible.
    """

    attack: str = "pgd"
    epsilon: float = 0.3
    steps: int = 10
    step_size: float = 0.05
    clip: bool = True
    clean_share: float = 0.0

    def __post_init__(self) -> None:
        if self.attack not in ("fgsm", "pgd"):
            raise ReproofError(f"harden: adversary {self.attack!r} is unknown; choose one of fgsm, pgd")
        check_epsilon(self.epsilon)
        if not 0 <= self.clean_share <= 1:
            raise ReproofError(f"harden: clean_share {self.clean_share:g} is no share; it must be from 0 to 1")
        if self.attack == "pgd" and not (self.steps >= 1 and self.step_size > 0 and self.clip):
            raise ReproofError(
                f"harden: pgd cannot take {self.steps} steps of {self.step_size:g}, "
                f"{'clipped' if self.clip else 'unclipped'}; give steps of a size above 0, and clip"
            )

    def examples(self, victim: Victim, pixels: Tensor, labels: Tensor, *, generator: Generator) -> Tensor:
        """Return images [N, C, H, W] within epsilon of `pixels`, at which the loss is higher; no gradient leads back.

        `pixels` are float32 in [0, 1], `labels` int64 [N] the true classes. The victim must be in eval mode.
        """
        aim = Aim(labels)
        if self.attack == "fgsm":
            return fgsm(victim, pixels, aim, generator=generator, epsilon=self.epsilon, clip=self.clip).images
        options = {"epsilon": self.epsilon, "steps": self.steps, "step_size": self.step_size}
        return pgd(victim, pixels, aim, generator=generator, **options).images


def hardened(
    module: nn.Module, member: Member, *, dataset: Dataset, settings: TrainingSettings, adversary: Adversary,
    device: str = "cpu", saving: Saving | None = None, label: str = "hardening",
) -> State:  # fmt: skip
    """Train one network adversarially from its weights to the end of the budget; return its whole state, on `device`.

    Batches, rates and dropout are those of the member's natural training. With `saving`, a killed call goes on from its
    last saved state when called again, and ends in the same bits; a finished one is not trained again. Raises
    ReproofError if the loss is no number.
    """
    one, watch = Hardening(module, member, dataset, settings, adversary, torch.device(device)), progress(label)
    if saving and (state := saving.load()):
        one.restore(state)
        print(f"{label}: goes on from step {one.done:,}")
    with saving.until_asked_to_stop() if saving else nullcontext():
        while one.done < settings.steps:
            one.step()
            watch(cast(Trainer, one))  # of which it reads how far it is
            if saving and (saving.is_due or one.done == settings.steps):
                saving.save(one.state())
                saving.stop_if_asked()
    return one.network()


class Hardening:
    """One network in adversarial training. It is in train mode, but in eval mode while it is attacked.

    So examples are made against the network that will be attacked: no dropout, and the running statistics of batch
    norm, which the attack leaves alone. What is learned goes through the network as in any training, untouched images
    and examples one after the other, under the same dropout.
    """

    def __init__(
        self, module: nn.Module, member: Member, dataset: Dataset, settings: TrainingSettings, adversary: Adversary,
        device: torch.device,
    ) -> None:  # fmt: skip
        self.module, self.settings, self.done = copy.deepcopy(module).to(device), settings, 0
        self.rows: tuple[()] = ()  # nothing is measured on the way
        self._member, self._dataset, self._adversary = member, dataset, adversary
        self.module.load_state_dict(member.start(device))
        self.module.train().requires_grad_(True)
        for layer in dropouts(self.module).values():
            layer.resize(settings.batch)
        self._parameters, self._format = list(self.module.parameters()), memory_format(self.module)
        self._descent = Descent(self._parameters, _masks(self.module, member), settings)
        self._batches = Batches(dataset, [member], batch=settings.batch, augment=settings.augment)
        self._victim = Victim(_on_pixels(self._forward, dataset))

    def step(self) -> None:
        """Attack the next batch and take one step on it."""
        self._draw_dropout()
        loss = self.loss(*self.batch())
        self._descent.apply(torch.autograd.grad(loss, self._parameters), learning_rate(self.done, self.settings))
        self.done += 1
        if self.done % self.settings.validate_every == 0 or self.done == self.settings.steps:
            self._refuse_divergence(float(loss.detach()))

    def batch(self) -> tuple[Tensor, Tensor]:
        """Return the images uint8 [B, C, H, W] and labels int64 [B] of this step."""
        images, labels, (chosen,) = self._batches.examples(self.done)
        chosen = chosen.to(images.device)
        return images[chosen].view(len(chosen), *self._dataset.input_shape), labels[chosen]

    def loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return alpha J(x) + (1 - alpha) J(x') of images uint8 [B, C, H, W]; what has no share is not computed."""
        share, terms = self._adversary.clean_share, []
        if share < 1:
            learned = self._victim.logits(self.examples(images, labels))  # in train mode again
            terms.append((1 - share) * cross_entropy(learned, labels))
        if share > 0:
            terms.append(share * cross_entropy(self._forward(self._dataset.normalise(images)), labels))
        return torch.stack(terms).sum()

    def examples(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the adversarial examples of this step, pixels float32 [B, C, H, W]; the network in eval mode."""
        generator = torch.Generator().manual_seed(derive("harden", self._member.noise, self.done))
        self.module.eval()
        made = self._adversary.examples(self._victim, images.float() / 255, labels, generator=generator)
        self.module.train()
        return made

    def network(self) -> State:
        """Return the network's whole state, sharing memory."""
        return dict(self.module.state_dict())

    def state(self) -> State:
        """Return all that the rest of the training depends on, as flat named tensors sharing memory."""
        return {"done": torch.tensor(self.done), **self._tensors()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go back to what `state` returned."""
        for name, tensor in self._tensors().items():
            tensor.copy_(state[name])
        self.done = int(state["done"])

    def _tensors(self) -> State:
        network = {f"network:{name}": value for name, value in self.network().items()}
        return network | {f"optimiser:{name}": value for name, value in self._descent.state().items()}

    def _forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.module(inputs.to(memory_format=self._format))
        return outputs

    def _draw_dropout(self) -> None:
        """Draw what the natural training draws at this step."""
        for name, layer in dropouts(self.module).items():
            layer.draw(torch.Generator().manual_seed(derive("dropout", self._member.noise, self.done, name)))

    def _refuse_divergence(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise ReproofError(
                f"adversarial training diverged: seed {self._member.seed}: loss {loss} after {self.done} steps; "
                f"lower training.lr ({self.settings.lr}) or add training.warmup"
            )


def _masks(module: nn.Module, member: Member) -> list[Tensor | None]:
    """Return what holds each parameter at 0, float32, or None."""
    masks = member.masks or {}
    return [masks[name].to(one) if name in masks else None for name, one in module.named_parameters()]


def _on_pixels(forward: Callable[[Tensor], Tensor], dataset: Dataset) -> Callable[[Tensor], Tensor]:
    """Return the same function of pixels in [0, 1] instead of normalised inputs."""
    scale, shift = dataset.scale_and_shift
    return lambda pixels: forward(pixels * (255 * scale) + shift)
