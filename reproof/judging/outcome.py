"""From an effect and its interval to a decision: how a sample, or one sample per level, settles what a claim expects.

With the effect's 95 % interval and the range that the claim expects: *agrees* when the whole interval lies in the
range, *disagrees* when it lies wholly outside, else *inconclusive*, with the number of seeds that would settle it. One
seed has no interval, so that it settles nothing.

A claim on each level of a range agrees when every level's interval lies in the range (all these tests must pass, so no
correction is due), and disagrees when some level's lies outside at 95 % for all levels together (Bonferroni). It cannot
agree over levels that were not measured: a ladder that ends before the range does leaves it inconclusive.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan, nan

from reproof.judging.judges import NO_BAND, Estimate, Judge
from reproof.judging.select import Sample

AGREES, DISAGREES, INCONCLUSIVE = "agrees", "disagrees", "inconclusive"
CONFIDENCE = 0.95
MOST_SEEDS = 1_000_000

Range = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A sample weighed: its estimate, the interval reported and its confidence, in the units of the measurements.

    `seeds_needed` is NaN where settled or unknown. Of several `levels`, the sample is the least favourable one.
    """

    sample: Sample
    estimate: Estimate
    low: float
    high: float
    confidence: float
    decision: str
    seeds_needed: float
    levels: int = 1


def weigh(found: Sequence[Sample], judge: Judge, wanted: Range) -> Outcome:
    """Return the outcome of a claim's one sample, or of all its levels, against the range of effects it expects."""
    estimates = [judge.weigh(sample.of, *([] if sample.against is None else [sample.against])) for sample in found]
    pairs = list(zip(found, estimates, strict=True))
    plain = [_outcome(sample, estimate, wanted, CONFIDENCE) for sample, estimate in pairs]
    if all(outcome.decision == AGREES for outcome in plain):
        worst = _worst(plain, plain, wanted)
        return replace(worst, decision=INCONCLUSIVE, seeds_needed=inf) if worst.sample.short else worst
    if len(pairs) == 1:
        return plain[0]
    together = 1 - (1 - CONFIDENCE) / len(pairs)
    wide = [_outcome(sample, estimate, wanted, together) for sample, estimate in pairs]
    outside = [outcome for outcome in wide if margin(outcome.estimate.effect, wanted) < 0]
    refuting = [outcome for outcome in outside if outcome.decision == DISAGREES]
    return _worst(refuting, plain, wanted) if refuting else _unsettled(plain, outside, wanted)


def _unsettled(plain: Sequence[Outcome], outside: Sequence[Outcome], wanted: Range) -> Outcome:
    """Return an inconclusive outcome: to disagree one level outside must settle, to agree all that are open must."""
    open_levels = [outcome for outcome in plain if outcome.decision == INCONCLUSIVE]
    needed = [outcome.seeds_needed for outcome in outside or open_levels]
    worst = _worst(outside or open_levels, plain, wanted)
    return replace(worst, decision=INCONCLUSIVE, seeds_needed=min(needed) if outside else max(needed))


def _worst(outcomes: Sequence[Outcome], plain: Sequence[Outcome], wanted: Range) -> Outcome:
    worst = min(outcomes, key=lambda outcome: margin(outcome.estimate.effect, wanted))
    return replace(worst, levels=len(plain))


def _outcome(sample: Sample, estimate: Estimate, wanted: Range, confidence: float) -> Outcome:
    def band(n: int) -> Range:
        return widened(estimate.band(n, confidence), sample)

    low, high = band(estimate.n) if estimate.n > 1 or estimate.exact else NO_BAND
    decision = decide(low, high, wanted)
    return Outcome(
        sample=sample,
        estimate=estimate,
        low=low,
        high=high,
        confidence=confidence,
        decision=decision,
        seeds_needed=seeds_needed(band, wanted) if decision == INCONCLUSIVE else nan,
    )


def decide(low: float, high: float, wanted: Range) -> str:
    """Return what an interval says of an expected range; an interval that is not there (NaN) is inconclusive.

    >>> decide(0.1, 0.4, (0, inf)), decide(-0.4, -0.1, (0, inf)), decide(-0.1, 0.4, (0, inf))
    ('agrees', 'disagrees', 'inconclusive')
    """
    if low >= wanted[0] and high <= wanted[1]:
        return AGREES
    return DISAGREES if high < wanted[0] or low > wanted[1] else INCONCLUSIVE


def widened(interval: Range, sample: Sample) -> Range:
    """Open an interval towards where a side's true value may lie beyond the ladder: no seed sees past its end."""
    sides = [(sample.of, 1)] + ([] if sample.against is None else [(sample.against, -1)])
    ends = {side.beyond * sign for side, sign in sides}
    return (-inf if -1 in ends else interval[0], inf if 1 in ends else interval[1])


def seeds_needed(band: Callable[[int], Range], wanted: Range, *, most: int = MOST_SEEDS) -> float:
    """Return the fewest seeds of the same effect and spread whose interval is conclusive.

    Infinite if none is, NaN if there is no spread to go by. `band(n)` is the interval of n seeds; it narrows with n, so
    the count is bracketed by doubling and then bisected.
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


def margin(effect: float, wanted: Range) -> float:
    """Return how far an effect lies inside the expected range, negative outside."""
    return min(effect - wanted[0], wanted[1] - effect)


def direction(effect: float, wanted: Range, neutral: float | None) -> str:
    """Return whether an effect points where the claim says: to its side of neutral or, if neutral is allowed, inside.

    >>> direction(0.001, (0.003, inf), 0.0), direction(-0.001, (0.003, inf), 0.0), direction(-0.001, (-0.005, inf), 0.0)
    ('as claimed', 'against', 'as claimed')
    """
    if neutral is None or wanted[0] < neutral < wanted[1]:
        return "as claimed" if margin(effect, wanted) >= 0 else "against"
    if effect == neutral:
        return "neither"
    return "as claimed" if (effect > neutral) == (wanted[0] >= neutral) else "against"
