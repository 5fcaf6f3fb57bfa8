"""Verdicts: one row per claim, saying what the measurements made at a scale tell of it.

A claim that the scale does not judge is measured all the same, where it can be, so that its direction shows.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import nan

import pandas as pd

from reproof.judging.claims import Claim, expected_range, terms
from reproof.judging.judges import JUDGES, Judge
from reproof.judging.ladder import Unmeasured, axis_of
from reproof.judging.outcome import INCONCLUSIVE, Outcome, Range, direction, weigh
from reproof.judging.select import samples
from reproof.judging.words import display, expectation, interval_kind, sentence

NOT_JUDGED = "not judged at this scale"
COLUMN_TYPES = {str: "str", float: "float64", int: "int64", bool: "bool"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the measurements say of one claim. `effect`, `low`, `high` and the bounds are in `unit`; NaN where unknown.

    `verdict` is "agrees", "disagrees", "inconclusive" or "not judged at this scale"; `direction` is "as claimed",
    "against", "neither" or "not measured", judged or not; `seeds_needed` is infinite when no number of seeds would do;
    `kept` is the share of weights kept where the claim is read (NaN for several levels); `runs` are those it reads;
    `reason` says why a claim is not judged, or what limits it.
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


def judge_claims(claims: Sequence[Claim], measurements: pd.DataFrame, *, scale: str) -> pd.DataFrame:
    """Return one row per claim, in their order, with the columns of `Verdict` and the same types whatever the claims.

    `measurements` is tidy: `run, arm, level, kept, seed, draw, part, at, metric, value`. What it lacks is told in
    `reason`.
    """
    rows = [asdict(judge_claim(claim, measurements, scale=scale)) for claim in claims]
    types = {field.name: COLUMN_TYPES[field.type] for field in fields(Verdict) if isinstance(field.type, type)}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def judge_claim(claim: Claim, measurements: pd.DataFrame, *, scale: str) -> Verdict:
    """Return the verdict on one claim; a claim that cannot be measured is not judged, with the reason."""
    kind = JUDGES[claim["judge"]]
    wanted = expected_range(claim["expect"], kind.neutral)
    blank = _blank(claim, wanted)
    judged = scale in claim["judged_at"]
    departs = "" if judged else _departs(claim, scale)
    try:
        outcome = weigh(samples(claim["measure"], measurements), kind, wanted)
    except Unmeasured as absent:
        return _worded(replace(blank, reason="; ".join(filter(None, [departs, str(absent)]))), claim, None)
    measured = _measured(blank, claim, kind, wanted, outcome)
    measured = replace(measured, reason="; ".join(filter(None, [departs, _limits(outcome)])))
    if judged:
        measured = replace(measured, judged=True, verdict=outcome.decision)
    return _worded(measured, claim, outcome)


def _departs(claim: Claim, scale: str) -> str:
    if not claim["judged_at"]:
        return "what the paper says of this is only remembered, and judges nothing"
    return f"scale {scale} departs too far from the paper for this claim"


def _blank(claim: Claim, wanted: Range) -> Verdict:
    """Return what is known of a claim before any measurement."""
    unit, factor = display(claim["judge"], claim["measure"])
    return Verdict(
        claim=claim["id"],
        says=claim["says"],
        where=claim["where"],
        why=claim["why"],
        judged_at=", ".join(claim["judged_at"]),
        judged=False,
        verdict=NOT_JUDGED,
        judge=claim["judge"],
        effect=nan,
        unit=unit,
        low=nan,
        high=nan,
        interval="",
        n=0,
        expected=expectation(wanted, unit, factor),
        bound_low=wanted[0] * factor,
        bound_high=wanted[1] * factor,
        published=claim.get("published", ""),
        seeds_needed=nan,
        direction="not measured",
        kept=nan,
        runs=", ".join(dict.fromkeys(term["run"] for term in terms(claim["measure"]) if term is not None)),
        reason="",
        sentence="",
    )


def _measured(blank: Verdict, claim: Claim, kind: Judge, wanted: Range, outcome: Outcome) -> Verdict:
    _, factor = display(claim["judge"], claim["measure"])
    points = outcome.sample.of.points
    one_level = len(points) == 1 and axis_of(terms(claim["measure"])[0]) == "kept"
    return replace(
        blank,
        effect=outcome.estimate.effect * factor,
        low=outcome.low * factor,
        high=outcome.high * factor,
        interval=interval_kind(outcome.estimate.interval, outcome.confidence, outcome.levels),
        n=outcome.estimate.n,
        seeds_needed=outcome.seeds_needed,
        direction=direction(outcome.estimate.effect, wanted, kind.neutral),
        kept=float(points[0]) if one_level else nan,
    )


def _limits(outcome: Outcome) -> str:
    """Say what stands between this measurement and a firm verdict, beyond its spread."""
    sample = outcome.sample
    said = []
    if outcome.estimate.n == 1 and not outcome.estimate.exact:
        said.append("one seed has no spread, so that it settles nothing")
    if sample.short:
        said.append("the ladder of levels ends before the range of the claim does")
    if sample.lost:
        said.append(
            f"{sample.lost} of {sample.lost + len(sample.seeds)} seeds lack a value on some side and are left out"
        )
    if outcome.decision == INCONCLUSIVE and any(
        side is not None and side.beyond for side in (sample.of, sample.against)
    ):
        said.append("the ladder of levels ends before some seed does: more levels would help, not more seeds")
    return "; ".join(said)


def _worded(verdict: Verdict, claim: Claim, outcome: Outcome | None) -> Verdict:
    if outcome is None:
        return replace(verdict, sentence=f"Not judged: {verdict.reason}.")
    sides = (outcome.sample.of, outcome.sample.against)
    of, against = ([] if side is None else side.points.tolist() for side in sides)
    return replace(verdict, sentence=sentence(asdict(verdict), claim, points=(of, against), levels=outcome.levels))
