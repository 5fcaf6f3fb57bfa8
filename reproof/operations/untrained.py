"""Accuracy of masks on untrained weights: every criterion, along a ladder of levels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import overload

import numpy as np
import torch
from torch import Tensor

from reproof.declarations.costs import TEST_EXAMPLES, Settings, Work
from reproof.declarations.layers import Options, Sizes, keep_shares
from reproof.metrics import SHARE, Metric
from reproof.operations.common.subject import Row, Rows, Subject, operation
from reproof.pruning.constants import compute_signed_constant
from reproof.pruning.masks import Masks, compute_kept_share
from reproof.pruning.one_shot import compute_rungs, make_one_shot_ladder
from reproof.pruning.scores import compute_scores, read_gradients
from reproof.settings import DataSettings
from reproof.storage.checkpoints import Weights, read_kinds
from reproof.storage.files import Array

NAMES = {"initial": "untrained", "constant": "untrained_constant"}  # the words of metrics for the masked weights


METRICS = (
    Metric("untrained_{split}_accuracy", SHARE, splits=("test", "validation")),
    Metric("untrained_constant_{split}_accuracy", SHARE, splits=("test", "validation")),
    Metric(
        "untrained_best_test_accuracy", SHARE,
        words="best untrained test accuracy", sentence="best test accuracy over the ladder",
    ),
    Metric(
        "untrained_constant_best_test_accuracy", SHARE,
        words="best untrained test accuracy of constants", sentence="best test accuracy over the ladder",
    ),
    Metric("untrained_best_kept_share", SHARE),
    Metric("untrained_constant_best_kept_share", SHARE),
)  # fmt: skip


def compute_untrained_work(settings: Settings) -> Work:
    """Return the work of one evaluation per criterion, rung and kind of weights."""
    options = settings["options"]
    # The dense network is rung 0, hence rounds + 1.
    masks = len(options["criteria"]) * (int(options.get("rounds", 24)) + 1) * len(options.get("weights", NAMES))
    examples = TEST_EXAMPLES + DataSettings.parse(settings["dataset"]).validation
    return Work(passes=examples * masks * len(settings["seeds"]))


def count_untrained_kept(options: Options, sizes: Sizes) -> Sizes:
    """Return how many weights each layer keeps at the last rung."""
    rounds = int(options.get("rounds", 24))
    return keep_shares(sizes, {kind: 1 - (1 - share) ** rounds for kind, share in options["share"].items()})


@operation(metrics=METRICS, cost=compute_untrained_work, keeps=count_untrained_kept)
def untrained(
    subject: Subject,
    *,
    criteria: Sequence[str],
    share: Mapping[str, float],
    rounds: int = 24,
    weights: Sequence[str] = ("initial", "constant"),
) -> Rows:
    """Apply masks of a trained network to its initial weights (Zhou et al. 2019, section 5.1).

    Each criterion ranks the weights of the dense network once and keeps as many as remain after 0 to `rounds` rounds of
    `share`. `weights` are the initial ones or signed constants. `part` is the criterion, `level` the rung. The metrics
    with `best` hold, at level 0, the best test accuracy of each seed over the ladder and the share kept there. The
    paper reports these; a choice on the validation set would give lower values.
    """
    kinds = read_kinds(subject.dense_file)
    starts, ends = subject.read_dense("step0", "final")
    gradients = {by: read_gradients(subject.dense_file, by, len(starts)) for by in criteria}
    for place, (seed, start, end) in enumerate(zip(subject.seeds, starts, ends, strict=True)):
        # The ladders are computed once for both kinds of weights.
        ladders = {
            by: make_one_shot_ladder(
                compute_scores(by, start, end, gradients[by][place]), kinds=kinds, shares=compute_rungs(share, rounds)
            )
            for by in criteria
        }
        for kind in weights:
            states = MaskedStates(start if kind == "initial" else make_constants(start, kinds), list(ladders.values()))
            found = _measure(subject, states)
            # In the order of `MaskedStates`.
            for number, (by, rung) in enumerate(product(criteria, range(rounds + 1))):
                facts = {"level": rung, "kept": compute_kept_share(ladders[by][rung]), "seed": seed, "part": by}
                yield from (
                    facts | {"metric": f"{NAMES[kind]}_{split}_accuracy", "value": float(values[number])}
                    for split, values in found.items()
                )
            yield from _find_best(found["test"], ladders, seed, kind)


def make_constants(weights: Weights, kinds: Mapping[str, str]) -> Weights:
    """Return the weights with each prunable one replaced by a signed constant, {name: float32 of its shape}."""
    return {name: compute_signed_constant(value) if name in kinds else value for name, value in weights.items()}


@dataclass(frozen=True, eq=False)
class MaskedStates(Sequence[dict[str, Tensor]]):
    """The states of one network under the masks of several ladders, each computed on access to save memory."""

    weights: Weights
    ladders: Sequence[Sequence[Masks]]

    def __len__(self) -> int:
        return sum(map(len, self.ladders))

    @overload
    def __getitem__(self, place: int) -> dict[str, Tensor]: ...

    @overload
    def __getitem__(self, place: slice) -> "list[dict[str, Tensor]]": ...

    def __getitem__(self, place: int | slice) -> "dict[str, Tensor] | list[dict[str, Tensor]]":
        # Criteria one after the other, each with its rungs: the order of `product` in `untrained`.
        every = [masks for ladder in self.ladders for masks in ladder]
        if isinstance(place, slice):
            return [self._apply(masks) for masks in every[place]]
        return self._apply(every[place])

    def _apply(self, masks: Masks) -> dict[str, Tensor]:
        """Return the whole state under these masks, {name: tensor of the weight's shape}."""
        whole = {name: torch.from_numpy(np.array(value)) for name, value in self.weights.items() if name not in masks}
        # A product of float32 and bool stays float32.
        return whole | {name: torch.from_numpy(self.weights[name] * mask) for name, mask in masks.items()}


def _measure(subject: Subject, states: MaskedStates) -> dict[str, Array]:
    """Return {split: accuracy, float64 [states]} for each split with examples."""
    dataset = subject.job.dataset
    splits = {"validation": dataset.validation, "test": dataset.test}
    return {name: subject.evaluate(states, split)["accuracy"].numpy() for name, split in splits.items() if len(split)}


def _find_best(accuracy: Array, ladders: Mapping[str, Sequence[Masks]], seed: int, kind: str) -> Iterator[Row]:
    """Yield each criterion's best test accuracy over its ladder, and the share kept there."""
    rounds = len(accuracy) // len(ladders)
    for (by, ladder), along in zip(ladders.items(), accuracy.reshape(-1, rounds), strict=True):
        # The first of equals, that is the one with most weights. Selected on the test set, as the paper does.
        rung = int(along.argmax())
        facts = {"level": 0, "kept": 1.0, "seed": seed, "part": by}
        yield facts | {"metric": f"{NAMES[kind]}_best_test_accuracy", "value": float(along[rung])}
        yield facts | {"metric": f"{NAMES[kind]}_best_kept_share", "value": compute_kept_share(ladder[rung])}
