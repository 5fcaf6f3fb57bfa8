"""Verdicts in words: one plain sentence a claim, with its numbers and units."""

from collections.abc import Mapping, Sequence
from math import inf, isinf, isnan
from typing import Any

from reproof.arm_words import arm_words
from reproof.judging.claims import Claim, Term, inherits_place, ranges, terms
from reproof.metrics import STEPS, find_metric

PLACES = {"at early stop": "at early stopping", "at end": "at the end of training"}
RANK = "rank correlation"

Points = tuple[Sequence[float], Sequence[float]]


def display(judge: str, measure: Mapping[str, Any]) -> tuple[str, float]:
    """Return the unit that a judge's effect is shown in, and the factor to it from the units of the measurements."""
    if judge in ("trend", "rank_correlation"):
        return RANK, 1.0
    if judge == "paired_ratio":
        return "times", 1.0
    if judge == "share_of_seeds":
        return "% of seeds", 100.0
    reach, metric = measure["of"].get("reach", {}), find_metric(measure["metric"])
    axis = reach.get("smallest", reach.get("largest"))
    if axis == "kept" if reach else metric.is_share:
        return ("%" if judge == "mean" else "points"), 100.0
    counts_steps = metric.axis == "step" if axis == "at" else metric.unit == STEPS and not reach
    return ("steps" if counts_steps else ""), 1.0


def number(value: float, unit: str) -> str:
    """Return a number with as many digits as its unit deserves, a true minus sign, no unit.

    >>> number(-0.4237, "points"), number(2.5133, "times"), number(12345.6, "steps"), number(0.00012345, "")
    ('−0.42', '2.51', '12346', '0.000123')
    """
    if isinf(value):
        return "∞" if value > 0 else "−∞"
    digits = {"points": ".2f", "%": ".2f", "times": "#.3g", RANK: ".2f", "steps": ".0f", "% of seeds": ".0f"}.get(
        unit, ".3g"
    )
    text = f"{value:{digits}}".rstrip(".")
    text = text if float(text) else text.lstrip("-")
    return text.replace("-", "−")


def with_unit(value: float, unit: str) -> str:
    """Return a number with its unit: "0.31 points", "13.5 %", "2.51 times"."""
    return f"{number(value, unit)} {'' if unit == RANK else unit}".strip()


def expectation(wanted: tuple[float, float], unit: str, factor: float) -> str:
    """Return the expected range in words, in display units.

    >>> expectation((0.003, inf), "points", 100.0), expectation((-0.01, 0.01), "points", 100.0)
    ('at least 0.30 points', 'from −1.00 to 1.00 points')
    """
    low, high = wanted[0] * factor, wanted[1] * factor
    if isinf(high):
        return f"at least {with_unit(low, unit)}"
    if isinf(low):
        return f"at most {with_unit(high, unit)}"
    return f"from {number(low, unit)} to {with_unit(high, unit)}"


def interval_kind(kind: str, confidence: float, levels: int) -> str:
    """Return what kind of interval is reported, in words."""
    if kind == "exact" or kind.startswith("none"):
        return kind
    if levels == 1:
        return f"95 %, {kind}"
    over = (
        f"of {levels} levels together (Bonferroni)"
        if confidence > 0.95
        else f"at the least favourable of {levels} levels"
    )
    return f"95 % {over}, {kind}"


def sentence(verdict: Mapping[str, Any], claim: Claim, *, points: Points, levels: int) -> str:
    """Return the verdict as one sentence: what was measured, how sure it is, what the paper says, what follows.

    `verdict` holds the columns of a Verdict, in display units; `points` are the shares kept read on either side.
    """
    start = f"In {verdict['runs'].split(', ')[0]}"
    if levels > 1:
        start += f", at the least favourable of {levels} levels"
    told = f"{start}, {_finding(verdict, claim, points)} ({_certainty(verdict)})"
    return f"{told}; {_against_paper(verdict)}: {_conclusion(verdict)}."


def _finding(verdict: Mapping[str, Any], claim: Claim, points: Points) -> str:
    """Return what was measured, in the words of its judge; a judge without words of its own gets the plainest."""
    of, against = terms(claim["measure"])
    noun, one = _noun(of), _subject(of, points[0])
    unit, effect = verdict["unit"], number(verdict["effect"], verdict["unit"])
    if against is None:
        told = f"of {effect} with the share of weights kept" if unit == RANK else with_unit(verdict["effect"], unit)
        return f"the {noun} of {one} {'has a rank correlation' if unit == RANK else 'is'} {told}"
    two = _subject(against, () if inherits_place(claim["measure"]) else points[1], beside=of)
    size = with_unit(abs(verdict["effect"]), unit)
    same, per = against["metric"] == of["metric"], "for" if "reach" in of else "of"
    that = f"that {per}" if same else f"the {_noun(against)} of"
    if claim["judge"] == "paired_difference" and "accuracy" in of["metric"] and same and "reach" not in of:
        return f"{one} are {size} {'less' if verdict['effect'] < 0 else 'more'} accurate than {two}{_unusual(of)}"
    return {
        "paired_difference": f"the {noun} {per} {one} is {size} {_rise(verdict['effect'])} than {that} {two}",
        "paired_ratio": f"the {noun} {per} {one} is {size} {that} {two}",
        "share_of_seeds": f"the {noun} of {one} is higher than {that} {two} in {effect} % of the seeds",
        "rank_correlation": f"the {noun} of {one} has a rank correlation of {effect} with {that} {two}",
        "identical": f"the {noun} of {one} differs from {that} {two} by at most {size}",
    }.get(claim["judge"], f"{claim['judge'].replace('_', ' ')} of the {noun} of {one} against {that} {two} is {size}")


