"""Adversarial training: a network's own training, with a loss on adversarial examples that a method supplies.

The methods: `adversary` attacks each step's batch, `pools` keeps examples for each layer.
"""

import copy
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from reproof.data.dataset import Dataset
from reproof.networks import choose_memory_format, find_dropouts
from reproof.seeding import derive
from reproof.settings import TrainingSettings
from reproof.storage.files import ReproofError
from reproof.training.batches import Batches
from reproof.training.members import Member
from reproof.training.optimisers import Descent
from reproof.training.progress import make_progress_watcher
from reproof.training.saving import Saving
from reproof.training.schedule import compute_learning_rate
from reproof.training.trainer import Trainer

State = dict[str, Tensor]  # weights and statistics of one network, by name
SavedTensors = dict[str, Tensor]  # all that resumed training depends on, by name


class Lesson(Protocol):
    """Loss of one network in adversarial training, step by step."""

    def compute_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the scalar loss of this step on its batch: images uint8 [B, C, H, W], labels int64 [B]."""

    def collect_saved_tensors(self) -> SavedTensors:
        """Return the tensors, of any shape, that later steps need besides the network's, by name, sharing memory."""


class Method(Protocol):
    """Settings of one way of adversarial training, from which each network gets its own lesson."""

    def make_lesson(self, one: "Hardening") -> Lesson:
        """Return the lesson of a network at the start of its training."""


def train_adversarially(
    module: nn.Module, member: Member, *, dataset: Dataset, settings: TrainingSettings, method: Method,
    device: str = "cpu", saving: Saving | None = None, label: str = "hardening",
) -> State:  # fmt: skip
    """Train one network adversarially for the whole budget; return its state, {name: tensor of its shape}, on `device`.

    Batches, rates and dropout equal those of the member's natural training. With `saving`, an interrupted call resumes
    from its last saved state and gives bit-identical weights; a finished one is not repeated.

    Raises ReproofError if the loss is not finite.
    """
    one, watch = (
        Hardening(module, member, dataset, settings, method, torch.device(device)),
        make_progress_watcher(label),
    )
    if saving and (state := saving.load()):
        one.restore(state)
        print(f"{label}: goes on from step {one.done:,}")
    with saving.defer_signals() if saving else nullcontext():
        while one.done < settings.steps:
            one.step()
            # `watch` reads only attributes that Trainer and Hardening share: settings, done and rows.
            watch(cast(Trainer, one))
            if saving and (saving.is_due or one.done == settings.steps):
                saving.save(one.collect_saved_tensors())
                saving.stop_if_asked()
    return one.read_weights()


