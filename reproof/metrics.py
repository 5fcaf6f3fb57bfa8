"""Metrics: what a `Metric` says of itself, and all that are declared where they are measured. Needs no torch.

An operation declares its metrics in its decorator (`@operation(metrics=...)`), any other function that computes metrics
in `@measurement(metrics=...)`.
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
SETS = {"train": "training set", "validation": "validation set"}  # of the test set nothing is said
DECLARED = (("operations", "measurement"), ("pipeline", "measurement"), ("operations", "operation"))
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Metric:
    """A metric as it is declared: its name in the tables, its unit, its words for a reader.

    `axis` is what `at` counts ("step"), "" where `at` says nothing; with `axis_optional`, some rows are at nothing.
    `words` are those of a legend or an axis, `sentence` those of a verdict where they must differ; without words, a
    metric is called by its name. A metric of several `splits` has "{split}" in its name, and may have it in its words;
    other words get the name of the set, unless it is the test set.
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
        """Whether readers see it in per cent."""
        return self.unit == SHARE

    @property
    def in_legend(self) -> str:
        """How a legend or an axis calls it, without its unit."""
        return self.words or self.name.replace("_", " ")

    @property
    def in_sentence(self) -> str:
        """How the sentence of a verdict calls it."""
        return self.sentence or self.in_legend

    def expand_splits(self) -> Iterator["Metric"]:
        """Yield the metric of each split; itself if it has none."""
        if not self.splits:
            yield self
        for split in self.splits:
            words = _add_split(self.words, split, ", {}")
            sentence = _add_split(self.sentence or self.words, split, " ({})")
            yield replace(self, name=self.name.format(split=split), words=words, sentence=sentence, splits=())


def _add_split(words: str, split: str, after: str) -> str:
    """Return words with the split in them, or with the set `after` them."""
    if "{split}" in words:
        return words.format(split=split)
    return words + after.format(SETS[split]) if words and split in SETS else words


def measurement(*, metrics: Sequence[Metric]) -> Callable[[Function], Function]:
    """Mark a function that is no operation as the one that computes these metrics."""
    return lambda function: function


@cache
def read_metrics() -> dict[str, Metric]:
    """Return all metrics by name; raise ReproofError for one that is declared twice or in an unknown unit."""
    found: dict[str, Metric] = {}
    for place, decorator in DECLARED:
        for name in list_registered(place, decorator):
            for metric in read_metrics_of(name, decorator=decorator, place=place).values():
                check_metric(metric, found, f"{decorator} {name}")
                found[metric.name] = metric
    return found


def read_metrics_of(name: str, *, decorator: str = "operation", place: str = "operations") -> dict[str, Metric]:
    """Return by name the metrics that one operation or measurement declares."""
    declared = read_declaration(place, decorator, name).get("metrics", ())
    return {one.name: one for metric in declared for one in metric.expand_splits()}


def check_metric(metric: Metric, others: dict[str, Metric], where: str) -> None:
    """Raise ReproofError for a metric that others declare as well, or whose unit is unknown."""
    if metric.name in others:
        raise ReproofError(f"{where}: metric {metric.name!r} is declared elsewhere as well; declare it once")
    if metric.unit not in UNITS:
        raise ReproofError(f"{where}: metric {metric.name!r}: unit {metric.unit!r} is unknown; choose of {UNITS}")


def find_metric(name: str) -> Metric:
    """Return a metric by name; what nobody declares goes by its own name and has no unit."""
    return read_metrics().get(name) or Metric(name)
