"""Linear mode connectivity: train copies of a network under different SGD noise and measure the line between them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from reproof.connectivity.copies import Copies, trained_copies
from reproof.connectivity.distance import disagreement, distance, predictions, share_of_most, share_of_travel
from reproof.connectivity.line import Line, Lines, State, barrier, positions
from reproof.data.dataset import Split
from reproof.files import Array, ReproofError
from reproof.jobs.subject import Row, Rows, Subject, operation


@operation
def connect(
    subject: Subject,
    *,
    copies: int = 2,
    steps: Sequence[int] = (),
    points: int = 30,
    splits: Sequence[str] = ("train", "test"),
    train_examples: int = 0,
) -> Rows:
    """Instability analysis (Frankle et al. 2020, algorithm 1) of dense networks at `steps`, of tickets at their level.

    From the weights at step k, `copies` are trained to the end, each in a data order (and with augmentation) of its
    own; every pair is connected by `points` positions, and measured on `splits` (on `train_examples` of the training
    examples, evenly spread; 0 for all). Tickets and controls start from their run's rewind point; dense networks from
    each of `steps` (that rewind point, if there are none). `at` is k, or the position on a path of which `part` tells
    k; `draw` counts the pairs.
    """
    alphas, dataset = positions(points), subject.job.dataset
    shown = {name: getattr(dataset, name) for name in splits}
    if train_examples and "train" in shown:
        shown["train"] = spread(shown["train"], train_examples)
    for copied in trained_copies(subject, copies=copies, steps=steps):
        pairs = [_Pair(one, number, *two) for one in copied for number, two in enumerate(combinations(one.ends, 2))]
        errors = {name: _errors(subject, pairs, split, alphas) for name, split in shown.items()}
        classes = _classes(subject, pairs)
        for index, pair in enumerate(pairs):
            facts = pair.facts(subject)
            yield from (facts | row for row in _apart(pair, subject, classes[2 * index : 2 * index + 2]))
            for name, each in errors.items():
                yield from (facts | row for row in _along(each[index], name, pair, alphas))


def spread(split: Split, examples: int) -> Split:
    """Return this many examples of a split, evenly spread over it."""
    if not 0 < examples <= len(split):
        raise ReproofError(f"train_examples: {examples} of {len(split)} training examples; choose from 1 to all")
    chosen = torch.linspace(0, len(split) - 1, examples, dtype=torch.float64).round().long().to(split.labels.device)
    return Split(split.images[chosen], split.labels[chosen])


@dataclass(frozen=True, eq=False)
class _Pair:
    """Two copies of one network; `number` counts the pairs of a seed."""

    copies: Copies
    number: int
    first: State
    second: State

    def facts(self, subject: Subject) -> Row:
        """Return the columns that all of its measurements share."""
        place = self.copies.place
        return subject.facts(place.level, self.copies.seed) | {
            "draw": self.number, "arm": place.arm, "at": float(place.step),
        }  # fmt: skip


def _errors(subject: Subject, pairs: Sequence[_Pair], split: Split, alphas: Sequence[float]) -> Array:
    """Return the error of all pairs at all positions [pairs, points], in one evaluation."""
    lines = Lines([Line(pair.first, pair.second, alphas) for pair in pairs])
    found = subject.evaluate(lines, split)
    errors: Array = (1 - found["accuracy"]).reshape(len(pairs), len(alphas)).numpy()
    return errors


def _classes(subject: Subject, pairs: Sequence[_Pair]) -> Tensor:
    """Return the classes that both networks of all pairs give to the test examples [2 pairs, N]."""
    ends = [end for pair in pairs for end in (pair.first, pair.second)]
    return predictions(subject.variants(ends), subject.job.dataset.test, dataset=subject.job.dataset)


def _along(errors: Array, split: str, pair: _Pair, alphas: Sequence[float]) -> Iterator[Row]:
    """Yield what a split says of a path [points]: its barrier, the accuracy of its ends, the error at each position."""
    yield {"metric": f"{split}_instability", "value": barrier(errors)}
    yield {"metric": f"{split}_accuracy_at_end", "value": 1 - (errors[0] + errors[-1]) / 2}
    for alpha, error in zip(alphas, errors, strict=True):
        part = f"step {pair.copies.place.step}"
        yield {"metric": f"{split}_error_on_path", "part": part, "at": alpha, "value": error}


def _apart(pair: _Pair, subject: Subject, classes: Tensor) -> Iterator[Row]:
    """Yield how far apart two copies are; raise ReproofError if they are one network, whose barrier says nothing."""
    first, second, place = pair.first, pair.second, pair.copies.place
    names = [name for name, _ in subject.job.network().named_parameters()]
    apart = distance(first, second, names)
    if not apart > 0:
        raise ReproofError(
            f"{place.arm}, level {place.level}, seed {pair.copies.seed}: two copies from step {place.step} are the "
            "same network, so that a barrier between them says nothing; train them with different SGD noise"
        )
    labels, (one, other) = subject.job.dataset.test.labels, classes
    yield {"metric": "distance", "value": apart}
    yield {"metric": "distance_share", "value": share_of_travel(first, second, pair.copies.origin, names)}
    yield {"metric": "test_disagreement", "value": disagreement(one, other)}
    yield {"metric": "disagreement_share", "value": share_of_most(one, other, labels)}
