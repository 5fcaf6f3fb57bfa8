"""Checks of claims before anything has run: names that must exist, and measures that must fit their judge.

Every problem is one line. It names the key in the paper's file and the remedy. The module needs no scipy.
"""

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from reproof.judging.claims import Claim, Expectation
from reproof.judging.terms import REDUCERS, Term
from reproof.metrics import find_metric

COLUMNS = frozenset({"kept", "level", "at"})
RELATIONS = ("at_least", "at_most", "between", "equal_within")


@dataclass(frozen=True, kw_only=True)
class Known:
    """The names that a claim may use: each run with its arms, metrics, scales (None: any), and columns for `at`.

    The arms of a run need not include "ticket".
    """

    runs: Mapping[str, set[str]]
    metrics: set[str]
    scales: set[str] | None = None
    columns: frozenset[str] = COLUMNS


@cache
def read_judges() -> dict[str, dict[str, Any]]:
    """Return what each registered judge declares (`sides`, `reads`, `neutral`), read from the source of `judges.py`."""
    # Parsed, not imported: `judges` needs scipy, which costs most of a second at every start of Snakemake.
    tree = ast.parse(Path(__file__).with_name("judges.py").read_text(encoding="utf-8"))
    marks = (
        (function.name, mark)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for mark in function.decorator_list
        if isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "judge"
    )
    return {
        name: {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in mark.keywords} for name, mark in marks
    }


def check_claims(claims: Sequence[Claim], known: Known) -> list[str]:
    """Return the problems of all claims of a paper, one line each, naming its key as `claims[3].measure.metric`."""
    problems = []
    for place, claim in enumerate(claims):
        key = f"claims[{place}]"
        problems += check_claim(claim, known, key=key)
        # Reported once, at the later claim.
        if claim.id in [earlier.id for earlier in claims[:place]]:
            problems.append(f"{key}.id: {claim.id!r} is the id of an earlier claim; give each claim its own")
    return problems


def check_claim(claim: Claim, known: Known, *, key: str = "claim") -> list[str]:
    """Return the problems of a claim that passes the schema, one line each."""
    # An unknown judge declares nothing that the measure could be compared with.
    problems = list(_check_name(f"{key}.judge", claim.judge, read_judges(), "a judge"))
    if not problems:
        problems += _check_judge(claim, read_judges()[claim.judge], key)
    for side, term in claim.sides.items():
        problems += _check_names(term, f"{key}.measure", side, known)
        problems += _check_place(term, f"{key}.measure.{side}", side, known)
    # `None` leaves scales unchecked, an empty set refuses all of them.
    for place, scale in enumerate(claim.judged_at if known.scales is not None else ()):
        problems += _check_name(f"{key}.judged_at[{place}]", scale, known.scales or (), "a scale")
    return problems


def _check_judge(claim: Claim, judge: Mapping[str, Any], key: str) -> Iterator[str]:
    """Yield the mismatches of measure and judge, and the faults of the expectation."""
    measure, name = f"{key}.measure", claim.judge
    if judge["sides"] == 2 and claim.against is None:
        yield f"{measure}.against: missing; judge {name} compares two sides (dense, or what differs from `of`)"
    if judge["sides"] == 1 and claim.against is not None:
        yield f"{measure}.against: judge {name} reads one side; leave it out or choose a judge that compares"
    for side, term in claim.sides.items():
        # A judge of numbers sees one value per seed: the range must be reduced, or judged level by level.
        if judge["reads"] == "number" and term.is_curve and not claim.each:
            yield f"{measure}.{side}.at: a range of levels; add mean, best or reach, or `each: true` to the measure"
        if judge["reads"] == "curve" and not term.is_curve:
            yield f"{measure}.{side}.at: judge {name} reads several levels; give a range such as kept: [0.02, 1.0]"
    if claim.each and judge["reads"] == "curve":
        yield f"{measure}.each: judge {name} reads all levels together; leave each out"
    yield from _check_expectation(claim.expected, judge["neutral"], f"{key}.expect")


