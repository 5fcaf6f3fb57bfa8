"""From samples to an outcome: an interval for the effect, held against the range that a claim expects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan, nan

from reproof.judging.claims import AGREES, DISAGREES, INCONCLUSIVE
from reproof.judging.judges import NO_BAND, Estimate, Judge
from reproof.judging.select import Sample
from reproof.judging.terms import Range

CONFIDENCE = 0.95
MOST_SEEDS = 1_000_000  # more are "no number of seeds"


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


def weigh(found: Sequence[Sample], judge: Judge, wanted: Range) -> Outcome:
    """Return the outcome of a claim's one sample, or of all its levels, given the range of effects that it expects."""
    estimates = [judge.weigh(sample.of, *([] if sample.against is None else [sample.against])) for sample in found]
    pairs = list(zip(found, estimates, strict=True))
    plain = [_weigh_sample(sample, estimate, wanted, CONFIDENCE) for sample, estimate in pairs]
    # A claim on all levels is an intersection-union test (Berger 1982): each level at 95 % needs no correction.
    if all(outcome.decision == AGREES for outcome in plain):
        worst = _find_worst(plain, plain, wanted)
        # Levels that the claim is about were never measured, and no number of seeds adds them.
        return replace(worst, decision=INCONCLUSIVE, seeds_needed=inf) if worst.sample.short else worst
    if len(pairs) == 1:
        return plain[0]
    # Bonferroni: one level outside refutes the claim, so each level is tested more strictly.
    together = 1 - (1 - CONFIDENCE) / len(pairs)
    wide = [_weigh_sample(sample, estimate, wanted, together) for sample, estimate in pairs]
    # Only a level whose effect lies outside can refute the claim.
    outside = [outcome for outcome in wide if compute_margin(outcome.estimate.effect, wanted) < 0]
    refuting = [outcome for outcome in outside if outcome.decision == DISAGREES]
    return _find_worst(refuting, plain, wanted) if refuting else _leave_open(plain, outside, wanted)


def _leave_open(plain: Sequence[Outcome], outside: Sequence[Outcome], wanted: Range) -> Outcome:
    """Return an inconclusive outcome. One level outside would have to settle it, or else all levels that are open."""
    open_levels = [outcome for outcome in plain if outcome.decision == INCONCLUSIVE]
    needed = [outcome.seeds_needed for outcome in outside or open_levels]
    worst = _find_worst(outside or open_levels, plain, wanted)
    # One level outside is enough to refute the claim; to agree, every open level must be settled.
    return replace(worst, decision=INCONCLUSIVE, seeds_needed=min(needed) if outside else max(needed))


def _find_worst(outcomes: Sequence[Outcome], plain: Sequence[Outcome], wanted: Range) -> Outcome:
    worst = min(outcomes, key=lambda outcome: compute_margin(outcome.estimate.effect, wanted))
    return replace(worst, levels=len(plain))


def _weigh_sample(sample: Sample, estimate: Estimate, wanted: Range, confidence: float) -> Outcome:
    def band(n: int) -> Range:
        return widen(estimate.band(n, confidence), sample)

    # A single seed shows no spread, so it has no interval, unless chance plays no part.
    low, high = band(estimate.n) if estimate.n > 1 or estimate.exact else NO_BAND
    # Equal sides agree with many a bound; where neither could differ, that is no evidence. An identity is one anywhere.
    stands_still = bool(sample.standstill) and not estimate.exact
    decision = INCONCLUSIVE if stands_still else decide(low, high, wanted)
    return Outcome(
        sample=sample,
        estimate=estimate,
        low=low,
        high=high,
        confidence=confidence,
        decision=decision,
        seeds_needed=inf if stands_still else count_seeds_needed(band, wanted) if decision == INCONCLUSIVE else nan,
    )


def decide(low: float, high: float, wanted: Range) -> str:
    """Return the decision of an interval on an expected range; an interval that is absent (NaN) is inconclusive.

    >>> decide(0.1, 0.4, (0, inf)), decide(-0.4, -0.1, (0, inf)), decide(-0.1, 0.4, (0, inf))
    ('agrees', 'disagrees', 'inconclusive')
    """
    if low >= wanted[0] and high <= wanted[1]:
        return AGREES
    # Every comparison with NaN is false, so a missing interval arrives here and is inconclusive.
    return DISAGREES if high < wanted[0] or low > wanted[1] else INCONCLUSIVE


def widen(interval: Range, sample: Sample) -> Range:
    """Return the interval, infinite towards where a side's true value may lie beyond the end of the ladder."""
    sides = [(sample.of, 1)] + ([] if sample.against is None else [(sample.against, -1)])
    # The effect is `of` less `against` (or over it): what may lie lower on the second side raises the effect.
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

    # One seed has no interval, so two are the fewest.
    enough = 2
    while not settles(enough):
        enough *= 2
        if enough > most:
            return inf
    fewer = enough // 2
    # `fewer` does not settle the claim and `enough` does, until they are neighbours.
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
    # Exactly no effect points nowhere; a trend of 0 occurs when all curves are constant.
    if effect == neutral:
        return "neither"
    return "as claimed" if (effect > neutral) == (wanted[0] >= neutral) else "against"
