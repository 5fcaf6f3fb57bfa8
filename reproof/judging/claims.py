"""A claim and the verdict on it, as values. `Claim.parse` alone reads the shape that claims have in a paper's file.

The module needs neither numpy nor scipy, because claims are also parsed while jobs are planned.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

AGREES, DISAGREES, INCONCLUSIVE = "agrees", "disagrees", "inconclusive"
NOT_JUDGED = "not judged at this scale"

DENSE = {"arm": "ticket", "at": {"level": 0}}  # what `against: dense` is short for
PLACE = ("at", "within", "mean", "best", "reach")  # a side that states its own `at` takes none of these from the other
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
        places = {column: tuple(value) if isinstance(value, list) else value for column, value in side["at"].items()}
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
        """Whether `at` says where on the ladder of levels the side is read; otherwise it is read at all levels."""
        return bool(self.at.keys() - {"at"})

    @property
    def is_curve(self) -> bool:
        """Whether the side has several values a seed: it is read over a range, and nothing reduces the range."""
        reduced = self.mean or self.best is not None or self.reach is not None
        return not reduced and (bool(self.ranges) or not self.names_level)

    @property
    def axis(self) -> str:
        """The column along which the values lie: that of the reach or of the range. Levels lie along `kept`."""
        axis = self.reach.axis if self.reach else next(iter(self.ranges), "kept")
        return "kept" if axis == "level" else axis

    @property
    def is_dense(self) -> bool:
        """Whether the side is read at level 0, before any pruning."""
        return self.at.get("level") == 0


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """The effects that a claim allows, in the units of the measurements.

    The `bounds` belong to the first of the `relations`. A sound claim states one relation: "at_least", "at_most",
    "between" (two bounds) or "equal_within".
    """

    relations: tuple[str, ...]
    bounds: tuple[float, ...]

    @classmethod
    def parse(cls, expect: Mapping[str, Any]) -> "Expectation":
        """Return what the `expect` of a claim states."""
        bound: Any = next(iter(expect.values()), None)
        return cls(relations=tuple(expect), bounds=tuple(bound) if isinstance(bound, list) else (bound,))

    def compute_range(self, neutral: float | None) -> Range:
        """Return the lowest and the highest effect that the claim allows.

        `equal_within` is a distance from the `neutral` effect of the judge; for ratios (neutral 1) it is a factor.
        """
        first, last = self.bounds[0], self.bounds[-1]
        if self.relations[0] == "between":
            return float(first), float(last)
        if self.relations[0] == "equal_within":
            return (1 / first, float(first)) if neutral == 1 else ((neutral or 0) - first, (neutral or 0) + first)
        return (float(first), inf) if self.relations[0] == "at_least" else (-inf, float(first))


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One testable statement of a paper: what is measured, on one side or on two, and which effect is expected.

    With `each` the claim must hold at every level of its range. `judged_at` are the scales that may judge it.
    """

    id: str
    says: str
    where: str
    why: str
    published: str
    judged_at: tuple[str, ...]
    judge: str
    of: Term
    against: Term | None
    each: bool
    expected: Expectation

    @classmethod
    def parse(cls, claim: Mapping[str, Any]) -> "Claim":
        """Return the claim that a paper's file states as a mapping, which `claims.schema.yaml` accepts."""
        of, against = _parse_sides(claim["measure"])
        return cls(
            **{key: claim[key] for key in ("id", "says", "where", "why", "judge")},
            published=claim.get("published", ""),
            judged_at=tuple(claim["judged_at"]),
            of=of,
            against=against,
            each="each" in claim["measure"],
            expected=Expectation.parse(claim["expect"]),
        )

    @property
    def sides(self) -> dict[str, Term]:
        """The sides under their keys in the paper's file, `of` first."""
        return {"of": self.of} | ({} if self.against is None else {"against": self.against})

    @property
    def runs(self) -> list[str]:
        """The runs that the claim reads, that of `of` first."""
        return list(dict.fromkeys(term.run for term in self.sides.values()))

    @property
    def shares_place(self) -> bool:
        """Whether `against` is read where `of` is."""
        return self.against is not None and "at" not in self.against.stated


def _parse_sides(measure: Mapping[str, Any]) -> tuple[Term, Term | None]:
    """Return both sides of a measure; `against` takes from `of` every key that it does not state.

    `at` and what reduces a range belong together, so that a side with its own `at` takes no reduction.
    """
    of = {"arm": "ticket", "metric": measure["metric"], "at": {}, **measure["of"]}
    one = Term.parse(of, stated=measure["of"])
    stated = measure.get("against")
    if stated is None:
        return one, None
    stated = DENSE if stated == "dense" else stated
    left_out = {"called", *(PLACE if "at" in stated else ())}
    taken = {key: value for key, value in of.items() if key not in left_out}
    return one, Term.parse({**taken, **stated}, stated=stated)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the measurements say of one claim: a row of the table of verdicts.

    `effect`, `low`, `high` and the bounds are in `unit`, and NaN where unknown. `verdict` is "agrees", "disagrees",
    "inconclusive" or "not judged at this scale". `direction` is "as claimed", "against", "neither" or "not measured",
    whether the claim is judged or not. `seeds_needed` is infinite when no number of seeds is enough. `kept` is the
    share of weights kept at which the claim is read, NaN for several levels. `runs` are the runs that it reads.
    `reason` says why a claim is not judged, or what limits its verdict.
    """

    claim: str
    says: str
    where: str
    why: str
    judged_at: str
    judged: bool
    verdict: str
    judge: str
    effect: float
    unit: str
    low: float
    high: float
    interval: str
    n: int
    expected: str
    bound_low: float
    bound_high: float
    published: str
    seeds_needed: float
    direction: str
    kept: float
    runs: str
    reason: str
    sentence: str