def _subject(term: Term, points: Sequence[float], beside: Term | None = None) -> str:
    """Name a side: its arm and where it is read, leaving out what it shares with the side beside it (points empty)."""
    unpruned = term.get("at", {}).get("level") == 0
    dense = "the dense network" if beside else "dense networks"
    arm = dense if unpruned and term["arm"] == "ticket" else arm_words(term["arm"]).sentence
    run = f" in {term['run']}" if beside is not None and beside["run"] != term["run"] else ""
    along = along_at(term)
    place = "" if unpruned or along or "reach" in term or not points else f" {_place(term, points)}"
    return f"{term.get('called', arm)}{run}{place}{_beside(term, points if along else ())}"


def along_at(term: Term) -> bool:
    """Return whether a term's values lie along `at`."""
    return "at" in term.get("reach", {}).values() or "at" in ranges(term.get("at", {}))


def _beside(term: Term, points: Sequence[float]) -> str:
    """Name the part and the place on the metric's own axis; `points` are those read along it, if it is the axis."""
    at, axis = term.get("at", {}), find_metric(term["metric"]).axis or "place"
    part = at.get("part", "")
    said = [f", {part if isinstance(part, str) else ' and '.join(part)}"] if part else []
    if along_at(term):
        said += [f" with {_per_cent(at['kept'])} % of the weights kept"] if isinstance(at.get("kept"), float) else []
        said += [f" over {axis}s {min(points):g} to {max(points):g}"] if len(points) > 1 and "reach" not in term else []
    elif "at" in at:
        said.append(f" at {axis} {at['at']:g}")
    return "".join(said)


def _place(term: Term, points: Sequence[float]) -> str:
    shares = (
        f"{_per_cent(min(points))} to {_per_cent(max(points))} %" if len(points) > 1 else f"{_per_cent(points[0])} %"
    )
    if "best" in term:
        return f"at their best by validation ({shares} of the weights kept)"
    if "mean" in term and len(points) > 1:
        return f"on average over {len(points)} levels ({shares} of the weights kept)"
    return f"with {shares} of the weights kept"


def _per_cent(share: float) -> str:
    return f"{100 * share:.3g}" if share < 1 else "100"


def _noun(term: Term) -> str:
    words = find_metric(term["metric"]).in_sentence
    for place, plain in PLACES.items():
        words = words.replace(place, plain)
    if "reach" not in term:
        return words
    reach = term["reach"]
    end = "smallest" if "smallest" in reach else "largest"
    own = find_metric(term["metric"]).axis if reach[end] == "at" else ""
    axis = own or ("share of weights" if reach[end] == "kept" else reach[end].replace("_", " "))
    relation = "at least" if "at_least" in reach else "at most"
    bound = reach.get("at_least", reach.get("at_most"))
    if bound == "dense":
        return f"{end} {axis} that {'keeps' if relation == 'at least' else 'stays within'} the dense network's {words}"
    return f"{end} {axis} with {words} {relation} {bound:g}"


def _rise(effect: float) -> str:
    return "lower" if effect < 0 else "higher"


def _unusual(term: Term) -> str:
    return "" if term["metric"] == "test_accuracy_at_early_stop" else f" in {_noun(term)}"


def _certainty(verdict: Mapping[str, Any]) -> str:
    seeds = f"{verdict['n']} seed{'s' if verdict['n'] != 1 else ''}"
    if verdict["interval"] == "exact":
        return f"exact, {seeds}"
    if isnan(verdict["low"]) or isnan(verdict["high"]):
        return f"{seeds}, no interval"
    ends = f"{number(verdict['low'], verdict['unit'])} to {number(verdict['high'], verdict['unit'])}"
    return f"95 % interval {ends}, {seeds}"


def _against_paper(verdict: Mapping[str, Any]) -> str:
    published = f"the paper says {verdict['published']}" if verdict["published"] else ""
    return ", ".join(filter(None, [published, f"expected {verdict['expected']}"]))


def _conclusion(verdict: Mapping[str, Any]) -> str:
    if not verdict["judged"]:
        direction = {"as claimed": "the direction claimed", "against": "against the claim", "neither": "no direction"}
        return f"not judged at this scale ({direction[verdict['direction']]})"
    if verdict["verdict"] != "inconclusive":
        return str(verdict["verdict"])
    return f"inconclusive ({_remedy(verdict['seeds_needed'], verdict['reason'])})"


def _remedy(needed: float, reason: str) -> str:
    if isnan(needed):
        return reason or "how many seeds would settle it is unknown"
    if needed == inf:
        return reason or "no number of seeds settles it: the effect sits on the bound"
    return f"about {needed:.0f} seeds would settle it"
