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
from reproof.operations.common.copies import Copies, Place, Wanted, trained_copies
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


def connect_work(settings: Settings) -> Work:
    """Return the training of the copies and the evaluation of their paths.

    A dense network is copied from each of its steps, tickets and controls from their rewind point.
    """
    options, seeds, levels = settings["options"], len(settings["seeds"]), settings["levels"]
    copies, points = int(options.get("copies", 2)), int(options.get("points", 30))
    arms = 1 + len(settings["controls"])
    dense = list(options.get("steps") or [settings["rewind"]]) if 0 in levels else []
    from_steps = [*dense, *[settings["rewind"]] * len([level for level in levels if level]) * arms]
    trained = sum(int(settings["training"]["steps"]) - int(step) for step in from_steps)
    examples = TEST_EXAMPLES + int(options.get("train_examples") or TRAIN_EXAMPLES)
    return Work(
        steps=seeds * copies * trained,
        passes=seeds * examples * points * len(from_steps) * comb(copies, 2),
        copies=copies * arms,
    )


@operation(metrics=METRICS, cost=connect_work)
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
    """Instability analysis (Frankle et al. 2020, algorithm 1) of dense networks at `steps`, of tickets at their level.

    From the weights at step k, `copies` are trained to the end, each in a data order (and with augmentation) of its
    own; every pair is connected by `points` positions, and measured on `splits` (on `train_examples` of the training
    examples, evenly spread; 0 for all). Tickets and controls start from their run's rewind point; dense networks from
    each of `steps` (that rewind point, if there are none). `between` and `schedule` as in `Wanted`. Of the choices in
    `statistics` for running statistics on the path, the first is the one meant where nothing else is said; `part`
    names another. `at` is k, or the position on a path of which `part` tells k; `draw` counts the pairs.
    """
    alphas, wanted = compute_positions(points), Wanted(copies=copies, between=between, schedule=schedule)
    splits_shown = {name: _shown(subject, name, train_examples) for name in splits}
    for copied in trained_copies(subject, wanted=wanted, steps=steps):
        pairs = [pair for one in copied for pair in _pairs(one, subject.job.device)]
        _refuse_one_network(subject, pairs)
        yield from _apart(subject, pairs)
        for number, choice in enumerate(select_choices(statistics, subject.job.network())):
            path = _path(subject, pairs, alphas, choice, statistics_examples)
            for name, split in splits_shown.items():
                errors = (1 - subject.evaluate(path, split)["accuracy"]).reshape(len(pairs), points).numpy()
                for pair, each in zip(pairs, errors, strict=True):
                    yield from _along(subject, pair, each, alphas, split=name, part=choice if number else "")


def spread(split: Split, examples: int) -> Split:
    """Return this many examples of a split, evenly spread over it."""
    if not 0 < examples <= len(split):
        raise ReproofError(f"{examples} of {len(split)} training examples: choose from 1 to all; 0 for all of them")
    chosen = torch.linspace(0, len(split) - 1, examples, dtype=torch.float64).round().long().to(split.labels.device)
    return Split(split.images[chosen], split.labels[chosen])


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two copies of one network with their origins; `number` counts the pairs of a seed."""

    place: Place
    seed: int
    number: int
    ends: tuple[State, State]
    origins: tuple[State, State]

    def facts(self, subject: Subject) -> Row:
        """Return the columns that all of its measurements share."""
        where = {"draw": self.number, "arm": self.place.arm, "at": float(self.place.step)}
        return subject.facts(self.place.level, self.seed) | where


def _pairs(copies: Copies, device: str) -> Iterator[_Pair]:
    ends, origins = ([_on(device, state) for state in states] for states in (copies.ends, copies.origins))
    both = combinations(zip(ends, origins, strict=True), 2)
    for number, ((first, one), (second, other)) in enumerate(both):
        yield _Pair(copies.place, copies.seed, number, (first, second), (one, other))


def _on(device: str, state: State) -> State:
    return {name: value.to(device) for name, value in state.items()}


def _shown(subject: Subject, name: str, train_examples: int) -> Split:
    if name not in ("train", "test"):
        raise ReproofError(f"splits: {name!r} is unknown; choose of train, test")
    split: Split = getattr(subject.job.dataset, name)
    return spread(split, train_examples) if name == "train" and train_examples else split


def _path(
    subject: Subject, pairs: Sequence[_Pair], alphas: Sequence[float], choice: str, examples: int
) -> Sequence[State]:
    """Return the states on the lines of all pairs, with the running statistics of a choice; the ends are as trained."""
    lines = Lines([Line(*pair.ends, alphas) for pair in pairs])
    if choice == "interpolated":
        return lines
    dataset, last = subject.job.dataset, len(alphas) - 1
    images = spread(dataset.train, min(examples, len(dataset.train))).images
    ends = {place for place in range(len(lines)) if place % len(alphas) in (0, last)}
    return recompute_statistics(lines, subject.job.network().to(subject.job.device), images, dataset=dataset, keep=ends)


def _along(
    subject: Subject, pair: _Pair, errors: Array, alphas: Sequence[float], *, split: str, part: str
) -> Iterator[Row]:
    """Yield what a split says of a path [points]: its barrier, the accuracy of its ends, the error at each position."""
    facts = pair.facts(subject)
    yield facts | {"metric": f"{split}_instability", "part": part, "value": compute_barrier(errors)}
    if not part:
        yield facts | {"metric": f"{split}_accuracy_at_end", "value": 1 - (errors[0] + errors[-1]) / 2}
    where = ", ".join(filter(None, [f"step {pair.place.step}", part]))
    for alpha, error in zip(alphas, errors, strict=True):
        yield facts | {"metric": f"{split}_error_on_path", "part": where, "at": alpha, "value": error}


def _refuse_one_network(subject: Subject, pairs: Sequence[_Pair]) -> None:
    """Raise ReproofError if two copies are one network: a barrier between them would be 0 and say nothing."""
    for pair in pairs:
        if not compute_distance(*pair.ends, _weights(subject)) > 0:
            raise ReproofError(
                f"{pair.place.arm}, level {pair.place.level}, seed {pair.seed}: two copies from step {pair.place.step} "
                "are the same network, so that a barrier between them says nothing; train them with different SGD noise"
            )


def _weights(subject: Subject) -> list[str]:
    return [name for name, _ in subject.job.network().named_parameters()]


def _apart(subject: Subject, pairs: Sequence[_Pair]) -> Iterator[Row]:
    """Yield how far apart the copies of each pair are, in weights and in what they say of test examples."""
    names, dataset = _weights(subject), subject.job.dataset
    every = [end for pair in pairs for end in pair.ends]
    classes = compute_predictions(subject.variants(every), dataset.test, dataset=dataset)
    for pair, one, other in zip(pairs, classes[::2], classes[1::2], strict=True):
        measured = {
            "distance": compute_distance(*pair.ends, names),
            "distance_share": compute_share_of_travel(pair.ends, pair.origins, names),
            "test_disagreement": compute_disagreement(one, other),
            "disagreement_share": compute_share_of_most(one, other, dataset.test.labels),
        }
        facts = pair.facts(subject)
        yield from (facts | {"metric": metric, "value": value} for metric, value in measured.items())
