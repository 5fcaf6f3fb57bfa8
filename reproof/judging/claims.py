"""A claim and the verdict on it, as values. `Claim.parse` alone reads the shape that claims have in a paper's file.

The module needs neither numpy nor scipy, because claims are also parsed while jobs are planned.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import Any

from reproof.judging.terms import Range, Term

AGREES, DISAGREES, INCONCLUSIVE = "agrees", "disagrees", "inconclusive"
NOT_JUDGED = "not judged at this scale"

DENSE = {"arm": "ticket", "at": {"level": 0}}  # the meaning of `against: dense`
PLACE = ("at", "within", "mean", "best", "reach")  # a side that states its own `at` takes none of these from the other


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
        """Return the expectation in the `expect` of a claim."""
        # Of several relations or none, no error here: `checks` reports them with key and remedy.
        bound: Any = next(iter(expect.values()), None)
        return cls(relations=tuple(expect), bounds=tuple(bound) if isinstance(bound, list) else (bound,))

    def compute_range(self, neutral: float | None) -> Range:
        """Return the lowest and the highest effect that the claim allows.

        `equal_within` is a distance from the `neutral` effect of the judge; for ratios (neutral 1) it is a factor.
        """
        first, last = self.bounds[0], self.bounds[-1]
        if self.relations[0] == "between":
            return float(first), float(last)
        # A factor is symmetric for ratios: twice and half are equally far from 1.
        if self.relations[0] == "equal_within":
            return (1 / first, float(first)) if neutral == 1 else ((neutral or 0) - first, (neutral or 0) + first)
        return (float(first), inf) if self.relations[0] == "at_least" else (-inf, float(first))


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One testable statement of a paper: a measurement on one or two sides, and the expected effect.

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
    each: bool  # every level of the range for itself, not their mean
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
        """True if `against` is read at the place of `of`."""
        # What counts is what was written: an `at` that merely equals that of `of` is a place of its own.
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
    # `called` names one side in the sentence, so the other one must not inherit it.
    left_out = {"called", *(PLACE if "at" in stated else ())}
    taken = {key: value for key, value in of.items() if key not in left_out}
    return one, Term.parse({**taken, **stated}, stated=stated)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The verdict on one claim: a row of the table of verdicts.

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
