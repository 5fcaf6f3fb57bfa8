"""Metrics: their units and words, declared next to the code that measures them. Needs no torch.

An operation declares its metrics in its decorator (`@operation(metrics=...)`), any other function that computes metrics
in `@measurement(metrics=...)`. This module collects the declarations.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, TypeVar

from reproof.declarations.evaluate import read_declaration
from reproof.registry import list_registered
from reproof.storage.errors import ReproofError

# Units. Tables hold a share in [0, 1] (or a difference of two); readers see it in per cent.
SHARE, NATS, STEPS, PIXELS, COUNT, NONE = "share", "nats", "steps", "pixels", "count", "none"
UNITS = (SHARE, NATS, STEPS, PIXELS, COUNT, NONE)  # PIXELS: values of pixels, in [0, 1]
SPLITS = ("train", "validation", "test")
SETS = {"train": "training set", "validation": "validation set"}  # the test set is the default and has no words
# (folder of the library, decorator) of every place where metrics are declared.
DECLARED = (("operations", "measurement"), ("pipeline", "measurement"), ("operations", "operation"))
Function = TypeVar("Function", bound=Callable[..., Any])
# A network that always answers one class is as accurate as that class is frequent, which is not 1 over the classes:
# among the first thousand test images of MNIST this is 8.5 to 12.6 %, among a hundred up to 15.
NEAR_CHANCE = 0.5


@dataclass(frozen=True)
class Metric:
    """The declaration of a metric: its name in the tables, its unit, its words for a reader.

    `axis` names the quantity in the column `at` ("step"); it is "" for a metric without `at`. With `axis_optional`,
    some rows have no `at`. `words` are for legends and axes, `sentence` for verdicts if the words must differ there.
    The default words are the name. A metric of several `splits` has "{split}" in its name. Its words may have
    "{split}" too; otherwise the name of the set is appended, except for the test set.
    """

    name: str
    unit: str = NONE
    axis: str = ""
    words: str = ""
    sentence: str = ""
    splits: Sequence[str] = ()
    axis_optional: bool = False

    @property
    def is_share(self) -> bool:
        """True if readers see the metric in per cent."""
        return self.unit == SHARE

    @property
    def in_legend(self) -> str:
        """The words for a legend or an axis, without the unit."""
        return self.words or self.name.replace("_", " ")

    @property
    def in_sentence(self) -> str:
        """The words for the sentence of a verdict."""
        return self.sentence or self.in_legend

    def expand_splits(self) -> Iterator["Metric"]:
        """Yield one metric per split, or the metric itself if it has no splits."""
        if not self.splits:
            yield self
        for split in self.splits:
            # In a legend the set follows a comma. In a sentence it is in brackets, because more words follow.
            words = _add_split(self.words, split, ", {}")
            sentence = _add_split(self.sentence or self.words, split, " ({})")
            yield replace(self, name=self.name.format(split=split), words=words, sentence=sentence, splits=())


def _add_split(words: str, split: str, after: str) -> str:
    """Return the words with the split filled in, or with the name of the set appended in the format `after`."""
    if "{split}" in words:
        return words.format(split=split)
    return words + after.format(SETS[split]) if words and split in SETS else words


def measurement(*, metrics: Sequence[Metric]) -> Callable[[Function], Function]:
    """Mark a function other than an operation as the one that computes these metrics."""
    # The arguments are read from the source (`read_declaration`), so that planning imports no module that measures.
    return lambda function: function


@cache
def read_metrics() -> dict[str, Metric]:
    """Return all metrics by name; raise ReproofError for a metric declared twice or in an unknown unit."""
    found: dict[str, Metric] = {}
    for place, decorator in DECLARED:
        for name in list_registered(place, decorator):
            for metric in read_metrics_of(name, decorator=decorator, place=place).values():
                check_metric(metric, found, f"{decorator} {name}")
                found[metric.name] = metric
    return found


def read_metrics_of(name: str, *, decorator: str = "operation", place: str = "operations") -> dict[str, Metric]:
    """Return {name: metric} for one operation or measurement."""
    declared = read_declaration(place, decorator, name).get("metrics", ())
    return {one.name: one for metric in declared for one in metric.expand_splits()}


def check_metric(metric: Metric, others: dict[str, Metric], where: str) -> None:
    """Raise ReproofError if `others` contain the metric or its unit is unknown."""
    if metric.name in others:
        raise ReproofError(f"{where}: metric {metric.name!r} is declared elsewhere as well; declare it once")
    if metric.unit not in UNITS:
        raise ReproofError(f"{where}: metric {metric.name!r}: unit {metric.unit!r} is unknown; choose of {UNITS}")


def find_metric(name: str) -> Metric:
    """Return a metric by name; an undeclared name gives a metric without unit and words."""
    # No error here: `judging.checks` reports unknown metrics of claims, with key and remedy.
    return read_metrics().get(name) or Metric(name)


def is_near_chance(accuracy: float, classes: int) -> bool:
    """Return True if an accuracy, a share, is 1 over the number of classes, give or take half of that."""
    return abs(classes * accuracy - 1) <= NEAR_CHANCE
