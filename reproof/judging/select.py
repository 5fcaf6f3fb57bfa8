"""From the table of measurements to the values of a claim: one number or one curve per seed and side.

A side first finds its rows (`find_rows`), then keeps those at its place (`place_rows`), lays them out as seeds by
points (`compute_grid`), and may reduce a range of points to one number. Finally the sides are paired by seed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from reproof.judging.claims import Claim
from reproof.judging.rows import (
    NOTHING_SHARED,
    Unmeasured,
    complete_table,
    compute_grain,
    compute_grid,
    find_rows,
    is_short,
    place_rows,
)
from reproof.judging.standstill import describe_standstill
from reproof.judging.terms import Best, Reach, Term

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Side:
    """One side of a claim. `values` are [seeds], or [seeds, points] for a curve over `points` [points], ascending.

    `step` [seeds] is the least difference that the measurement could have shown. `beyond` is -1 or 1 if the true value
    of some seed lies beyond the end of the ladder of levels, below (-1) or above (1) what `values` say; else 0.
    """

    values: Array
    points: Array
    step: Array
    beyond: int = 0


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Both sides over the same `seeds`; `lost` counts the seeds that lack a finite value on some side.

    `short` is true if the claim is about each level of a range and the ladder of levels ends before the range does.
    `standstill` says why the two sides compare nothing, "" if they do.
    """

    of: Side
    against: Side | None
    seeds: tuple[int, ...]
    lost: int = 0
    short: bool = False
    standstill: str = ""


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """A side before pairing: `grid` [seed x point], the `points` that entered it, `step` by seed."""

    grid: pd.DataFrame
    points: Array
    step: pd.Series
    beyond: int = 0


def select_samples(claim: Claim, table: pd.DataFrame, *, classes: Mapping[str, int] | None = None) -> list[Sample]:
    """Return the samples of a claim, from rows `run, arm, level, kept, seed, draw, part, at, metric, value`.

    There is one sample; for a claim on each level, one per point of the range, most kept first. Draws and parts are
    averaged within a seed. `classes` are those of `describe_standstill`. Raises Unmeasured if the run, arm, metric or
    level is absent.
    """
    table = complete_table(table)
    return [_add_standstill(sample, claim, table, classes or {}) for sample in _select(claim, table)]


def _select(claim: Claim, table: pd.DataFrame) -> list[Sample]:
    terms = list(claim.sides.values())
    rows = [find_rows(table, term) for term in terms]
    # Two arms of one run must be read at the same levels: a control may be trained at some of them only.
    if claim.shares_place and len(claim.runs) == 1:
        rows = _keep_shared(rows, columns=("level", "at") if claim.of.axis == "at" else ("level",))
    readings = [_read(own, term, table) for own, term in zip(rows, terms, strict=True)]
    if not claim.each:
        return [_pair(readings)]
    short = is_short(rows[0], claim.of)
    return [replace(_pair(at_one), short=short) for at_one in _split_points(*readings)]


def _add_standstill(sample: Sample, claim: Claim, table: pd.DataFrame, classes: Mapping[str, int]) -> Sample:
    if sample.against is None:
        return sample
    values = [sample.of.values, sample.against.values]
    return replace(sample, standstill=describe_standstill(list(claim.sides.values()), values, table, classes))


def _keep_shared(rows: Sequence[pd.DataFrame], *, columns: Sequence[str]) -> list[pd.DataFrame]:
    """Keep the rows of two sides at the levels (and places) that both have."""
    of, against = rows
    for column in columns:
        shared = set(of[column]) & set(against[column])
        of, against = of.loc[of[column].isin(shared)], against.loc[against[column].isin(shared)]
    return [of, against]


def _read(rows: pd.DataFrame, term: Term, table: pd.DataFrame) -> _Reading:
    """Return the values of a term at its place, reduced to one number per seed if the term states a reduction."""
    there = place_rows(rows, term)
    grid = compute_grid(there, term.axis)
    if term.reach:
        return _find_reach(grid, term.reach, term, table)
    # From all rows of the term, not only those at its place: more values show smaller gaps.
    step = pd.Series(compute_grain(rows, table), index=grid.index)
    curve = _Reading(grid=grid, points=grid.columns.to_numpy(dtype=float), step=step)
    if term.best:
        return _find_best(curve, term.best, there, term, table)
    # `skipna=False`: a seed that lacks a level would otherwise have the mean of other levels than the rest.
    return replace(curve, grid=grid.mean(axis=1, skipna=False).to_frame()) if term.mean else curve


def _find_best(curve: _Reading, best: Best, there: pd.DataFrame, term: Term, table: pd.DataFrame) -> _Reading:
    """Return each seed's value at the point best by another metric: selected on validation, measured on test."""
    rows = find_rows(table, replace(term, metric=best.metric))
    # pandas' `isin` takes NaN for equal to NaN, so rows without a place stay.
    rows = rows.loc[rows["level"].isin(there["level"]) & rows["at"].isin(there["at"])]
    # A seed without a score at some point cannot say which point is its best; it is dropped and counted as lost.
    scores = compute_grid(rows, term.axis).reindex_like(curve.grid).dropna()
    chosen = scores.idxmax(axis=1) if best.way == "highest" else scores.idxmin(axis=1)
    values = pd.Series({seed: curve.grid.at[seed, point] for seed, point in chosen.items()}, dtype=float)
    return replace(curve, grid=values.to_frame(), points=np.sort(chosen.to_numpy(dtype=float)))