def _check_expectation(expected: Expectation, neutral: float | None, key: str) -> Iterator[str]:
    relations, bounds = expected.relations, expected.bounds
    if len(relations) != 1:
        yield f"{key}: states {len(relations)} relations; state exactly one of {', '.join(RELATIONS)}"
    elif relations == ("between",) and bounds[0] >= bounds[1]:
        yield f"{key}.between: {list(bounds)} runs downwards; write the lower bound first"
    elif relations == ("equal_within",) and neutral is None:
        yield f"{key}.equal_within: a single value has nothing to equal; use between: [low, high]"
    # Around 1 the tolerance is a factor, so it must exceed 1; around 0 it is a distance.
    elif relations == ("equal_within",) and bounds[0] <= (neutral if neutral == 1 else 0):
        yield f"{key}.equal_within: {bounds[0]} leaves no room; a ratio takes a factor above 1"


def _check_names(term: Term, measure: str, side: str, known: Known) -> Iterator[str]:
    """Yield the unknown names of metric, run and arm; names that a side takes from `of` are checked there."""
    first, stated, own = side == "of", term.stated, f"{measure}.{side}"
    # A name that a side inherits is reported once, under the key where it is written.
    if first or "metric" in stated:
        where = f"{own}.metric" if "metric" in stated else f"{measure}.metric"
        yield from _check_name(where, term.metric, known.metrics, "a metric that a rule produces")
    if first or "run" in stated:
        yield from _check_name(f"{own}.run", term.run, known.runs, "a run of this paper")
    if term.run in known.runs and (first or stated & {"arm", "run"}):
        # Every run has tickets; at level 0 they are the dense network.
        arms = known.runs[term.run] | {"ticket"}
        yield from _check_name(f"{own}.arm", term.arm, arms, f"an arm of run {term.run}")


def _check_place(term: Term, own: str, side: str, known: Known) -> Iterator[str]:
    """Yield the faults of the place of a side and of its reduction to one number."""
    if sum(reducer in term.stated for reducer in REDUCERS) > 1:
        yield f"{own}: mean, best and reach exclude one another; state one"
    if "at" in term.stated:
        yield from _check_columns(term, own, known)
    if term.best and "best" in term.stated:
        key, metric = f"{own}.best.{term.best.way}", term.best.metric
        yield from _check_name(key, metric, known.metrics, "a metric that a rule produces")
        # The best of several levels on the test set is biased upwards, because it selects its noise as well.
        if metric.startswith("test_"):
            yield f"{key}: {metric!r} selects on the test set; select on validation, measure on test"
    if term.reach and "reach" in term.stated:
        key = f"{own}.reach.{term.reach.end}"
        yield from _check_name(key, term.reach.axis, known.columns, "an axis of the measurements")
    if side == "of" or term.stated & {"at", "metric"}:
        yield from _check_axis(term, own)


def _check_columns(term: Term, own: str, known: Known) -> Iterator[str]:
    for column, value in term.at.items():
        yield from _check_name(f"{own}.at.{column}", column, known.columns, "a column of the measurements")
        values = value if isinstance(value, tuple) else (value,)
        # A range that runs downwards selects nothing in pandas (`between`), without any error.
        if column in term.ranges and values[0] >= values[-1]:
            yield f"{own}.at.{column}: {list(values)} runs downwards; write the lower end first"
        elif column == "kept" and not all(0 < kept <= 1 for kept in values):
            shown = list(values) if column in term.ranges else value
            yield f"{own}.at.kept: {shown} is not a share of weights in (0, 1]"


def _check_axis(term: Term, own: str) -> Iterator[str]:
    """Yield the faults of the place along `at`, the axis of the metric (a step, a position)."""
    metric = find_metric(term.metric)
    if len(term.ranges) > 1:
        yield f"{own}.at: {' and '.join(term.ranges)} are both ranges; make one of them a single value"
    if metric.axis and not metric.axis_optional and "at" not in term.at:
        yield f"{own}.at.at: missing; {term.metric} is measured at each {metric.axis}; say at which"
    # Places are compared within one network; over all levels they would mix dense and sparse ones.
    if ("at" in term.ranges or term.axis == "at") and not term.names_level:
        yield f"{own}.at: a range of `at` needs one level; add level or kept"


def _check_name(key: str, name: str, known: Collection[str], what: str) -> Iterator[str]:
    """Yield a problem that proposes the nearest known name if `name` is not among them."""
    if name not in known:
        # First names that continue what was typed, then those with few different letters: both mistakes are common.
        longer = [longer for longer in sorted(known) if name and longer.startswith(name)]
        near = longer or get_close_matches(name, sorted(known), n=1)
        choice = f"choose one of {', '.join(sorted(known))}" if known else "there is none"
        remedy = f"did you mean {near[0]!r}?" if near else choice
        yield f"{key}: {name!r} is not {what}; {remedy}"
