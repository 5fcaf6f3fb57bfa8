"""One side of a claim as a value: the metric, the networks, the place, and the reduction to one number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

REDUCERS = ("mean", "best", "reach")
WITHIN = 1.3  # half a rung of a ladder that keeps three fifths a round; on a finer ladder the nearest level is nearer

Range = tuple[float, float]
Place = float | Range


@dataclass(frozen=True, kw_only=True)
class Best:
    """A reduction: each seed's value at the point where another metric is best (`way`: "highest" or "lowest")."""

    way: str
    metric: str


@dataclass(frozen=True, kw_only=True)
class Reach:
    """A reduction: the `end` ("smallest" or "largest") of the points along `axis` at which the metric meets a bound.

    `relation` is "at_least" or "at_most". `bound` is a number, or "dense" for the dense network of the same seed. A
    value that misses the bound by at most `margin` (in the unit of the metric) still meets it.
    """

    end: str
    axis: str
    relation: str
    bound: float | str
    margin: float

    @classmethod
    def parse(cls, reach: Mapping[str, Any]) -> "Reach":
        """Return the reach that a side of a measure states."""
        end = "smallest" if "smallest" in reach else "largest"
        relation = "at_least" if "at_least" in reach else "at_most"
        margin = reach.get("margin", 0.0)
        return cls(end=end, axis=reach[end], relation=relation, bound=reach[relation], margin=margin)


@dataclass(frozen=True, kw_only=True)
class Term:
    """One side of a claim: the metric of an arm of a run, where it is read, and how a range becomes one number.

    `at` maps columns of the measurements to one value or to a range with both ends. `parts` are shell patterns; without
    any, only rows that have no part are read. `within` is the factor by which a single `kept` may differ from the
    nearest level's. `called` replaces the arm's name in the sentence. `stated` are the keys that
    the side states itself.
    """

    run: str
    arm: str
    metric: str
    at: Mapping[str, Place]
    parts: tuple[str, ...]
    within: float
    mean: bool
    best: Best | None
    reach: Reach | None
    called: str
    stated: frozenset[str]

    @classmethod
    def parse(cls, side: Mapping[str, Any], *, stated: Iterable[str]) -> "Term":
        """Return the side in which `side` has every key, those taken from the other side included."""
        # Tuples, because a frozen term must not hold lists; a tuple also marks a range.
        places = {column: tuple(value) if isinstance(value, list) else value for column, value in side["at"].items()}
        # `part` chooses among things of one kind, so it is no axis and has no range.
        parts = places.pop("part", ())
        best = [Best(way=way, metric=metric) for way, metric in side.get("best", {}).items()]
        return cls(
            run=side["run"],
            arm=side["arm"],
            metric=side["metric"],
            at=places,
            parts=(parts,) if isinstance(parts, str) else parts,
            within=side.get("within", WITHIN),
            mean="mean" in side,
            best=best[0] if best else None,
            reach=Reach.parse(side["reach"]) if "reach" in side else None,
            called=side.get("called", ""),
            stated=frozenset(stated),
        )

    @property
    def ranges(self) -> list[str]:
        """The columns of `at` that are given as a range."""
        return [column for column, value in self.at.items() if isinstance(value, tuple)]

    @property
    def names_level(self) -> bool:
        """True if `at` restricts the levels; otherwise the side is read at all levels."""
        return bool(self.at.keys() - {"at"})

    @property
    def is_curve(self) -> bool:
        """True if the side has several values per seed: a range without a reduction."""
        reduced = self.mean or self.best is not None or self.reach is not None
        # Without a level the side is read at all levels: several values, even without a range.
        return not reduced and (bool(self.ranges) or not self.names_level)

    @property
    def axis(self) -> str:
        """The column along which the values lie: that of the reach or of the range. Levels lie along `kept`."""
        axis = self.reach.axis if self.reach else next(iter(self.ranges), "kept")
        # Ladders of two runs keep different shares at one level; shares are what can be compared.
        return "kept" if axis == "level" else axis

    @property
    def is_dense(self) -> bool:
        """True if the side is read at level 0, before any pruning."""
        return self.at.get("level") == 0
