"""The input of operations, the networks of a block of seeds, and their output, tidy rows."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from reproof.attacks.victim import Victim
from reproof.data.dataset import Split
from reproof.declarations.costs import Settings, Work
from reproof.declarations.layers import Options, Sizes
from reproof.metrics import Metric
from reproof.operations.common.training_job import Job
from reproof.pruning.masks import Masks, compute_kept_share, read_masks
from reproof.settings import find_operation
from reproof.storage.checkpoints import Weights, read_checkpoint
from reproof.storage.files import ReproofError, write_parquet
from reproof.training.backends.protocol import Networks
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.state import State
from reproof.training.variants import Variants

Row = dict[str, Any]
Rows = Iterator[Row]
TYPES = {
    **{"level": np.int16, "kept": np.float64, "seed": np.int16, "draw": np.int16},
    **{"arm": np.str_, "part": np.str_, "at": np.float64, "metric": np.str_, "value": np.float64},
}
SIDE = 48  # pixels of a drawn image: each is a row of a table, and this many show the content
ROW_DEFAULTS: Row = {"draw": 0, "arm": "ticket", "part": "", "at": float("nan")}


@dataclass(frozen=True)
class Subject:
    """The networks that an operation measures: their training job and the files of their weights and masks.

    `victim_files` are the dense checkpoints of other runs with the same seeds. Adversarial examples for the measured
    networks are also given to those networks.
    """

    job: Job
    dense_file: str
    mask_files: Sequence[str] = ()
    ticket_files: Sequence[str] = ()
    victim_files: Sequence[str] = ()

    @classmethod
    def from_rule(cls, files: Any, params: Any, threads: int, inputs: Mapping[str, str]) -> "Subject":
        """Return the subject of a rule, from its input files, parameters, threads and the hashes of its inputs.

        The files are data and dense; masks, tickets and victims may be absent.
        """
        named = [list(files.get(name, [])) for name in ("masks", "tickets", "victims")]
        return cls(Job.from_rule(files.data, params, threads, inputs), files.dense, *named)

    @property
    def seeds(self) -> list[int]:
        """The seeds of the block."""
        seeds: list[int] = self.job.settings["seeds"]
        return seeds

    @property
    def operation(self) -> str:
        """The name of the operation."""
        return find_operation(self.job.settings["operation"])

    @property
    def levels(self) -> list[int]:
        """The levels to measure; 0 is the dense network."""
        levels: list[int] = self.job.settings["levels"]
        return levels

    def read_dense(self, *points: str) -> list[list[Weights]]:
        """Return the weights of each seed at each named point ("step0", "final") of the dense training.

        Weights are {name: float32 of the shape of the weight}, parameters and running statistics; counters are int64.
        """
        return read_checkpoint(self.dense_file, *points)

    def read_step(self, step: int) -> list[Weights]:
        """Return the weights {name: array, shape of the weight} of each seed at a step of the dense training."""
        # The last step has no snapshot of its own: it is "final".
        (weights,) = self.read_dense("final" if step == self.job.settings["training"]["steps"] else f"step{step}")
        return weights

    def get_masks(self, level: int) -> list[Masks]:
        """Return the masks {weight: bool of its shape} of each seed at a level, {} at level 0."""
        return self._masks[level] if level else [{} for _ in self.seeds]

    def read_tickets(self, level: int) -> list[Weights]:
        """Return the final weights {name: array, shape of the weight} of each seed at a level; 0 is dense."""
        # Level 0 has no file of tickets: `filter(None, ...)` drops it.
        file = dict(zip(filter(None, self.levels), self.ticket_files, strict=True))[level] if level else self.dense_file
        (weights,) = read_checkpoint(file, "final")
        return weights

    def load_victims(self, index: int) -> dict[str, Victim]:
        """Return {run: network} of the other runs, for the seed at position `index` of the block."""
        named: Mapping[str, Any] = self.job.settings.get("victims", {})
        files = zip(self.job.settings["options"].get("victims", []), self.victim_files, strict=True)
        return {key: self._load_victim(named[key]["network"], file, index) for key, file in files}

    def get_examples(self, split: str) -> Split:
        """Return the split of this name; raise ReproofError if the run has no examples in it."""
        found: Split | None = getattr(self.job.dataset, split, None)
        # A mean over no examples would be NaN, after a whole training.
        if not found:
            raise ReproofError(f"evaluations: there are no {split} examples; set dataset.validation or another split")
        return found

    def make_variants(self, states: Sequence[State]) -> Variants:
        """Return the network with P complete states {name: tensor, shape of the weight}, for evaluation in one pass."""
        return Variants(self.job.build_network(), states, device=self.job.device)

    def evaluate(self, states: Sequence[State], split: Split) -> dict[str, Tensor]:
        """Return {"accuracy", "loss": float64 [P]} of P states on a split; the loss is in nats."""
        networks = cast(Networks, self.make_variants(states))  # `evaluate` uses only the outputs and the mode
        return evaluate(networks, split, dataset=self.job.dataset, objective=CLASSIFICATION)

    def make_columns(self, level: int, seed: int) -> Row:
        """Return the columns level, kept and seed of a row."""
        mask = self.get_masks(level)[self.seeds.index(seed)]
        return {"level": level, "kept": compute_kept_share(mask) if mask else 1.0, "seed": seed}

    def _load_victim(self, network: Mapping[str, Any], file: str, index: int) -> Victim:
        """Return the network of another run as a victim, for the seed at position `index` of the block."""
        # The victim's own architecture; its data set, and so its normalisation, is that of the subject.
        module = self.job.build_network(network)
        (ends,) = read_checkpoint(file, "final")
        module.load_state_dict(convert_to_tensors(ends[index]))
        return Victim.of(module.to(self.job.device), self.job.dataset)

    @cached_property
    def _masks(self) -> dict[int, list[Masks]]:
        """The masks {weight: bool of its shape} of each seed, by level from 1 on."""
        return dict(zip(filter(None, self.levels), (read_masks(Path(file)) for file in self.mask_files), strict=True))


def convert_to_tensors(weights: Weights) -> dict[str, Tensor]:
    """Return stored weights, {name: array}, as {name: tensor} of the same shapes, with memory of its own."""
    # `np.array` copies: the arrays of all seeds are views of one, and a training writes to its weights.
    return {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}


def list_pixels(image: Tensor) -> Iterator[tuple[float, float]]:
    """Yield (place, value) of each pixel of an image, floating [C, H, W] in [0, 1], by channel, then row.

    An image with a side above 48 pixels is reduced to 48 x 48 by averaging.
    """
    # The table has a row per pixel; one ImageNet image would have 150,528.
    small = image if max(image.shape[1:]) <= SIDE else adaptive_avg_pool2d(image, SIDE)
    return ((float(place), value) for place, value in enumerate(small.flatten().tolist()))


def operation(
    *,
    metrics: Sequence[Metric],
    cost: Callable[[Settings], Work],
    keeps: Callable[[Options, Sizes], Sizes] | None = None,
) -> Callable[[Callable[..., Rows]], Callable[..., Rows]]:
    """Mark `function(subject, *, options)` as an operation, which is found by name and yields rows.

    A row has level, kept, seed, metric and value, and may have draw, arm, part and at (see ROW_DEFAULTS). The
    keyword-only arguments are the options in the configuration. `metrics` are the measured metrics. `cost` returns the
    work of a job with given settings. `keeps` returns how many weights each layer keeps under the sparsest mask that
    the operation makes itself, from its options and the sizes of the layers. `reproof.declarations.evaluate` reads all.
    """
    # Only a mark: planning reads metrics and cost from the source, without importing torch.
    return lambda function: function


def measure(function: Callable[..., Rows], subject: Subject, metrics: str) -> float:
    """Run an operation with the options of the settings and write its rows as a tidy table; return the seconds."""
    began = time.monotonic()
    torch.set_num_threads(subject.job.threads)  # fixed by the rule: rounding and speed depend on it
    # Before the file is opened: an operation that fails leaves no table.
    rows = [ROW_DEFAULTS | row for row in function(subject, **subject.job.settings["options"])]
    write_parquet(metrics, {name: np.array([row[name] for row in rows], type) for name, type in TYPES.items()})
    subject.job.finish()
    return round(time.monotonic() - began, 3)
