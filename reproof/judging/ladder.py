"""From the tidy table of measurements to one grid of seeds by levels for each side of a claim."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from math import log
from typing import Any

import numpy as np
import pandas as pd

from reproof.judging.claims import Term, ranges
from reproof.metrics import find_metric

NOWHERE: dict[str, Any] = {"part": "", "at": float("nan")}
WITHIN = 1.3  # half a rung of a ladder that keeps three fifths a round; on a finer one the nearest is nearer


class Unmeasured(Exception):
    """What a claim asks for is not among the measurements; the message says what is absent."""


def complete(table: pd.DataFrame) -> pd.DataFrame:
    """Return measurements with the columns `part` and `at`, which say nothing where they are absent."""
    full = table.assign(**{column: value for column, value in NOWHERE.items() if column not in table})
    return full.assign(part=full["part"].fillna(""))


def rows_of(table: pd.DataFrame, term: Term) -> pd.DataFrame:
    """Return the rows of a term's run, arm, metric and parts, `kept` made one number a level; Unmeasured if none.

    A term that names no part reads rows of none; one that does not say `at` reads rows that are at nothing.
    """
    of_run: pd.Series[bool] = table["run"].eq(term["run"])
    of_arm: pd.Series[bool] = of_run & table["arm"].eq(term["arm"])
    found = table.loc[of_arm & table["metric"].eq(term["metric"])]
    if found.empty:
        absent = f"run {term['run']}" if not of_run.any() else _arm(term)
        absent = f"{term['metric']} of {absent}" if of_arm.any() else absent
        raise Unmeasured(f"{absent} is not measured at this scale")
    found = found.loc[_spoken_of(found, term.get("at", {}))]
    if found.empty:
        raise Unmeasured(f"{term['metric']} of {_arm(term)} is not measured for the part or place named at this scale")
    return found.assign(kept=found.groupby("level")["kept"].transform("mean"))


def _spoken_of(rows: pd.DataFrame, at: Mapping[str, Any]) -> "pd.Series[bool]":
    part = at.get("part", "")
    patterns = [part] if isinstance(part, str) else part
    named = [one for one in rows["part"].unique() if any(fnmatchcase(one, pattern) for pattern in patterns)]
    return rows["part"].isin(named) & (rows["at"].isna() | ("at" in at))


def _arm(term: Mapping[str, Any]) -> str:
    return f"arm {term['arm']} of run {term['run']}"


def placed(rows: pd.DataFrame, term: Term) -> pd.DataFrame:
    """Return the rows where the term's `at` puts it, Unmeasured if that place is empty.

    A range includes its ends; a single `kept` is the nearest level within a factor; other columns must be equal. The
    parts were chosen by `rows_of`.
    """
    for column, value in term.get("at", {}).items():
        rows = rows if column == "part" else _restricted(rows, column, value, term.get("within", WITHIN))
        if rows.empty:
            shown = f"from {value[0]:g} to {value[1]:g}" if isinstance(value, list | tuple) else f"{value}"
            axis = (find_metric(term["metric"]).axis or "place") if column == "at" else column
            raise Unmeasured(f"{_arm(term)} is not measured at {axis} {shown} at this scale")
    return rows


def _restricted(rows: pd.DataFrame, column: str, value: Any, within: float) -> pd.DataFrame:
    if isinstance(value, list | tuple):
        return rows.loc[rows[column].between(*value)]
    if column == "at":
        return rows.loc[np.isclose(rows["at"], value, rtol=1e-9, atol=1e-12)]
    if column != "kept":
        return rows.loc[rows[column].eq(value)]
    far = {kept: round(abs(log(kept / value)), 9) for kept in sorted(rows["kept"].unique(), reverse=True)}
    nearest = min(far, key=far.__getitem__)  # of two equally near, the one that keeps more
    return rows.loc[rows["kept"].eq(nearest) & (far[nearest] <= log(within))]


def is_short(rows: pd.DataFrame, term: Term) -> bool:
    """Return whether the ladder ends more than a rung of 0.8 before the range of kept that a term asks for does."""
    wanted = term.get("at", {}).get("kept")
    return isinstance(wanted, list | tuple) and bool(rows["kept"].min() > 1.25 * wanted[0])


def axis_of(term: Term) -> str:
    """Return the column along which a term's values lie: that of its reach or of its range; levels lie along `kept`."""
    reach = term.get("reach", {})
    axis = reach.get("smallest") or reach.get("largest") or next(iter(ranges(term.get("at", {}))), "kept")
    return "kept" if axis == "level" else str(axis)


def grid_of(rows: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return values [seed x point], points ascending, averaged over draws; NaN where a seed lacks a point."""
    return rows.groupby(["seed", axis])["value"].mean().unstack().sort_index(axis=1)


def grain_of(rows: pd.DataFrame, table: pd.DataFrame) -> float:
    """Return the grain of a term's rows: the smallest gap between distinct values.

    If all are equal, it is that of a share of the images attacked, where the table says how many they were; else NaN.
    """
    gaps = np.diff(np.unique(rows["value"].dropna().to_numpy(dtype=float)))
    gaps = gaps[gaps > 1e-9 * max(1.0, float(rows["value"].abs().max()))]
    return float(gaps.min()) if gaps.size else _one_image(rows, table)


def _one_image(rows: pd.DataFrame, table: pd.DataFrame) -> float:
    """Return 1 over the number of images that an attack's shares in `rows` are of, NaN if they are no such shares."""
    row = rows.iloc[0]
    counts = table.loc[
        table["metric"].eq(f"{row['metric'].split('_')[0]}_images_attacked")
        & table["run"].eq(row["run"]) & table["arm"].eq(row["arm"]) & table["part"].isin(rows["part"].unique()),
        "value",
    ]  # fmt: skip
    return float(1 / counts.min()) if len(counts) and find_metric(row["metric"]).is_share else float("nan")
