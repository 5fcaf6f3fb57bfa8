"""Linear mode connectivity: train copies of a network under different SGD noise and measure the line between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import torch

from reproof.connectivity.distance import (
    compute_disagreement,
    compute_distance,
    compute_predictions,
    compute_share_of_most,
    compute_share_of_travel,
)
from reproof.connectivity.line import Line, Lines, compute_barrier, compute_positions
from reproof.connectivity.statistics import recompute_statistics, select_choices
from reproof.data.dataset import Split
from reproof.declarations.costs import TEST_EXAMPLES, TRAIN_EXAMPLES, Settings, Work
from reproof.metrics import SHARE, Metric
from reproof.operations.common.copies import Copies, CopyOptions, CopySource, train_copies
from reproof.operations.common.subject import Row, Rows, Subject, operation
from reproof.storage.files import Array, ReproofError
from reproof.training.state import State

SPLITS = ("train", "test")
METRICS = (
    Metric("{split}_instability", SHARE, axis="step", splits=SPLITS),
    Metric("{split}_error_on_path", SHARE, axis="position", splits=SPLITS),
    Metric("distance", axis="step", words="L2 distance of copies", sentence="distance"),
    Metric("distance_share", SHARE, axis="step", words="distance over travel", sentence="distance share"),
    Metric("test_disagreement", SHARE, axis="step"),
    Metric(
        "disagreement_share", SHARE, axis="step", words="disagreement over most", sentence="disagreement share"
    ),
)  # fmt: skip


def compute_connect_work(settings: Settings) -> Work:
    """Return the training of the copies and the evaluation of their paths.

    A dense network is copied from each of its steps, tickets and controls from their rewind point.
    """
    options, seeds, levels = settings["options"], len(settings["seeds"]), settings["levels"]
    # The defaults repeat those of the operation: settings leave defaults out.
    copies, points = int(options.get("copies", 2)), int(options.get("points", 30))
    arms = 1 + len(settings["controls"])
    dense = list(options.get("steps") or [settings["rewind"]]) if 0 in levels else []
    # Step of origin of every group of copies: a late origin leaves fewer steps to train.
    from_steps = [*dense, *[settings["rewind"]] * len([level for level in levels if level]) * arms]
    trained = sum(int(settings["training"]["steps"]) - int(step) for step in from_steps)
    examples = TEST_EXAMPLES + int(options.get("train_examples") or TRAIN_EXAMPLES)
    return Work(
        steps=seeds * copies * trained,
        passes=seeds * examples * points * len(from_steps) * comb(copies, 2),
        copies=copies * arms,
    )


@operation(metrics=METRICS, cost=compute_connect_work)
def connect(
    subject: Subject,
    *,
    copies: int = 2,
    steps: Sequence[int] = (),
    between: str = "copies",
    schedule: str = "continued",
    points: int = 30,
    splits: Sequence[str] = ("train", "test"),
    train_examples: int = 0,
    statistics: Sequence[str] = ("interpolated",),
    statistics_examples: int = 5000,
) -> Rows:
    """Measure the instability of dense networks at `steps` and of tickets (Frankle et al. 2020, algorithm 1).

    From the weights at step k, `copies` are trained to the end, each with its own data order and augmentation. Each
    pair is connected by a line with `points` positions, measured on `splits`. On the training set, `train_examples`
    evenly spread examples are used; 0 is all. Tickets and controls start from the rewind point of their run, dense
    networks from each of `steps` (default: the rewind point). `between` and `schedule` are those of `CopyOptions`.

    `statistics` lists choices for the running statistics on the path. The first one is the default; `part` names any
    other. `at` is k; for errors on a path it is the position, and `part` names k. `draw` counts the pairs.
    """
    alphas, wanted = compute_positions(points), CopyOptions(copies=copies, between=between, schedule=schedule)
    splits_shown = {name: _select_split(subject, name, train_examples) for name in splits}
    for copied in train_copies(subject, wanted=wanted, steps=steps):
        pairs = [pair for one in copied for pair in _make_pairs(one, subject.job.device)]
        # Before any measurement: two names of one network would give a barrier of exactly 0.
        _check_copies_differ(subject, pairs)
        yield from _measure_distances(subject, pairs)
        for number, choice in enumerate(select_choices(statistics, subject.job.build_network())):
            path = _make_path(subject, pairs, alphas, choice, statistics_examples)
            for name, split in splits_shown.items():
                # [pairs * points] -> [pairs, points]; all pairs are evaluated in one go.
                errors = (1 - subject.evaluate(path, split)["accuracy"]).reshape(len(pairs), points).numpy()
                for pair, each in zip(pairs, errors, strict=True):
                    yield from _measure_path(subject, pair, each, alphas, split=name, part=choice if number else "")


def select_spread(split: Split, examples: int) -> Split:
    """Return this many examples, evenly spread over the split; raise ReproofError if it has fewer."""
    if not 0 < examples <= len(split):
        raise ReproofError(f"{examples} of {len(split)} training examples: choose from 1 to all; 0 for all of them")
    # Evenly spread: a file may be sorted by class.
    chosen = torch.linspace(0, len(split) - 1, examples, dtype=torch.float64).round().long().to(split.labels.device)
    return Split(split.images[chosen], split.labels[chosen])


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two copies of one network: their final states and their initial ones; `number` counts the pairs of a seed."""

    place: CopySource
    seed: int
    number: int
    ends: tuple[State, State]
    origins: tuple[State, State]

    def make_columns(self, subject: Subject) -> Row:
        """Return the columns shared by all rows of the pair."""
        where = {"draw": self.number, "arm": self.place.arm, "at": float(self.place.step)}
        return subject.make_columns(self.place.level, self.seed) | where


