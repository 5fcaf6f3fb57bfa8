"""From a claim and the measurements made at a scale to its verdict.

The effect has a 95 % interval, and the claim expects a range of effects. The claim *agrees* when the whole interval
lies in the range, and *disagrees* when the interval lies wholly outside. Otherwise it is *inconclusive*, with the
number of seeds that would settle it. One seed has no interval, so that it settles nothing.

A claim on each level of a range agrees when the interval of every level lies in the expected range. All these tests
must pass, so that no correction is due. It disagrees when the interval of some level lies outside at 95 % for all
levels together (Bonferroni). It cannot agree on levels that were not measured: if the ladder of levels ends before the
range does, the claim is inconclusive.

A claim that the scale does not judge is measured where possible, so that its direction shows.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from math import inf, isnan, nan

import pandas as pd

from reproof.judging.claims import AGREES, DISAGREES, INCONCLUSIVE, NOT_JUDGED, Claim, Range, Verdict
from reproof.judging.judges import JUDGES, NO_BAND, Estimate, Judge
from reproof.judging.phrasing import describe_expectation, describe_interval, find_unit, write_sentence
from reproof.judging.select import Sample, Unmeasured, select_samples

COLUMN_TYPES = {str: "str", float: "float64", int: "int64", bool: "bool"}
CONFIDENCE = 0.95
MOST_SEEDS = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A sample after judging: its estimate, the interval and its confidence, in the units of the measurements.

    `seeds_needed` is NaN where the claim is settled or the number unknown. Of several `levels`, the sample is the one
    least favourable to the claim.
    """

    sample: Sample
    estimate: Estimate
    low: float
    high: float
    confidence: float
    decision: str
    seeds_needed: float
    levels: int = 1


def judge_claims(claims: Sequence[Claim], measurements: pd.DataFrame, *, scale: str) -> pd.DataFrame:
    """Return one row per claim, in their order, with the columns of `Verdict`, of the same types whatever the claims.

    `measurements` has one value a row: `run, arm, level, kept, seed, draw, part, at, metric, value`. Where they lack
    what a claim needs, the column `reason` says so.
    """
    rows = [asdict(judge_claim(claim, measurements, scale=scale)) for claim in claims]
    types = {field.name: COLUMN_TYPES[field.type] for field in fields(Verdict) if isinstance(field.type, type)}
    return pd.DataFrame(rows, columns=list(types)).astype(types)


