"""What an operation is given, the networks of a block of seeds, and the tidy rows that it gives back."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from reproof.checkpoints import Weights, read_checkpoint
from reproof.costs import Settings, Work
from reproof.data.dataset import Split
from reproof.files import write_parquet
from reproof.jobs.training import Job
from reproof.metrics import Metric
from reproof.pruning.masks import Masks, kept, read_masks
from reproof.training.backends.protocol import Networks
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.variants import State, Variants

Row = dict[str, Any]
Rows = Iterator[Row]
TYPES = {
    **{"level": np.int16, "kept": np.float64, "seed": np.int16, "draw": np.int16},
    **{"arm": np.str_, "part": np.str_, "at": np.float64, "metric": np.str_, "value": np.float64},
}
USUAL: Row = {"draw": 0, "arm": "ticket", "part": "", "at": float("nan")}


@dataclass(frozen=True)
class Subject:
    """The networks that an operation measures: their training job, and where weights and masks lie."""

    job: Job
    dense_file: str
    mask_files: Sequence[str] = ()
    ticket_files: Sequence[str] = ()

    @classmethod
    def of(cls, files: Any, params: Any, threads: int) -> "Subject":
        """Make from a rule's input files (data, dense, and masks and tickets where it has them) and its parameters."""
        named = [list(files.get(name, [])) for name in ("masks", "tickets")]
        return cls(Job.of(files.data, params, threads), files.dense, *named)

    @property
    def seeds(self) -> list[int]:
        """The seeds of the block."""
        seeds: list[int] = self.job.asked["seeds"]
        return seeds

    @property
    def levels(self) -> list[int]:
        """The levels to measure at; 0 is the dense network."""
        levels: list[int] = self.job.asked["levels"]
        return levels

    def dense(self, *points: str) -> list[list[Weights]]:
        """Return, for each named point ("step0", "final") of the dense training, the weights of each seed."""
        return read_checkpoint(self.dense_file, *points)

    def at_step(self, step: int) -> list[Weights]:
        """Return the weights of each seed at a step of the dense training; its last step is the end."""
        (weights,) = self.dense("final" if step == self.job.asked["training"]["steps"] else f"step{step}")
        return weights

    def masks(self, level: int) -> list[Masks]:
        """Return the masks of each seed at a level; of the dense network none."""
        return self._masks[level] if level else [{} for _ in self.seeds]

    def tickets(self, level: int) -> list[Weights]:
        """Return the trained weights of each seed at a level; at level 0 those of the dense network."""
        file = dict(zip(filter(None, self.levels), self.ticket_files, strict=True))[level] if level else self.dense_file
        (weights,) = read_checkpoint(file, "final")
        return weights

    def variants(self, states: Sequence[State]) -> Variants:
        """Return the network under many whole states, to be evaluated together."""
        return Variants(self.job.network(), states, device=self.job.device)

    def evaluate(self, states: Sequence[State], split: Split) -> dict[str, Tensor]:
        """Return {measure: float64 [P]}, "accuracy" and "loss" in nats, of all states over a split, in one go."""
        networks = cast(Networks, self.variants(states))  # of which `evaluate` asks for outputs and mode alone
        return evaluate(networks, split, dataset=self.job.dataset, objective=CLASSIFICATION)

    def facts(self, level: int, seed: int) -> Row:
        """Return the columns that place a measurement: level, kept, seed."""
        mask = self.masks(level)[self.seeds.index(seed)]
        return {"level": level, "kept": kept(mask) if mask else 1.0, "seed": seed}

    @cached_property
    def _masks(self) -> dict[int, list[Masks]]:
        return dict(zip(filter(None, self.levels), (read_masks(Path(file)) for file in self.mask_files), strict=True))


def tensors(weights: Weights) -> dict[str, Tensor]:
    """Return weights as they are stored as a state that torch reads."""
    return {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}


def operation(
    *, metrics: Sequence[Metric], cost: Callable[[Settings], Work]
) -> Callable[[Callable[..., Rows]], Callable[..., Rows]]:
    """Mark `function(subject, *, options)` as an operation, to be found by name; it yields rows.

    A row holds level, kept, seed, metric and value, and may hold draw, arm, part and at (see USUAL). Its keyword-only
    arguments are its options in the configuration. `metrics` are those that it measures, `cost` returns the work of a
    job with these settings. Both are read from source, without importing the module: see `reproof.declarations`.
    """
    return lambda function: function


def measure(function: Callable[..., Rows], subject: Subject, metrics: str) -> float:
    """Write the rows of an operation, with the options of the settings, as a tidy table; return the seconds taken."""
    began = time.monotonic()
    torch.set_num_threads(subject.job.threads)  # fixed by the rule: rounding and speed depend on it
    rows = [USUAL | row for row in function(subject, **subject.job.asked["options"])]
    write_parquet(metrics, {name: np.array([row[name] for row in rows], type) for name, type in TYPES.items()})
    subject.job.finish()
    return round(time.monotonic() - began, 3)