def _make_pairs(copies: Copies, device: str) -> Iterator[_Pair]:
    """Yield all pairs of the copies of one network, on the device."""
    ends, origins = ([_move_to(device, state) for state in states] for states in (copies.ends, copies.origins))
    # The pairs come in the order of `combinations`, so that `draw` names the same pair in every table.
    both = combinations(zip(ends, origins, strict=True), 2)
    for number, ((first, one), (second, other)) in enumerate(both):
        yield _Pair(copies.place, copies.seed, number, (first, second), (one, other))


def _move_to(device: str, state: State) -> State:
    return {name: value.to(device) for name, value in state.items()}


def _select_split(subject: Subject, name: str, train_examples: int) -> Split:
    if name not in ("train", "test"):
        raise ReproofError(f"splits: {name!r} is unknown; choose of train, test")
    split: Split = getattr(subject.job.dataset, name)
    return select_spread(split, train_examples) if name == "train" and train_examples else split


def _make_path(
    subject: Subject, pairs: Sequence[_Pair], alphas: Sequence[float], choice: str, examples: int
) -> Sequence[State]:
    """Return the states on the lines of all pairs, with running statistics by `choice`; ends keep the trained ones."""
    lines = Lines([Line(*pair.ends, alphas) for pair in pairs])
    if choice == "interpolated":
        return lines
    dataset, last = subject.job.dataset, len(alphas) - 1
    images = select_spread(dataset.train, min(examples, len(dataset.train))).images
    # The ends are trained networks, to which their own statistics belong.
    ends = {place for place in range(len(lines)) if place % len(alphas) in (0, last)}
    return recompute_statistics(
        lines, subject.job.build_network().to(subject.job.device), images, dataset=dataset, keep=ends
    )


def _measure_path(
    subject: Subject, pair: _Pair, errors: Array, alphas: Sequence[float], *, split: str, part: str
) -> Iterator[Row]:
    """Yield the barrier, the accuracy of the ends and the error at each position of a path.

    `errors` are float64 [points], shares in [0, 1].
    """
    facts = pair.make_columns(subject)
    yield facts | {"metric": f"{split}_instability", "part": part, "value": compute_barrier(errors)}
    # The ends keep their trained statistics, so their accuracy is the same under each choice.
    if not part:
        yield facts | {"metric": f"{split}_accuracy_at_end", "value": 1 - (errors[0] + errors[-1]) / 2}
    where = ", ".join(filter(None, [f"step {pair.place.step}", part]))
    for alpha, error in zip(alphas, errors, strict=True):
        yield facts | {"metric": f"{split}_error_on_path", "part": where, "at": alpha, "value": error}


def _check_copies_differ(subject: Subject, pairs: Sequence[_Pair]) -> None:
    """Raise ReproofError if two copies are equal: the barrier between them would be 0 by construction."""
    for pair in pairs:
        if not compute_distance(*pair.ends, _list_weights(subject)) > 0:
            raise ReproofError(
                f"{pair.place.arm}, level {pair.place.level}, seed {pair.seed}: two copies from step {pair.place.step} "
                "are the same network, so that a barrier between them says nothing; train them with different SGD noise"
            )


def _list_weights(subject: Subject) -> list[str]:
    """Return the names of the parameters over which distances are computed."""
    # Parameters only: running statistics follow the data and are not what SGD moves.
    return [name for name, _ in subject.job.build_network().named_parameters()]


def _measure_distances(subject: Subject, pairs: Sequence[_Pair]) -> Iterator[Row]:
    """Yield the distance of the copies of each pair, in weights and in predictions on the test set."""
    names, dataset = _list_weights(subject), subject.job.dataset
    # [first, second] of each pair in turn: the slices below take them apart.
    every = [end for pair in pairs for end in pair.ends]
    classes = compute_predictions(subject.make_variants(every), dataset.test, dataset=dataset)
    for pair, one, other in zip(pairs, classes[::2], classes[1::2], strict=True):
        measured = {
            "distance": compute_distance(*pair.ends, names),
            "distance_share": compute_share_of_travel(pair.ends, pair.origins, names),
            "test_disagreement": compute_disagreement(one, other),
            "disagreement_share": compute_share_of_most(one, other, dataset.test.labels),
        }
        facts = pair.make_columns(subject)
        yield from (facts | {"metric": metric, "value": value} for metric, value in measured.items())