class Hardening:
    """One network in adversarial training: train mode for learning, eval mode while it is under attack.

    So examples attack the network that will be attacked later: without dropout, and with the running statistics of
    batch norm, which the attack leaves unchanged. Clean images and examples pass through the network in train mode, one
    after the other, under the same dropout masks.
    """

    def __init__(
        self, module: nn.Module, member: Member, dataset: Dataset, settings: TrainingSettings, method: Method,
        device: torch.device,
    ) -> None:  # fmt: skip
        # A copy: the caller's network serves other seeds, too.
        self.module, self.settings, self.done = copy.deepcopy(module).to(device), settings, 0
        self.rows: tuple[()] = ()  # no measurement during training
        self.dataset, self._member = dataset, member
        self.module.load_state_dict(member.make_start(device))
        self.module.train().requires_grad_(True)
        for layer in find_dropouts(self.module).values():
            layer.resize(settings.batch)
        self._parameters, self._format = list(self.module.parameters()), choose_memory_format(self.module)
        self._descent = Descent(self._parameters, _list_masks(self.module, member), settings)
        self._batches = Batches(dataset, [member], batch=settings.batch, augment=settings.augment)
        self.lesson = method.make_lesson(self)

    def step(self) -> None:
        """Take one step on the next batch."""
        self._draw_dropout()
        loss = self.lesson.compute_loss(*self.read_batch())
        self._descent.apply(
            torch.autograd.grad(loss, self._parameters), compute_learning_rate(self.done, self.settings)
        )
        self.done += 1
        # Reading the loss waits for the device, so it is not read at every step.
        if self.done % self.settings.validate_every == 0 or self.done == self.settings.steps:
            self._refuse_divergence(float(loss.detach()))

    def read_batch(self) -> tuple[Tensor, Tensor]:
        """Return the images uint8 [B, C, H, W] and labels int64 [B] of this step."""
        images, labels, (chosen,) = self._batches.select_examples(self.done)
        chosen = chosen.to(images.device)
        # Bytes, not normalised inputs: attacks need pixels, the loss on clean images needs inputs.
        return images[chosen].view(len(chosen), *self.dataset.input_shape), labels[chosen]

    def compute_natural_loss(self, images: Tensor, labels: Tensor) -> Tensor:
        """Return the mean cross-entropy, in nats, on clean images uint8 [B, C, H, W] with labels int64 [B]."""
        return cross_entropy(self.forward(self.dataset.normalise(images)), labels)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits [B, K] of normalised images float32 [B, C, H, W]."""
        outputs: Tensor = self.module(inputs.to(memory_format=self._format))
        return outputs

    def forward_pixels(self, pixels: Tensor) -> Tensor:
        """Return the logits [B, K] of pixels float32 [B, C, H, W] in [0, 1]."""
        # The normalisation is inside the network, so that epsilon is in pixels.
        return self.forward(self.dataset.normalise_pixels(pixels))

    @contextmanager
    def switch_to_eval_mode(self) -> Iterator[None]:
        """Put the network in eval mode within the context, and back in train mode after it."""
        self.module.eval()
        yield
        self.module.train()

    def make_generator(self, purpose: str) -> torch.Generator:
        """Return a generator seeded by the purpose, the member and the step."""
        return torch.Generator().manual_seed(derive(purpose, self._member.noise, self.done))

    def read_weights(self) -> State:
        """Return the network's weights and statistics by name, in their shapes, sharing memory."""
        return dict(self.module.state_dict())

    def collect_saved_tensors(self) -> SavedTensors:
        """Return all tensors, of any shape, that the rest of the training depends on, by name, sharing memory."""
        return {"done": torch.tensor(self.done), **self._collect_tensors()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Continue from the tensors of `collect_saved_tensors`, by name and of the same shapes."""
        for name, tensor in self._collect_tensors().items():
            # Into the memory that network and optimiser already use.
            tensor.copy_(state[name])
        self.done = int(state["done"])

    def _collect_tensors(self) -> SavedTensors:
        """Return the tensors of network, optimiser and lesson, each name with its prefix."""
        network = {f"network:{name}": value for name, value in self.read_weights().items()}
        optimiser = {f"optimiser:{name}": value for name, value in self._descent.read_state().items()}
        return (
            network
            | optimiser
            | {f"lesson:{name}": value for name, value in self.lesson.collect_saved_tensors().items()}
        )

    def _draw_dropout(self) -> None:
        """Draw the masks that the natural training draws at this step."""
        for name, layer in find_dropouts(self.module).items():
            # The seed of the mask equals that of natural training, so the two differ in their loss alone.
            layer.draw(torch.Generator().manual_seed(derive("dropout", self._member.noise, self.done, name)))

    def _refuse_divergence(self, loss: float) -> None:
        """Raise ReproofError unless the loss is finite."""
        if not math.isfinite(loss):
            raise ReproofError(
                f"adversarial training diverged: seed {self._member.seed}: loss {loss} after {self.done} steps; "
                f"lower training.lr ({self.settings.lr}) or add training.warmup"
            )


def _list_masks(module: nn.Module, member: Member) -> list[Tensor | None]:
    """Return the mask of each parameter, float32 of its shape, 0 where the weight is pruned; None for no mask."""
    masks = member.masks or {}
    return [masks[name].to(one) if name in masks else None for name, one in module.named_parameters()]
