"""The training loop: steps, validations, snapshots, and a resumable state with bit-identical continuation."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from reproof.data.dataset import Dataset
from reproof.seeding import derive
from reproof.settings import TrainingSettings
from reproof.storage.files import ReproofError
from reproof.training.backends.protocol import Networks
from reproof.training.batches import Batches
from reproof.training.evaluate import evaluate
from reproof.training.members import Member
from reproof.training.objective import Objective
from reproof.training.schedule import compute_learning_rate
from reproof.training.state import ResumableState, State

Watch = Callable[["Trainer"], None]


@dataclass(frozen=True)
class Row:
    """One measurement of one network: the means of the objective's measures over a split after `step` steps.

    member: the index of the network in its group. values: in the order of `Objective.measures`.
    """

    member: int
    step: int
    split: str
    values: tuple[float, ...]


@dataclass(eq=False)
class Best:
    """The early-stopping point: the least validation loss so far (Frankle & Carbin 2019, appendix C).

    loss: float64 [S]. step: int64 [S], -1 before the first. state: {name: [S, ...]}, each network's at its own step.
    """

    loss: Tensor
    step: Tensor
    state: State = field(default_factory=dict)

    def update(self, *, loss: Tensor, step: int, state: State) -> None:
        """Replace the state of each network whose validation loss, float64 [S], is below its best.

        state: {name: [S, ...]}. Of equal losses the first stays.
        """
        better = loss < self.loss
        # The first call makes the copies that later calls write into.
        if not self.state:
            self.state = {name: value.clone() for name, value in state.items()}
        if bool(better.any()):
            for name, value in state.items():
                self.state[name][better] = value[better]
        self.loss, self.step = torch.where(better, loss, self.loss), torch.where(better, step, self.step)


class Trainer:
    """The training of a group of S networks together, each with its own data order, under one schedule.

    `done` counts the steps taken, `rows` holds the measurements, `snapshots` maps "step{k}" to {name: [S, ...]}.
    """

    def __init__(
        self, networks: Networks, members: Sequence[Member], *,
        dataset: Dataset, settings: TrainingSettings, objective: Objective, first_step: int = 0,
    ) -> None:  # fmt: skip
        self.networks, self.members, self.dataset = networks, members, dataset
        self.settings, self.objective, self.done = settings, objective, first_step
        self.rows: list[Row] = []
        self.snapshots: dict[str, dict[str, Tensor]] = {}
        self.best = Best(torch.full((networks.size,), math.inf, dtype=torch.float64), torch.full((networks.size,), -1))
        self._batches = Batches(dataset, members, batch=settings.batch, augment=settings.augment)
        # Once is enough: `evaluate` puts the networks back in train mode.
        networks.module.train()

    def run(self, *, snapshots: Sequence[int] = (), watch: Sequence[Watch] = ()) -> None:
        """Train to the end of the budget, and call the watchers after every step, when the state is complete.

        The snapshot of step k is the state before step number k, so that k = 0 is the initialisation. Raises
        ReproofError if a loss is not finite, or if a step draws from PyTorch's global generator.
        """
        before, first = self._read_global_chance(), self.done
        while self.done < self.settings.steps:
            self._snapshot(snapshots)
            self.step()
            if self.done == first + 1 and not torch.equal(before, self._read_global_chance()):
                raise ReproofError(
                    f"network {type(self.networks.module).__name__}: it draws random numbers from PyTorch's global "
                    "generator, so that equal seeds would give other results; use Dropout of reproof/networks/layers.py"
                )
            if self.done % self.settings.validate_every == 0 or self.done == self.settings.steps:
                self._validate()
            for one in watch:
                one(self)
        self._snapshot(snapshots)
        self._finish()

    def step(self) -> None:
        """Take one step of gradient descent."""
        # All chance is drawn before the step and from the step's number: a resumed training draws the same.
        self._draw_dropout()
        self.networks.descend(self._batches, self.done, compute_learning_rate(self.done, self.settings))
        self.done += 1

    def read_state(self) -> ResumableState:
        """Return everything that the remaining steps depend on, as flat named tensors that share memory."""
        snapshots = {f"{k}/{name}": tensor for k, one in self.snapshots.items() for name, tensor in one.items()}
        # safetensors files hold tensors only.
        rows = torch.tensor([_encode_row(row) for row in self.rows], dtype=torch.float64)
        return {
            "done": torch.tensor(self.done), "rows": rows, "best.loss": self.best.loss, "best.step": self.best.step,
            **_add_prefix("network", self.networks.read_state()),
            **_add_prefix("best.state", self.best.state),
            **_add_prefix("optimiser", self.networks.read_optimiser_state()),
            **_add_prefix("snapshot", snapshots),
        }  # fmt: skip

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Load what `read_state` returned, {name: tensor} of the same shapes, onto the device of the networks."""
        self.done = int(state["done"])
        self.rows = [_decode_row(numbers) for numbers in state["rows"].tolist()]
        self.networks.load_state(_select_prefixed("network", state))
        for name, tensor in self.networks.read_optimiser_state().items():
            tensor.copy_(state[f"optimiser:{name}"])
        now = self.networks.read_state()
        # `update` writes single networks into the best state, so it must be on the device of the current one.
        best = {name: value.to(now[name].device) for name, value in _select_prefixed("best.state", state).items()}
        self.best = Best(state["best.loss"], state["best.step"], best)
        for name, tensor in _select_prefixed("snapshot", state).items():
            point, _, weight = name.partition("/")
            self.snapshots.setdefault(point, {})[weight] = tensor

    def _read_global_chance(self) -> Tensor:
        """Return the state of the generator that PyTorch's layers draw from by default, on the device of the data."""
        return torch.cuda.get_rng_state() if self.dataset.train.images.is_cuda else torch.get_rng_state()

    def _draw_dropout(self) -> None:
        """Draw the masks of this step, each [B, features], seeded by member, step and layer."""
        for index, name, keep in self.networks.list_dropout_masks():
            seed = derive("dropout", self.members[index].noise, self.done, name)
            layer = self.networks.module.get_submodule(name)
            layer.draw(torch.Generator().manual_seed(seed), into=keep)  # type: ignore[operator]

    def _snapshot(self, steps: Sequence[int]) -> None:
        """Keep a copy of the states if the number of steps taken is one of `steps`."""
        if self.done in steps:
            self.snapshots[f"step{self.done}"] = {k: v.clone() for k, v in self.networks.read_state().items()}

    def _validate(self) -> None:
        """Measure the validation split, at times also the test split, and update the early-stopping point."""
        # Without a validation split (Frankle et al. 2020) there is no early-stopping point.
        if len(self.dataset.validation):
            loss = self._measure("validation")
            self._refuse_divergence(loss)
            self.best.update(loss=loss, step=self.done, state=self.networks.read_state())
        if self.done % self.settings.test_every == 0 and self.done < self.settings.steps:
            self._measure("test")

    def _finish(self) -> None:
        """Measure all splits at the end and at the early-stopping point."""
        end = {name: value.clone() for name, value in self.networks.read_state().items()}
        self._refuse_divergence(self._measure("train"))
        self._measure("test")
        if self.best.state:
            # The networks take on the best state for the measurement only; the final state is the result.
            self.networks.load_state(self.best.state)
            for split in ("train", "test"):
                self._measure(split, steps=self.best.step.tolist())
            self.networks.load_state(end)

    def _measure(self, split: str, steps: Sequence[int] | None = None) -> Tensor:
        """Record all measures on a split, and return the losses, float64 [S].

        The rows carry `steps`, one for each network, or the current step.
        """
        measured = evaluate(self.networks, getattr(self.dataset, split), dataset=self.dataset, objective=self.objective)
        for index in range(self.networks.size):
            values = tuple(float(value[index]) for value in measured.values())
            row = Row(index, steps[index] if steps else self.done, split, values)
            # The early-stopping point may be the last step, which is measured already.
            if row not in self.rows:
                self.rows.append(row)
        return measured["loss"]

    def _refuse_divergence(self, loss: Tensor) -> None:
        """Raise ReproofError if a loss [S] is not finite."""
        for member, value in zip(self.members, loss.tolist(), strict=True):
            if not math.isfinite(value):
                raise ReproofError(
                    f"training diverged: seed {member.seed}, level {member.level}: loss {value} after "
                    f"{self.done} steps; lower training.lr ({self.settings.lr}) or add training.warmup"
                )


def _encode_row(row: Row) -> list[float]:
    """Return the row as numbers."""
    # Float64 holds these integers exactly, so that one tensor holds a whole row.
    return [row.member, row.step, SPLITS.index(row.split), *row.values]


def _decode_row(numbers: list[float]) -> Row:
    """Return the row of these numbers: the inverse of `_encode_row`."""
    member, step, split, *values = numbers
    return Row(int(member), int(step), SPLITS[int(split)], tuple(values))


SPLITS = ("train", "validation", "test")


def _add_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}:{name}": tensor for name, tensor in tensors.items()}


def _select_prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}:")}
