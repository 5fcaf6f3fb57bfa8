"""What the three training jobs share: their settings, the networks they start from, and where results go."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from reproof.data.dataset import Dataset, load_dataset
from reproof.networks import build, initial_deviation, initialise
from reproof.pruning.masks import Masks
from reproof.pruning.ticket import Ticket
from reproof.seeding import derive
from reproof.settings import DataSettings, TrainingSettings
from reproof.storage.checkpoints import Weights
from reproof.storage.files import write_parquet
from reproof.training.block import Trained, train_block
from reproof.training.members import Member
from reproof.training.processor import flush_subnormals, keep_freed_memory
from reproof.training.saving import Saving


@dataclass(frozen=True)
class Job:
    """A training job: where its data, settings and resumable state are, and how it is to compute."""

    data: str
    settings_json: str
    code: str
    state: str
    threads: int = 1

    @classmethod
    def from_rule(cls, data: str, params: Any, threads: int) -> "Job":
        """Make from a rule's data file, its parameters (settings, code, state) and its threads."""
        return cls(data, params.settings, params.code, params.state, threads)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings as plain values."""
        asked: dict[str, Any] = json.loads(self.settings_json)
        return asked

    @cached_property
    def device(self) -> str:
        """The one GPU that this process sees, if there is one; never chosen by number."""
        return "cuda" if torch.cuda.is_available() else "cpu"

    @cached_property
    def dataset(self) -> Dataset:
        """The data, split as the settings say, on the device."""
        split = DataSettings.parse(self.settings["dataset"])
        return load_dataset(self.data, validation=split.validation, split_seed=split.split_seed, device=self.device)

    def build_network(self, asked: Mapping[str, Any] | None = None) -> nn.Module:
        """Return the network of the settings, or the one that `asked` describes, its weights not yet drawn."""
        asked = asked or self.settings["network"]
        options = {key: value for key, value in asked.items() if key != "name"}
        shape, classes = self.dataset.input_shape, self.dataset.classes
        return build(asked["name"], input_shape=shape, classes=classes, **options)

    def draw_weights(self, *which: str | int) -> Weights:
        """Return weights drawn from the run's initialiser by the seed that `which` names."""
        module, generator = self.build_network(), torch.Generator().manual_seed(derive("initialisation", *which))
        initialise(module, generator=generator, **self.settings["initialisation"])
        return {name: value.numpy().copy() for name, value in module.state_dict().items()}

    def compute_deviations(self) -> dict[str, float]:
        """Return the standard deviation that each prunable weight is drawn with."""
        return initial_deviation(self.build_network(), scheme=self.settings["initialisation"]["scheme"])

    def train(
        self, members: Sequence[Member], *, label: str, snapshots: Sequence[int] = (), first_step: int = 0,
        module: nn.Module | None = None, settings: TrainingSettings | None = None, stacked: bool | None = None,
    ) -> Trained:  # fmt: skip
        """Train the members from `first_step` on; a call with a saved state of this label continues from it.

        The members are states of `module`, by default the job's network; `settings` are by default the job's own.
        `stacked` decides whether all members train as one network; by default the device does.
        """
        torch.set_num_threads(self.threads)  # fixed by the rule: rounding and speed depend on it
        keep_freed_memory()
        flush_subnormals()
        return train_block(
            self.build_network() if module is None else module, members, dataset=self.dataset,
            settings=settings or TrainingSettings.parse(self.settings["training"]), first_step=first_step,
            snapshots=snapshots, device=self.device, stacked=stacked, saving=self.make_saving(label), label=label,
        )  # fmt: skip

    def make_saving(self, label: str) -> Saving:
        """Return where the resumable state of one part of the job lies; it belongs to settings, code and device."""
        identity = f"{self.settings_json}\n{self.code}\n{label}\n{self.device}"
        return Saving(Path(f"{self.state}.{label.replace(' ', '_')}"), hashlib.sha256(identity.encode()).hexdigest())

    def finish(self) -> None:
        """Remove the resumable state: the results are written."""
        for path in Path(self.state).parent.glob(f"{Path(self.state).name}.*"):
            path.unlink()


def make_member(ticket: Ticket | Weights, *, seed: int, arm: str, level: int = 0, draw: int = 0) -> Member:
    """Return a network to be trained, with SGD noise of its own: no two arms, levels or draws share a data order."""
    masks: Masks = ticket.masks if isinstance(ticket, Ticket) else {}
    start = ticket.start if isinstance(ticket, Ticket) else ticket
    return Member(
        seed=seed, draw=draw, level=level, noise=derive("noise", seed, arm, level, draw),
        weights={name: torch.from_numpy(np.array(value)) for name, value in start.items()},
        masks={name: torch.from_numpy(mask) for name, mask in masks.items()},
    )  # fmt: skip


def convert_to_arrays(trained: Trained) -> dict[str, Weights]:
    """Return the points of a trained block as numpy arrays."""
    return {point: {k: v.detach().numpy() for k, v in weights.items()} for point, weights in trained.points.items()}


def write_curves(path: str, trained: Trained) -> None:
    """Write the tidy curves of a block."""
    write_parquet(path, trained.curves)
