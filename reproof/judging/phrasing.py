"""Verdicts in words: one sentence per claim, with numbers and units."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, isinf, isnan

from reproof.declarations.arm_words import find_arm_words
from reproof.judging.claims import INCONCLUSIVE, Claim, Verdict
from reproof.judging.terms import Range, Reach, Term
from reproof.metrics import STEPS, find_metric

# Names of metrics are too terse for a sentence.
PLACES = {"at early stop": "at early stopping", "at end": "at the end of training"}
RANK = "rank correlation"
# Format of each unit. "#" keeps trailing zeros: "2.50 times" says that three digits are known.
DIGITS = {"points": ".2f", "%": ".2f", "times": "#.3g", RANK: ".2f", "steps": ".0f", "% of seeds": ".0f"}
# {judge: (unit, factor)} of judges whose effect is not in the unit of the metric.
FIXED_UNITS = {
    "trend": (RANK, 1.0),
    "rank_correlation": (RANK, 1.0),
    "paired_ratio": ("times", 1.0),
    "share_of_seeds": ("% of seeds", 100.0),
}
DIRECTIONS = {"as claimed": "the direction claimed", "against": "against the claim", "neither": "no direction"}


@dataclass(frozen=True, kw_only=True)
class Unit:
    """The unit that an effect is shown in, and the `factor` to it from the unit of the measurements."""

    name: str
    factor: float


def find_unit(claim: Claim) -> Unit:
    """Return the unit that the effect of a claim is shown in."""
    if claim.judge in FIXED_UNITS:
        name, factor = FIXED_UNITS[claim.judge]
        return Unit(name=name, factor=factor)
    reach, metric = claim.of.reach, find_metric(claim.of.metric)
    # The effect of a reach is a place on its axis, whatever the metric is.
    if reach.axis == "kept" if reach else metric.is_share:
        # A difference of two percentages is in points: "2 % more" could be read as a factor.
        return Unit(name="%" if claim.judge == "mean" else "points", factor=100.0)
    along_steps = reach is not None and reach.axis == "at" and metric.axis == "step"
    return Unit(name="steps" if along_steps or (reach is None and metric.unit == STEPS) else "", factor=1.0)


def format_number(value: float, unit: str) -> str:
    """Return a number without its unit, with as many digits as the unit needs and with a true minus sign.

    >>> format_number(-0.4237, "points"), format_number(2.5133, "times"), format_number(0.00012345, "")
    ('−0.42', '2.51', '0.000123')
    """
    if isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:{DIGITS.get(unit, '.3g')}}".rstrip(".")
    # A small negative number must not become "-0.00".
    text = text if float(text) else text.lstrip("-")
    return text.replace("-", "−")  # U+2212, as wide as a plus sign


def format_quantity(value: float, unit: str) -> str:
    """Return a number with its unit: "0.31 points", "13.5 %", "2.51 times"."""
    return f"{format_number(value, unit)} {'' if unit == RANK else unit}".strip()


def describe_expectation(wanted: Range, unit: Unit) -> str:
    """Return the expected range in words, in the unit shown.

    >>> describe_expectation((0.003, inf), Unit(name="points", factor=100.0))
    'at least 0.30 points'
    """
    low, high = wanted[0] * unit.factor, wanted[1] * unit.factor
    if isinf(high):
        return f"at least {format_quantity(low, unit.name)}"
    if isinf(low):
        return f"at most {format_quantity(high, unit.name)}"
    return f"from {format_number(low, unit.name)} to {format_quantity(high, unit.name)}"


def describe_interval(kind: str, *, confidence: float, levels: int) -> str:
    """Return the kind of the reported interval, in words."""
    # These are no intervals of 95 %.
    if kind == "exact" or kind.startswith("none"):
        return kind
    if levels == 1:
        return f"95 %, {kind}"
    # Bonferroni was applied, so the levels together have 95 %. Else each has 95 % by itself.
    if confidence > 0.95:
        return f"95 % of {levels} levels together (Bonferroni), {kind}"
    return f"95 % at the least favourable of {levels} levels, {kind}"


def write_sentence(verdict: Verdict, claim: Claim, *, points: Sequence[Sequence[float]], levels: int) -> str:
    """Return the verdict as one sentence: measurement, certainty, statement of the paper, conclusion.

    `points` are those at which either side was read: shares kept, or places on the metric's own axis.
    """
    where = f"In {claim.runs[0]}"
    if levels > 1:
        where += f", at the least favourable of {levels} levels"
    if claim.against:
        finding = _compare_sides(verdict, claim, claim.against, points)
    else:
        finding = _describe_side(verdict, claim, points)
    published = [f"the paper says {verdict.published}"] if verdict.published else []
    paper = ", ".join([*published, f"expected {verdict.expected}"])
    return f"{where}, {finding} ({_describe_certainty(verdict)}); {paper}: {_conclude(verdict)}."


def _describe_side(verdict: Verdict, claim: Claim, points: Sequence[Sequence[float]]) -> str:
    """Return the measurement of the only side of a claim, in words."""
    measured = f"the {_name_quantity(claim.of)} of {_name_side(claim.of, points[0])}"
    if verdict.unit == RANK:
        effect = format_number(verdict.effect, RANK)
        return f"{measured} has a rank correlation of {effect} with the share of weights kept"
    if claim.judge == "spread":
        measured = f"the standard deviation over seeds of {measured}"
    return f"{measured} is {format_quantity(verdict.effect, verdict.unit)}"


def _compare_sides(verdict: Verdict, claim: Claim, against: Term, points: Sequence[Sequence[float]]) -> str:
    """Return how the two sides compare, in the words of the judge; a judge without words of its own gets the plainest.

    `against` is the second side of the claim.
    """
    of, noun = claim.of, _name_quantity(claim.of)
    one = _name_side(of, points[0])
    # A place that both sides share is named once.
    two = _name_side(against, () if claim.shares_place else points[1], first=of)
    effect, size = format_number(verdict.effect, verdict.unit), format_quantity(abs(verdict.effect), verdict.unit)
    same, per = against.metric == of.metric, "for" if of.reach else "of"
    # The most frequent kind of claim gets the plainest sentence.
    if claim.judge == "paired_difference" and "accuracy" in of.metric and same and not of.reach:
        # Test accuracy at early stopping is the usual measure, so that it needs no name.
        unusual = "" if of.metric == "test_accuracy_at_early_stop" else f" in {noun}"
        return f"{one} are {size} {'less' if verdict.effect < 0 else 'more'} accurate than {two}{unusual}"
    that = f"that {per} {two}" if same else f"the {_name_quantity(against)} of {two}"
    rise = "lower" if verdict.effect < 0 else "higher"
    return {
        "paired_difference": f"the {noun} {per} {one} is {size} {rise} than {that}",
        "paired_ratio": f"the {noun} {per} {one} is {size} {that}",
        "share_of_seeds": f"the {noun} of {one} is higher than {that} in {effect} % of the seeds",
        "rank_correlation": f"the {noun} of {one} has a rank correlation of {effect} with {that}",
        "identical": f"the {noun} of {one} differs from {that} by at most {size}",
    }.get(claim.judge, f"{claim.judge.replace('_', ' ')} of the {noun} of {one} against {that} is {size}")


def _name_side(term: Term, points: Sequence[float], first: Term | None = None) -> str:
    """Name a side by its arm and by where it is read; the second side leaves out what it shares with the `first`."""
    dense = "the dense network" if first else "dense networks"
    # The ticket of level 0 has no pruned weights: it is the dense network.
    arm = dense if term.is_dense and term.arm == "ticket" else find_arm_words(term.arm).sentence
    run = f" in {term.run}" if first and first.run != term.run else ""
    on_ladder = not term.is_dense and not term.reach and term.axis != "at"
    levels = f" {_name_levels(term, points)}" if on_ladder and points else ""
    return f"{term.called or arm}{run}{levels}{_name_place(term, points)}"


def _name_levels(term: Term, points: Sequence[float]) -> str:
    ends = (min(points), max(points)) if len(points) > 1 else points
    shares = f"{' to '.join(map(_format_share, ends))} % of the weights kept"
    if term.best:
        return f"at their best by validation ({shares})"
    if term.mean and len(points) > 1:
        return f"on average over {len(points)} levels ({shares})"
    return f"with {shares}"


def _name_place(term: Term, points: Sequence[float]) -> str:
    """Name the part and the place on the metric's own axis; `points` lie along it if it is the side's axis."""
    axis, place, kept = find_metric(term.metric).axis or "place", term.at.get("at"), term.at.get("kept")
    words = f", {' and '.join(term.parts)}" if any(term.parts) else ""
    if term.axis != "at":
        return words if place is None or isinstance(place, tuple) else f"{words} at {axis} {place:g}"
    # Along `at` the side is read at one level, which is named here because no list of levels names it.
    if isinstance(kept, float):
        words += f" with {_format_share(kept)} % of the weights kept"
    if len(points) > 1 and not term.reach:
        words += f" over {axis}s {min(points):g} to {max(points):g}"
    return words


def _format_share(share: float) -> str:
    return f"{100 * share:.3g}" if share < 1 else "100"


def _name_quantity(term: Term) -> str:
    """Return the measured quantity of a side in words: its metric, or its reach."""
    words = find_metric(term.metric).in_sentence
    for place, plain in PLACES.items():
        words = words.replace(place, plain)
    return _name_reach(term.reach, words, own_axis=find_metric(term.metric).axis) if term.reach else words


def _name_reach(reach: Reach, metric: str, *, own_axis: str) -> str:
    axis = "share of weights" if reach.axis == "kept" else reach.axis.replace("_", " ")
    axis = own_axis or axis if reach.axis == "at" else axis
    if reach.bound == "dense":
        verb = "keeps" if reach.relation == "at_least" else "stays within"
        return f"{reach.end} {axis} that {verb} the dense network's {metric}"
    return f"{reach.end} {axis} with {metric} {reach.relation.replace('_', ' ')} {reach.bound:g}"


def _describe_certainty(verdict: Verdict) -> str:
    seeds = f"{verdict.n} seed{'s' if verdict.n != 1 else ''}"
    # Without chance there is no interval, but the number of seeds still counts.
    if verdict.interval == "exact":
        return f"exact, {seeds}"
    if isnan(verdict.low) or isnan(verdict.high):
        return f"{seeds}, no interval"
    ends = f"{format_number(verdict.low, verdict.unit)} to {format_number(verdict.high, verdict.unit)}"
    return f"95 % interval {ends}, {seeds}"


def _conclude(verdict: Verdict) -> str:
    if not verdict.judged:
        return f"not judged at this scale ({DIRECTIONS[verdict.direction]})"
    if verdict.verdict != INCONCLUSIVE:
        return verdict.verdict
    return f"inconclusive ({_name_remedy(verdict.seeds_needed, verdict.reason)})"


def _name_remedy(needed: float, reason: str) -> str:
    if isnan(needed):
        return reason or "how many seeds would settle it is unknown"
    if needed == inf:
        return reason or "no number of seeds settles it: the effect sits on the bound"
    return f"about {needed:.0f} seeds would settle it"
