"""Claims as data: how a `measure` is read, and what is wrong with a claim before anything has run. Needs no scipy."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from math import inf
from pathlib import Path
from typing import Any

from reproof.metrics import find_metric

Claim = Mapping[str, Any]
Term = dict[str, Any]

PLACE = ("at", "within", "mean", "best", "reach")
REDUCERS = ("mean", "best", "reach")
COLUMNS = frozenset({"kept", "level", "part", "at"})
OFF_THE_LADDER = {"part", "at"}
DENSE = {"arm": "ticket", "at": {"level": 0}}
RELATIONS = ("at_least", "at_most", "between", "equal_within")


def terms(measure: Mapping[str, Any]) -> tuple[Term, Term | None]:
    """Return the two sides of a measure in full: what is measured, and what against (None for a judge of one side).

    `against` takes from `of` every key that it does not state; `at` and what reduces a range go together, so that a
    side which states its own `at` inherits no reduction. "dense" is the network before pruning, in the run of `of`.
    """
    of = {"arm": "ticket", "metric": measure["metric"], **measure["of"]}
    stated = measure.get("against")
    if stated is None:
        return of, None
    stated = DENSE if stated == "dense" else stated
    inherited = {
        key: value for key, value in of.items() if key != "called" and ("at" not in stated or key not in PLACE)
    }
    return of, {**inherited, **stated}


def inherits_place(measure: Mapping[str, Any]) -> bool:
    """Return whether both sides are read at the same place."""
    against = measure.get("against")
    return isinstance(against, Mapping) and "at" not in against


def expected_range(expect: Mapping[str, Any], neutral: float | None) -> tuple[float, float]:
    """Return the lowest and highest effect that a claim allows.

    `equal_within` is a distance from the neutral effect, and for ratios (neutral 1) a factor.
    """
    (relation, bound), *_ = expect.items()
    if relation == "between":
        return float(bound[0]), float(bound[1])
    if relation == "equal_within":
        return (1 / bound, float(bound)) if neutral == 1 else ((neutral or 0) - bound, (neutral or 0) + bound)
    return (float(bound), inf) if relation == "at_least" else (-inf, float(bound))


@cache
def judges() -> dict[str, dict[str, Any]]:
    """Return what each registered judge declares (`sides`, `reads`, `neutral`), read from source, without scipy."""
    tree = ast.parse(Path(__file__).with_name("judges.py").read_text(encoding="utf-8"))
    marked = (
        (function.name, mark)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for mark in function.decorator_list
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "judge"
    )
    return {
        name: {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in mark.keywords} for name, mark in marked
    }


def check_claims(
    claims: Sequence[Claim],
    *,
    runs: Mapping[str, set[str]],
    metrics: set[str],
    scales: set[str] | None = None,
    columns: frozenset[str] = COLUMNS,
) -> list[str]:
    """Return the problems of all claims of a paper, one line each, naming its key as `claims[3].measure.metric`."""
    problems = []
    for place, claim in enumerate(claims):
        key = f"claims[{place}]"
        problems += check_claim(claim, runs=runs, metrics=metrics, scales=scales, columns=columns, key=key)
        if claim["id"] in [earlier["id"] for earlier in claims[:place]]:
            problems.append(f"{key}.id: {claim['id']!r} is the id of an earlier claim; give each claim its own")
    return problems


def check_claim(
    claim: Claim,
    *,
    runs: Mapping[str, set[str]],
    metrics: set[str],
    scales: set[str] | None = None,
    columns: frozenset[str] = COLUMNS,
    key: str = "claim",
) -> list[str]:
    """Return what cannot be measured or judged in a claim that its schema accepts, one line a problem.

    `runs` maps every run of the paper to its arms ("ticket" need not be listed), `metrics` are those that rules
    produce, `columns` those of the measurements table that `at` may name, `scales` the known scales (None: any).
    """
    problems = list(_unknown(f"{key}.judge", claim["judge"], set(judges()), "a judge"))
    if not problems:
        problems += _misfits(claim, judges()[claim["judge"]], key)
    for side, term in zip(("of", "against"), terms(claim["measure"]), strict=True):
        if term is not None:
            stated = claim["measure"][side]
            problems += _term_problems(term, stated, f"{key}.measure", side, runs, metrics, columns)
    for place, scale in enumerate(claim["judged_at"] if scales is not None else []):
        problems += _unknown(f"{key}.judged_at[{place}]", scale, scales or set(), "a scale")
    return problems


def _misfits(claim: Claim, judge: Mapping[str, Any], key: str) -> Iterator[str]:
    """Yield where the measure does not give the judge what it reads, and where the expectation makes no sense."""
    measure, name = claim["measure"], claim["judge"]
    if judge["sides"] == 2 and "against" not in measure:
        yield f"{key}.measure.against: missing; judge {name} compares two sides (dense, or what differs from `of`)"
    if judge["sides"] == 1 and "against" in measure:
        yield f"{key}.measure.against: judge {name} reads one side; leave it out or choose a judge that compares"
    for side, term in zip(("of", "against"), terms(measure), strict=True):
        ranged = term is not None and _is_range(term)
        if judge["reads"] == "number" and ranged and not measure.get("each"):
            yield f"{key}.measure.{side}.at: a range of levels; add mean, best or reach, or `each: true` to the measure"
        if judge["reads"] == "curve" and term is not None and not ranged:
            yield f"{key}.measure.{side}.at: judge {name} reads several levels; give a range such as kept: [0.02, 1.0]"
    if measure.get("each") and judge["reads"] == "curve":
        yield f"{key}.measure.each: judge {name} reads all levels together; leave each out"
    yield from _bad_bounds(claim["expect"], judge["neutral"], f"{key}.expect")


def _bad_bounds(expect: Mapping[str, Any], neutral: float | None, key: str) -> Iterator[str]:
    if len(expect) != 1:
        yield f"{key}: states {len(expect)} relations; state exactly one of {', '.join(RELATIONS)}"
    elif "between" in expect and expect["between"][0] >= expect["between"][1]:
        yield f"{key}.between: {expect['between']} runs downwards; write the lower bound first"
    elif "equal_within" in expect and neutral is None:
        yield f"{key}.equal_within: a single value has nothing to equal; use between: [low, high]"
    elif "equal_within" in expect and expect["equal_within"] <= (neutral if neutral == 1 else 0):
        yield f"{key}.equal_within: {expect['equal_within']} leaves no room; a ratio takes a factor above 1"


def _is_range(term: Term) -> bool:
    """Whether a term yields several values a seed: its place is a range (or everything), and nothing reduces it."""
    at = term.get("at", {})
    wide = bool(ranges(at)) or not set(at) - OFF_THE_LADDER
    return wide and not any(key in term for key in REDUCERS)


def ranges(at: Mapping[str, Any]) -> list[str]:
    """Return the columns of a place that are given as a range; several parts are no range."""
    return [column for column, value in at.items() if column != "part" and isinstance(value, list | tuple)]


def _term_problems(
    term: Term,
    stated: Any,
    key: str,
    side: str,
    runs: Mapping[str, set[str]],
    metrics: set[str],
    columns: frozenset[str],
) -> Iterator[str]:
    stated = stated if isinstance(stated, Mapping) else {}
    own = f"{key}.{side}"
    if side == "of" or "metric" in stated:
        where = f"{own}.metric" if "metric" in stated else f"{key}.metric"
        yield from _unknown(where, term["metric"], metrics, "a metric that a rule produces")
    if side == "of" or "run" in stated:
        yield from _unknown(f"{own}.run", term["run"], set(runs), "a run of this paper")
    if term["run"] in runs and (side == "of" or "arm" in stated or "run" in stated):
        yield from _unknown(f"{own}.arm", term["arm"], runs[term["run"]] | {"ticket"}, f"an arm of run {term['run']}")
    if sum(reducer in stated for reducer in REDUCERS) > 1:
        yield f"{own}: mean, best and reach exclude one another; state one"
    yield from _place_problems(stated, own, metrics, columns)
    if side == "of" or "at" in stated or "metric" in stated:
        yield from _axis_problems(term, own)


def _axis_problems(term: Term, own: str) -> Iterator[str]:
    """Yield what is wrong with where a term is read along `at`, the axis of its metric's own (a step, a position)."""
    at, ranged, metric = term.get("at", {}), ranges(term.get("at", {})), find_metric(term["metric"])
    if len(ranged) > 1:
        yield f"{own}.at: {' and '.join(ranged)} are both ranges; make one of them a single value"
    if metric.axis and not metric.axis_optional and "at" not in at:
        yield f"{own}.at.at: missing; {metric.name} is measured at each {metric.axis}; say at which"
    if ("at" in ranged or "at" in term.get("reach", {}).values()) and not set(at) - OFF_THE_LADDER:
        yield f"{own}.at: a range of `at` needs one level; add level or kept"


