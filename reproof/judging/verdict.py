"""From a claim and the measurements made at a scale to its verdict.

The effect has a 95 % interval, and the claim expects a range of effects. The claim *agrees* when the whole interval
lies in the range, and *disagrees* when the interval lies wholly outside. Otherwise it is *inconclusive*, with the
number of seeds that would settle it. One seed has no interval, so that it settles nothing.

A claim on each level of a range agrees when the interval of every level lies in the expected range. All these tests
must pass, so that no correction is due. It disagrees when the interval of some level lies outside at 95 % for all
levels together (Bonferroni). It cannot agree on levels that were not measured: if the ladder of levels ends before the
range does, the claim is inconclusive.

A comparison of two shares that are both at a floor or at the ceiling is inconclusive, whatever its interval
(`standstill`).

A claim that the scale does not judge is measured where possible, so that its direction shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from math import nan

import pandas as pd

from reproof.judging.claims import INCONCLUSIVE, NOT_JUDGED, Claim, Verdict
from reproof.judging.judges import JUDGES
from reproof.judging.outcome import Outcome, find_direction, weigh
from reproof.judging.phrasing import describe_expectation, describe_interval, find_unit, write_sentence
from reproof.judging.rows import Unmeasured
from reproof.judging.select import select_samples
from reproof.judging.terms import Range

# pandas derives types from values: an empty table or column would have others in the parquet file.
COLUMN_TYPES = {str: "str", float: "float64", int: "int64", bool: "bool"}


def judge_claims(
    claims: Sequence[Claim], measurements: pd.DataFrame, *, scale: str, classes: Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Return one row per claim, in their order, with the columns of `Verdict`, of the same types whatever the claims.

    `measurements` has one value a row: `run, arm, level, kept, seed, draw, part, at, metric, value`. Where they lack
    what a claim needs, the column `reason` says so. `classes` is {run: number of classes}, 0 if unknown, of the runs
    that have other than ten.
    """
    rows = [asdict(judge_claim(claim, measurements, scale=scale, classes=classes)) for claim in claims]
    types = {field.name: COLUMN_TYPES[field.type] for field in fields(Verdict) if isinstance(field.type, type)}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def judge_claim(
    claim: Claim, measurements: pd.DataFrame, *, scale: str, classes: Mapping[str, int] | None = None
) -> Verdict:
    """Return the verdict on one claim; a claim that cannot be measured is not judged, with the reason."""
    judge = JUDGES[claim.judge]
    wanted = claim.expected.compute_range(judge.neutral)
    unjudged = _describe_unjudged(claim, wanted)
    departure = _explain_departure(claim, scale)
    try:
        outcome = weigh(select_samples(claim, measurements, classes=classes), judge, wanted)
    except Unmeasured as absent:
        # A scale that lacks a measurement is not a failure: the page lists the claim with the reason.
        reason = _join_reasons(departure, str(absent))
        return replace(unjudged, reason=reason, sentence=f"Not judged: {reason}.")
    verdict = replace(
        _add_outcome(unjudged, claim, outcome),
        judged=not departure,
        # The effect is kept, so that readers see its direction, but the word must not be quoted from such a scale.
        verdict=NOT_JUDGED if departure else outcome.decision,
        direction=find_direction(outcome.estimate.effect, wanted, judge.neutral),
        reason=_join_reasons(departure, *_explain_limits(outcome)),
    )
    points = [[] if side is None else side.points.tolist() for side in (outcome.sample.of, outcome.sample.against)]
    return replace(verdict, sentence=write_sentence(verdict, claim, points=points, levels=outcome.levels))


def _join_reasons(*reasons: str) -> str:
    return "; ".join(filter(None, reasons))


def _explain_departure(claim: Claim, scale: str) -> str:
    """Return why the scale does not judge the claim, "" if it does."""
    if scale in claim.judged_at:
        return ""
    # Numbers from memory are shown next to measurements and decide nothing.
    if not claim.judged_at:
        return "what the paper says of this is only remembered, and judges nothing"
    return f"scale {scale} departs too far from the paper for this claim"


def _explain_limits(outcome: Outcome) -> list[str]:
    """Return what limits the verdict, other than the spread over seeds."""
    sample = outcome.sample
    beyond = sample.of.beyond or (sample.against is not None and sample.against.beyond)
    limits = {
        sample.standstill: bool(sample.standstill) and not outcome.estimate.exact,
        "one seed has no spread, so that it settles nothing": outcome.estimate.n == 1 and not outcome.estimate.exact,
        "the ladder of levels ends before the range of the claim does": sample.short,
        f"{sample.lost} of {sample.lost + len(sample.seeds)} seeds lack a value on some side and are left out": (
            sample.lost
        ),
        "the ladder of levels ends before some seed does: more levels would help, not more seeds": (
            outcome.decision == INCONCLUSIVE and beyond
        ),
    }
    return [limit for limit, holds in limits.items() if holds]


def _describe_unjudged(claim: Claim, wanted: Range) -> Verdict:
    """Return the verdict without measurements."""
    unit = find_unit(claim)
    return Verdict(
        claim=claim.id,
        says=claim.says,
        where=claim.where,
        why=claim.why,
        judged_at=", ".join(claim.judged_at),
        judged=False,
        verdict=NOT_JUDGED,
        judge=claim.judge,
        effect=nan,
        unit=unit.name,
        low=nan,
        high=nan,
        interval="",
        n=0,
        expected=describe_expectation(wanted, unit),
        bound_low=wanted[0] * unit.factor,
        bound_high=wanted[1] * unit.factor,
        published=claim.published,
        seeds_needed=nan,
        direction="not measured",
        kept=nan,
        runs=", ".join(claim.runs),
        reason="",
        sentence="",
    )


def _add_outcome(verdict: Verdict, claim: Claim, outcome: Outcome) -> Verdict:
    """Return the verdict with the measured values, in the unit of the verdict."""
    factor = find_unit(claim).factor
    points = outcome.sample.of.points
    return replace(
        verdict,
        effect=outcome.estimate.effect * factor,
        low=outcome.low * factor,
        high=outcome.high * factor,
        interval=describe_interval(outcome.estimate.interval, confidence=outcome.confidence, levels=outcome.levels),
        n=outcome.estimate.n,
        seeds_needed=outcome.seeds_needed,
        # Only a claim at one level has one share.
        kept=float(points[0]) if len(points) == 1 and claim.of.axis == "kept" else nan,
    )
