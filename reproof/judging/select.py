"""Measured quantities: what a claim's measure selects, as one number or one curve per seed and side."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reproof.judging.claims import Term, inherits_place, terms
from reproof.judging.ladder import Unmeasured, axis_of, complete, grain_of, grid_of, is_short, placed, rows_of

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a claim. `values` are [seeds], or [seeds, points] for a curve over `points` [points], ascending.

    `step` [seeds] is the least difference that the measurement could have shown. `beyond` tells that the true value of
    some seed lies past the end of the ladder of levels: -1 below what is stated, 1 above, 0 if none does.
    """

    values: Array
    points: Array
    step: Array
    beyond: int = 0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Both sides over the same `seeds`; `lost` counts the seeds without a finite value on every side.

    `short` tells that the claim is about each level of a range, and the ladder of levels ends before that range does.
    """

    of: Side
    against: Side | None
    seeds: tuple[int, ...]
    lost: int = 0
    short: bool = False


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """A side before pairing: `grid` [seed x point], the `points` that entered it, `step` by seed."""

    grid: pd.DataFrame
    points: Array
    step: pd.Series
    beyond: int = 0


def samples(measure: Mapping[str, Any], table: pd.DataFrame) -> list[Sample]:
    """Return what a measure selects from measurements (`run, arm, level, kept, seed, draw, part, at, metric, value`).

    One sample; with `each: true` one per point of the range, most kept first. Draws and parts are averaged within a
    seed, and the sides are paired by seed. Raises Unmeasured if the run, arm, metric or level is absent.
    """
    of, against = terms(measure)
    table = complete(table)
    rows = rows_of(table, of)
    if against is None:
        left, right = _read(rows, of, table), None
    else:
        others = rows_of(table, against)
        if inherits_place(measure) and of["run"] == against["run"]:
            for column in ("level", "at") if axis_of(of) == "at" else ("level",):
                shared = set(rows[column]) & set(others[column])
                rows, others = rows.loc[rows[column].isin(shared)], others.loc[others[column].isin(shared)]
        left, right = _read(rows, of, table), _read(others, against, table)
    if not measure.get("each"):
        return [_pair(left, right)]
    return [replace(sample, short=is_short(rows, of)) for sample in _each(left, right)]


def _read(rows: pd.DataFrame, term: Term, table: pd.DataFrame) -> _Reading:
    """Place a term on its ladder and reduce its range to one number a seed, as it says, or leave the curve."""
    there = placed(rows, term)
    grid = grid_of(there, axis_of(term))
    if "reach" in term:
        return _reach(grid, term, table)
    step = pd.Series(grain_of(rows, table), index=grid.index)
    curve = _Reading(grid=grid, points=grid.columns.to_numpy(dtype=float), step=step)
    if "best" in term:
        return _best(curve, term, there, table)
    return replace(curve, grid=grid.mean(axis=1, skipna=False).to_frame()) if "mean" in term else curve


def _best(curve: _Reading, term: Term, there: pd.DataFrame, table: pd.DataFrame) -> _Reading:
    """Take each seed's value at the point that is best by another metric: chosen on validation, measured on test."""
    (way, metric), *_ = term["best"].items()
    rows = rows_of(table, {**term, "metric": metric})
    rows = rows.loc[rows["level"].isin(there["level"]) & rows["at"].isin(there["at"])]
    scores = grid_of(rows, axis_of(term)).reindex_like(curve.grid).dropna()
    chosen = scores.idxmax(axis=1) if way == "highest" else scores.idxmin(axis=1)
    values = pd.Series({seed: curve.grid.at[seed, point] for seed, point in chosen.items()}, dtype=float)
    return replace(curve, grid=values.to_frame(), points=np.sort(chosen.to_numpy(dtype=float)))