def _place_problems(stated: Mapping[str, Any], own: str, metrics: set[str], columns: frozenset[str]) -> Iterator[str]:
    for column, value in stated.get("at", {}).items():
        yield from _unknown(f"{own}.at.{column}", column, set(columns), "a column of the measurements")
        if column in ranges(stated["at"]) and value[0] >= value[1]:
            yield f"{own}.at.{column}: {list(value)} runs downwards; write the lower end first"
        elif column == "kept" and not all(0 < kept <= 1 for kept in _as_list(value)):
            yield f"{own}.at.kept: {value} is not a share of weights in (0, 1]"
    for way, metric in stated.get("best", {}).items():
        yield from _unknown(f"{own}.best.{way}", metric, metrics, "a metric that a rule produces")
        if str(metric).startswith("test_"):
            yield f"{own}.best.{way}: {metric!r} selects on the test set; select on validation, measure on test"
    for end in ("smallest", "largest"):
        if end in stated.get("reach", {}):
            yield from _unknown(
                f"{own}.reach.{end}", stated["reach"][end], set(columns) - {"part"}, "an axis of the measurements"
            )


def _as_list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _unknown(key: str, word: str, known: set[str], what: str) -> Iterator[str]:
    """Yield a problem that proposes the nearest known word if `word` is not among them."""
    if word not in known:
        longer = [longer for longer in sorted(known) if word and longer.startswith(word)]
        near = longer or get_close_matches(word, sorted(known), n=1)
        choice = f"choose one of {', '.join(sorted(known))}" if known else "there is none"
        remedy = f"did you mean {near[0]!r}?" if near else choice
        yield f"{key}: {word!r} is not {what}; {remedy}"