def judge_claim(claim: Claim, measurements: pd.DataFrame, *, scale: str) -> Verdict:
    """Return the verdict on one claim; a claim that cannot be measured is not judged, with the reason."""
    judge = JUDGES[claim.judge]
    wanted = claim.expected.compute_range(judge.neutral)
    unjudged = _describe_unjudged(claim, wanted)
    departure = _explain_departure(claim, scale)
    try:
        outcome = weigh(select_samples(claim, measurements), judge, wanted)
    except Unmeasured as absent:
        reason = _join_reasons(departure, str(absent))
        return replace(unjudged, reason=reason, sentence=f"Not judged: {reason}.")
    verdict = replace(
        _add_outcome(unjudged, claim, outcome),
        judged=not departure,
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
    if not claim.judged_at:
        return "what the paper says of this is only remembered, and judges nothing"
    return f"scale {scale} departs too far from the paper for this claim"


def _explain_limits(outcome: Outcome) -> list[str]:
    """Return what limits the verdict, other than the spread over seeds."""
    sample = outcome.sample
    beyond = sample.of.beyond or (sample.against is not None and sample.against.beyond)
    limits = {
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
    """Return what is known of a claim before any measurement."""
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
    """Return the verdict with what was measured, in its unit."""
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
        kept=float(points[0]) if len(points) == 1 and claim.of.axis == "kept" else nan,
    )


def weigh(found: Sequence[Sample], judge: Judge, wanted: Range) -> Outcome:
    """Return the outcome of a claim's one sample, or of all its levels, given the range of effects that it expects."""
    estimates = [judge.weigh(sample.of, *([] if sample.against is None else [sample.against])) for sample in found]
    pairs = list(zip(found, estimates, strict=True))
    plain = [_weigh_sample(sample, estimate, wanted, CONFIDENCE) for sample, estimate in pairs]
    if all(outcome.decision == AGREES for outcome in plain):
        worst = _find_worst(plain, plain, wanted)
        return replace(worst, decision=INCONCLUSIVE, seeds_needed=inf) if worst.sample.short else worst
    if len(pairs) == 1:
        return plain[0]
    together = 1 - (1 - CONFIDENCE) / len(pairs)
    wide = [_weigh_sample(sample, estimate, wanted, together) for sample, estimate in pairs]
    outside = [outcome for outcome in wide if compute_margin(outcome.estimate.effect, wanted) < 0]
    refuting = [outcome for outcome in outside if outcome.decision == DISAGREES]
    return _find_worst(refuting, plain, wanted) if refuting else _leave_open(plain, outside, wanted)


def _leave_open(plain: Sequence[Outcome], outside: Sequence[Outcome], wanted: Range) -> Outcome:
    """Return an inconclusive outcome. One level outside would have to settle it, or else all levels that are open."""
    open_levels = [outcome for outcome in plain if outcome.decision == INCONCLUSIVE]
    needed = [outcome.seeds_needed for outcome in outside or open_levels]
    worst = _find_worst(outside or open_levels, plain, wanted)
    return replace(worst, decision=INCONCLUSIVE, seeds_needed=min(needed) if outside else max(needed))


def _find_worst(outcomes: Sequence[Outcome], plain: Sequence[Outcome], wanted: Range) -> Outcome:
    worst = min(outcomes, key=lambda outcome: compute_margin(outcome.estimate.effect, wanted))
    return replace(worst, levels=len(plain))


def _weigh_sample(sample: Sample, estimate: Estimate, wanted: Range, confidence: float) -> Outcome:
    def band(n: int) -> Range:
        return widen(estimate.band(n, confidence), sample)

    low, high = band(estimate.n) if estimate.n > 1 or estimate.exact else NO_BAND
    decision = decide(low, high, wanted)
    return Outcome(
        sample=sample,
        estimate=estimate,
        low=low,
        high=high,
        confidence=confidence,
        decision=decision,
        seeds_needed=count_seeds_needed(band, wanted) if decision == INCONCLUSIVE else nan,
    )


def decide(low: float, high: float, wanted: Range) -> str:
    """Return the decision of an interval on an expected range; an interval that is absent (NaN) is inconclusive.

    >>> decide(0.1, 0.4, (0, inf)), decide(-0.4, -0.1, (0, inf)), decide(-0.1, 0.4, (0, inf))
    ('agrees', 'disagrees', 'inconclusive')
    """
    if low >= wanted[0] and high <= wanted[1]:
        return AGREES
    return DISAGREES if high < wanted[0] or low > wanted[1] else INCONCLUSIVE


def widen(interval: Range, sample: Sample) -> Range:
    """Return the interval, infinite towards where a side's true value may lie beyond the end of the ladder."""
    sides = [(sample.of, 1)] + ([] if sample.against is None else [(sample.against, -1)])
    ends = {side.beyond * sign for side, sign in sides}
    return (-inf if -1 in ends else interval[0], inf if 1 in ends else interval[1])


def count_seeds_needed(band: Callable[[int], Range], wanted: Range, *, most: int = MOST_SEEDS) -> float:
    """Return the fewest seeds of the same effect and spread whose interval is conclusive.

    It is infinite if none up to `most` is, and NaN if the spread is unknown. `band(n)` is the interval of n seeds. It
    narrows with n, so that the number is bracketed by doubling and then bisected.
    """
    if any(isnan(end) for end in band(most)):
        return nan

    def settles(n: int) -> bool:
        return decide(*band(n), wanted) != INCONCLUSIVE

    enough = 2
    while not settles(enough):
        enough *= 2
        if enough > most:
            return inf
    fewer = enough // 2
    while enough - fewer > 1:
        middle = (enough + fewer) // 2
        fewer, enough = (fewer, middle) if settles(middle) else (middle, enough)
    return float(enough)


def compute_margin(effect: float, wanted: Range) -> float:
    """Return the distance of an effect from the nearer end of the expected range, negative outside."""
    return min(effect - wanted[0], wanted[1] - effect)


def find_direction(effect: float, wanted: Range, neutral: float | None) -> str:
    """Return whether an effect points where the claim says: to its side of neutral or, if neutral is allowed, inside.

    >>> find_direction(0.001, (0.003, inf), 0.0), find_direction(-0.001, (0.003, inf), 0.0)
    ('as claimed', 'against')
    >>> find_direction(-0.001, (-0.005, inf), 0.0)
    'as claimed'
    """
    if neutral is None or wanted[0] < neutral < wanted[1]:
        return "as claimed" if compute_margin(effect, wanted) >= 0 else "against"
    if effect == neutral:
        return "neither"
    return "as claimed" if (effect > neutral) == (wanted[0] >= neutral) else "against"