def _find_reach(grid: pd.DataFrame, reach: Reach, term: Term, table: pd.DataFrame) -> _Reading:
    """Return the smallest (or largest) point of each seed's curve that meets the bound.

    A seed that meets the bound at the end of the ladder may reach further than was measured (`beyond`).
    """
    # The direction along the axis in which the claim reaches.
    outward = -1 if reach.end == "smallest" else 1
    curve, bound = _find_bound(grid, reach, term, table)
    excess = curve.sub(bound, axis=0) * (1 if reach.relation == "at_least" else -1)
    # The bound may hold with gaps, by chance. The outermost point counts, as "the smallest share that still matches".
    holds = excess.ge(-reach.margin)
    points = curve.columns.to_numpy(dtype=float)
    last = {seed: _find_outermost(row.to_numpy(dtype=bool), outward) for seed, row in holds.iterrows() if row.any()}
    values = {seed: points[place] for seed, place in last.items()}
    steps = {seed: _compute_gap(points, place, outward) for seed, place in last.items()}
    end = 0 if outward < 0 else len(points) - 1
    return _Reading(
        grid=pd.Series(values, index=grid.index, dtype=float).to_frame(),
        points=np.sort(np.array(list(values.values()), dtype=float)),
        step=pd.Series(steps, index=grid.index, dtype=float),
        # The ladder ended before this seed failed, so the true value is unknown in this direction.
        beyond=outward if end in last.values() and points[end] else 0,  # no axis has values below 0
    )


def _find_bound(grid: pd.DataFrame, reach: Reach, term: Term, table: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series]:
    """Return the curve and the bound of each seed. Along `kept`, the dense network (kept 1) belongs to the curve.

    A control's curve gains the dense network that it starts from.
    """
    if reach.bound != "dense":
        return grid, pd.Series(float(reach.bound), index=grid.index)
    # The dense network is read at the place of the side, unless the side's own curve runs along places.
    same_place = {column: value for column, value in term.at.items() if column == "at" and grid.columns.name != "at"}
    # Level 0 belongs to the arm "ticket"; controls have no dense network of their own.
    there = replace(term, arm="ticket", at=same_place)
    dense = place_rows(find_rows(table, there), there)
    reference = dense.loc[dense["level"] == 0].groupby("seed")["value"].mean().reindex(grid.index)
    if grid.columns.name != "kept" or 1.0 in grid.columns:
        return grid, reference
    return pd.concat([grid, reference.rename(1.0)], axis=1), reference


def _find_outermost(holds: npt.NDArray[np.bool_], outward: int) -> int:
    return int(np.flatnonzero(holds)[0 if outward < 0 else -1])


def _compute_gap(points: Array, place: int, outward: int) -> float:
    """Return the distance to the next point outward, at the end of the ladder to the one before."""
    neighbour = place + outward if 0 <= place + outward < len(points) else place - outward
    # The true value lies between two measured points, so their distance is the step of this measurement.
    return float(abs(points[neighbour] - points[place])) if 0 <= neighbour < len(points) else float("nan")


def _split_points(of: _Reading, *against: _Reading) -> Iterator[list[_Reading]]:
    """Yield the readings at each point, last point first; a side with one point (the dense network) is in every one."""
    curves = [other for other in against if other.grid.shape[1] > 1]
    points = [point for point in of.points if all(point in curve.points for curve in curves)]
    if not points:
        raise Unmeasured(NOTHING_SHARED)
    for point in reversed(points):
        others = [_take_point(other, point) if other.grid.shape[1] > 1 else other for other in against]
        yield [_take_point(of, point), *others]


def _take_point(reading: _Reading, point: float) -> _Reading:
    return replace(reading, grid=reading.grid.loc[:, [point]], points=np.array([point], dtype=float))


def _pair(readings: Sequence[_Reading]) -> Sample:
    """Keep the seeds that have finite values on every side; raise Unmeasured if there are none."""
    # Pairing needs both values of a seed. Those left out are counted, because dropping them silently could bias a
    # claim.
    seeds = sorted(set.intersection(*(_find_finite_seeds(reading.grid) for reading in readings)))
    if not seeds:
        raise Unmeasured("no seed has a value on every side at this scale")
    everyone = set.union(*(set(reading.grid.index) for reading in readings))
    of, *against = (_make_side(reading, seeds) for reading in readings)
    lost = len(everyone) - len(seeds)
    return Sample(of=of, against=against[0] if against else None, seeds=tuple(seeds), lost=lost)


def _find_finite_seeds(grid: pd.DataFrame) -> set[int]:
    return set(grid.index.to_numpy()[np.isfinite(grid.to_numpy(dtype=float)).all(axis=1)].tolist())


def _make_side(reading: _Reading, seeds: list[int]) -> Side:
    values = reading.grid.loc[seeds].to_numpy(dtype=float)
    return Side(
        # One column is one number per seed [seeds]; several are a curve [seeds, points].
        values=values[:, 0] if values.shape[1] == 1 else values,
        points=reading.points,
        step=reading.step.loc[seeds].to_numpy(dtype=float),
        beyond=reading.beyond,
    )
