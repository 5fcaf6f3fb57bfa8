"""Shared parts of the training jobs: settings, initial networks, resumable state, results."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from reproof.data.dataset import Dataset, load_dataset
from reproof.networks import build, compute_initial_deviation, initialise
from reproof.pruning.masks import Masks
from reproof.pruning.ticket import Ticket
from reproof.registry import changes_no_result
from reproof.seeding import derive
from reproof.settings import DataSettings, TrainingSettings
from reproof.storage.checkpoints import Weights
from reproof.storage.files import write_parquet
from reproof.training.block import TrainedBlock, train_block
from reproof.training.members import Member
from reproof.training.processor import flush_subnormals, keep_freed_memory
from reproof.training.saving import Saving


@dataclass(frozen=True)
class Job:
    """A training job: the file of its data, its settings (JSON), its code, its resumable state, its threads.

    `inputs` are the hashes of all files that it reads, {path: SHA-256}.
    """

    data: str
    settings_json: str
    code: str
    state: str
    threads: int = 1
    inputs: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_rule(cls, data: str, params: Any, threads: int, inputs: Mapping[str, str]) -> "Job":
        """Return the job of a rule, from its data file, its parameters, its threads and the hashes of its inputs.

        The parameters are settings, code and state.
        """
        return cls(data, params.settings, params.code, params.state, threads, inputs)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The settings as plain values."""
        settings: dict[str, Any] = json.loads(self.settings_json)
        return settings

    @cached_property
    def device(self) -> str:
        """The GPU of this process or the CPU. Never a number: the scheduler decides which GPU the process sees."""
        return "cuda" if torch.cuda.is_available() else "cpu"

    @cached_property
    def dataset(self) -> Dataset:
        """The data set on the device, split according to the settings."""
        split = DataSettings.parse(self.settings["dataset"])
        return load_dataset(self.data, validation=split.validation, split_seed=split.split_seed, device=self.device)

    def build_network(self, asked: Mapping[str, Any] | None = None) -> nn.Module:
        """Return the network of the settings, or the one described by `asked`; its weights are not yet drawn."""
        asked = asked or self.settings["network"]
        # All other keys are options of the factory, which `build` checks.
        options = {key: value for key, value in asked.items() if key != "name"}
        shape, classes = self.dataset.input_shape, self.dataset.classes
        return build(asked["name"], input_shape=shape, classes=classes, **options)

    def draw_weights(self, *which: str | int) -> Weights:
        """Return initial weights, drawn by the run's initialiser with the seed named by `which`.

        They are the whole state, {name: float32 of the shape of the weight}; counters are int64.
        """
        module, generator = self.build_network(), torch.Generator().manual_seed(derive("initialisation", *which))
        initialise(
            module, generator=generator, name=self.settings["network"]["name"], **self.settings["initialisation"]
        )
        # Copies: `numpy` shares the memory of the module.
        return {name: value.numpy().copy() for name, value in module.state_dict().items()}

    def compute_deviations(self) -> dict[str, float]:
        """Return {prunable weight: standard deviation of its initial distribution}."""
        return compute_initial_deviation(self.build_network(), scheme=self.settings["initialisation"]["scheme"])

    def train(
        self, members: Sequence[Member], *, label: str, snapshots: Sequence[int] = (), first_step: int = 0,
        module: nn.Module | None = None, settings: TrainingSettings | None = None, stacked: bool | None = None,
    ) -> TrainedBlock:  # fmt: skip
        """Train the members from `first_step` on; a saved state with this label is continued.

        The members are states of `module`, by default the network of the job. `settings` default to those of the job.
        `stacked` trains all members as one network; the default depends on the device.
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
        """Return the file of the resumable state of one part."""
        return Saving(Path(f"{self.state}.{label.replace(' ', '_')}"), compute_state_identity(self, label))

    def finish(self) -> None:
        """Remove the resumable states, after the results are written."""
        # A job has one state for each of its parts.
        for path in Path(self.state).parent.glob(f"{Path(self.state).name}.*"):
            path.unlink()


@changes_no_result
def compute_state_identity(job: Job, label: str) -> str:
    """Return the hash of everything that the steps before a saved state depend on: no other job may resume from it.

    That is settings, code, inputs and the part named by `label`, and what decides rounding: library, device, threads. A
    CPU's state may not be continued on a GPU, whose sums round differently.
    """
    about = [job.settings_json, job.code, dict(job.inputs), label, torch.__version__, job.device, job.threads]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def make_member(ticket: Ticket | Weights, *, seed: int, arm: str, level: int = 0, draw: int = 0) -> Member:
    """Return a network for training; its weights and masks keep their shapes and dtypes.

    Each arm, level and draw has its own SGD noise, hence its own data order.
    """
    masks: Masks = ticket.masks if isinstance(ticket, Ticket) else {}
    start = ticket.start if isinstance(ticket, Ticket) else ticket
    return Member(
        seed=seed, draw=draw, level=level, noise=derive("noise", seed, arm, level, draw),
        weights={name: torch.from_numpy(np.array(value)) for name, value in start.items()},
        masks={name: torch.from_numpy(mask) for name, mask in masks.items()},
    )  # fmt: skip


def convert_to_arrays(trained: TrainedBlock) -> dict[str, Weights]:
    """Return {point: {name: array [members, ...]}} of a trained block, of the dtypes of its weights."""
    return {point: {k: v.detach().numpy() for k, v in weights.items()} for point, weights in trained.points.items()}


def write_curves(path: str, trained: TrainedBlock) -> None:
    """Write the learning curves of a block as a tidy table."""
    write_parquet(path, trained.curves)