def _reach(grid: pd.DataFrame, term: Term, table: pd.DataFrame) -> _Reading:
    """Take the smallest (or largest) point of each seed's curve that meets a bound: a number, or the dense network.

    Against the dense network along `kept`, the dense network itself (kept 1) meets it. A seed that meets the bound at
    the end of the ladder may reach further than was measured (`beyond`).
    """
    reach = term["reach"]
    outward = -1 if "smallest" in reach else 1
    curve, bound = _with_bound(grid, term, table)
    excess = curve.sub(bound, axis=0) * (1 if "at_least" in reach else -1)
    holds = excess.ge(-reach.get("margin", 0.0))
    points = curve.columns.to_numpy(dtype=float)
    last = {seed: _outermost(row.to_numpy(dtype=bool), outward) for seed, row in holds.iterrows() if row.any()}
    values = pd.Series({seed: points[place] for seed, place in last.items()}, index=grid.index, dtype=float)
    steps = pd.Series(
        {seed: _gap(points, place, outward) for seed, place in last.items()}, index=grid.index, dtype=float
    )
    end = 0 if outward < 0 else len(points) - 1
    return _Reading(
        grid=values.to_frame(),
        points=np.sort(values.dropna().to_numpy(dtype=float)),
        step=steps,
        beyond=outward if end in last.values() and points[end] else 0,  # no axis goes on below 0
    )


def _with_bound(grid: pd.DataFrame, term: Term, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return the curve and the bound of each seed; a control's curve gains the dense network that it starts from."""
    bound = term["reach"].get("at_least", term["reach"].get("at_most"))
    if bound != "dense":
        return grid, pd.Series(float(bound), index=grid.index)
    place = {column: value for column, value in term.get("at", {}).items() if column in ("part", "at")}
    place.pop(str(grid.columns.name), None)
    there = {**term, "arm": "ticket", "at": place}
    dense = placed(rows_of(table, there), there)
    reference = dense.loc[dense["level"] == 0].groupby("seed")["value"].mean().reindex(grid.index)
    if grid.columns.name != "kept" or 1.0 in grid.columns:
        return grid, reference
    return pd.concat([grid, reference.rename(1.0)], axis=1), reference


def _outermost(holds: npt.NDArray[np.bool_], outward: int) -> int:
    return int(np.flatnonzero(holds)[0 if outward < 0 else -1])


def _gap(points: Array, place: int, outward: int) -> float:
    """Return the distance to the next point outward, at the end of the ladder to the one before."""
    neighbour = place + outward if 0 <= place + outward < len(points) else place - outward
    return float(abs(points[neighbour] - points[place])) if 0 <= neighbour < len(points) else float("nan")


def _each(left: _Reading, right: _Reading | None) -> Iterator[Sample]:
    """Yield a sample per point; a side with one point (the dense network) goes against every point of the other."""
    fixed = right is None or right.grid.shape[1] == 1
    points = [place for place in left.points if fixed or (right is not None and place in right.points)]
    if not points:
        raise Unmeasured("the two sides have no level in common at this scale")
    for point in reversed(points):
        yield _pair(_at(left, point), right if right is None or fixed else _at(right, point))


def _at(reading: _Reading, point: float) -> _Reading:
    return replace(reading, grid=reading.grid.loc[:, [point]], points=np.array([point], dtype=float))


def _pair(left: _Reading, right: _Reading | None) -> Sample:
    """Keep the seeds that have finite values on both sides, Unmeasured if there is none."""
    readings = [left] if right is None else [left, right]
    finite = [_finite(reading.grid) for reading in readings]
    seeds = sorted(set.intersection(*finite))
    if not seeds:
        raise Unmeasured("no seed has a value on every side at this scale")
    everyone = set.union(*(set(reading.grid.index) for reading in readings))
    return Sample(
        of=_side(left, seeds),
        against=None if right is None else _side(right, seeds),
        seeds=tuple(seeds),
        lost=len(everyone) - len(seeds),
    )


def _finite(grid: pd.DataFrame) -> set[int]:
    return set(grid.index.to_numpy()[np.isfinite(grid.to_numpy(dtype=float)).all(axis=1)].tolist())


def _side(reading: _Reading, seeds: list[int]) -> Side:
    values = reading.grid.loc[seeds].to_numpy(dtype=float)
    return Side(
        values=values[:, 0] if values.shape[1] == 1 else values,
        points=reading.points,
        step=reading.step.loc[seeds].to_numpy(dtype=float),
        beyond=reading.beyond,
    )
