"""The training of a block: its members one after the other on a CPU, or stacked into one network on a GPU."""

import copy
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from reproof.data.dataset import Dataset
from reproof.settings import TrainingSettings
from reproof.storage.files import Array
from reproof.training.backends import assign_backends
from reproof.training.members import Member
from reproof.training.objective import CLASSIFICATION, Objective
from reproof.training.progress import make_progress_watcher
from reproof.training.saving import Saving
from reproof.training.trainer import Trainer

Points = dict[str, dict[str, Tensor]]  # point of the training: state of all members, {name: [members, ...]}
Curves = dict[str, Array]  # columns of a tidy table; a job that trains does not pay for importing pandas


@dataclass(frozen=True, eq=False)
class TrainedBlock:
    """A trained block.

    points: maps "step{k}" and "final" to {name: [members, ...]}, on the CPU.
    curves: the columns of a tidy table, each [measurements]; see `_collect_curves`.
    seconds: the wall time of this call.
    """

    points: Points
    curves: Curves
    seconds: float


def train_block(
    module: nn.Module, members: Sequence[Member], *,
    dataset: Dataset, settings: TrainingSettings, objective: Objective = CLASSIFICATION, first_step: int = 0,
    snapshots: Sequence[int] = (), device: str = "cpu", stacked: bool | None = None,
    saving: Saving | None = None, label: str = "training",
) -> TrainedBlock:  # fmt: skip
    """Train all members from their weights at `first_step` to the end of the budget.

    The device selects the backend. A CPU trains one network after the other: a block equals its seeds alone, bit for
    bit. A GPU trains all of them stacked, which is equal to rounding. `stacked` overrides the device. With `saving`, a
    killed call resumes from its last saved state when called again, with a bit-identical end.

    `snapshots` are steps whose states are returned. Raises ReproofError if a loss is not finite, or if the process was
    asked to stop.
    """
    together = stacked if stacked is not None else device != "cpu"
    groups = assign_backends(
        module, members, settings=settings, objective=objective, steps=settings.steps - first_step, together=together
    )
    began, parts, state = time.monotonic(), [], saving.load() if saving else {}
    with saving.defer_signals() if saving else nullcontext():
        for index, (group, backend) in enumerate(groups):
            # A copy: the caller's module serves every group.
            networks = backend(
                copy.deepcopy(module), group, device=torch.device(device), settings=settings, objective=objective
            )
            trainer = Trainer(
                networks, group, dataset=dataset, settings=settings, objective=objective, first_step=first_step
            )
            if f"{index}:done" in state:
                trainer.restore(_select_group(index, state))
                print(f"{label}, {_describe_group(group)}: goes on from step {trainer.done:,}")
            # Finished groups are part of what is saved, so that a resumed call trains none of them twice.
            watch = [
                make_progress_watcher(f"{label}, {_describe_group(group)}"),
                *([_make_saver(saving, index, state)] if saving else []),
            ]
            trainer.run(snapshots=snapshots, watch=watch)
            state |= {f"{index}:{name}": value.clone() for name, value in trainer.read_state().items()}
            parts.append(trainer)
    return TrainedBlock(_collect_points(parts), _collect_curves(parts), time.monotonic() - began)


def _make_saver(saving: Saving, index: int, finished: Mapping[str, Tensor]) -> Callable[[Trainer], None]:
    """Return a watcher that saves the finished groups and the current state of this one."""

    def watch(trainer: Trainer) -> None:
        if saving.is_due:
            saving.save({**finished, **{f"{index}:{name}": value for name, value in trainer.read_state().items()}})
            saving.stop_if_asked()

    return watch


def _select_group(index: int, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the part of a resumable state that group `index` saved."""
    start = f"{index}:"
    return {name.removeprefix(start): value for name, value in state.items() if name.startswith(start)}


def _describe_group(group: Sequence[Member]) -> str:
    first = group[0]
    return f"seed {first.seed}, draw {first.draw}, level {first.level}" if len(group) == 1 else f"{len(group)} networks"


def _collect_points(parts: Sequence[Trainer]) -> Points:
    """Return the states of all members at each point, {point: {name: [members, ...]}}, on the CPU."""
    ends = [trainer.snapshots | {"final": trainer.networks.read_state()} for trainer in parts]
    return {
        point: {name: torch.cat([end[point][name] for end in ends]).cpu() for name in ends[0][point]}
        for point in ends[0]
    }


def _collect_curves(parts: Sequence[Trainer]) -> Curves:
    """Return one row for each measurement.

    level, seed, draw: int16. step: int32. split: str. The objective's measures: float64.
    """
    # The sort is stable: the rows of one member stay in the order of time.
    rows = [(row, trainer) for trainer in parts for row in sorted(trainer.rows, key=lambda row: row.member)]
    members = [trainer.members[row.member] for row, trainer in rows]
    columns = {name: np.array([getattr(one, name) for one in members], np.int16) for name in ("level", "seed", "draw")}
    columns["step"] = np.array([row.step for row, _ in rows], np.int32)
    columns["split"] = np.array([row.split for row, _ in rows])
    values = np.array([row.values for row, _ in rows], np.float64)
    return columns | {name: values[:, index] for index, name in enumerate(parts[0].objective.measures)}
