"""The rows of one side in the table of measurements: of its networks, at its place, as a grid of seeds by points."""

from fnmatch import fnmatchcase
from math import log
from typing import Any

import numpy as np
import pandas as pd

from reproof.judging.terms import Place, Term
from reproof.metrics import find_metric

NOTHING_SHARED = "the two sides have no level in common at this scale"
EMPTY: dict[str, Any] = {"part": "", "at": float("nan")}


class Unmeasured(Exception):
    """The measurements lack a value that a claim needs; the message names it."""


def complete_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return the measurements with the columns `part` ("" for none) and `at` (NaN for none), which old tables lack.

    Other columns are unchanged.
    """
    full = table.assign(**{column: value for column, value in EMPTY.items() if column not in table})
    return full.assign(part=full["part"].fillna(""))


def find_rows(table: pd.DataFrame, term: Term) -> pd.DataFrame:
    """Return the rows of a term's run, arm, metric and parts, with one `kept` a level; raise Unmeasured if none.


    A term without parts reads rows that have none; a term without `at` reads rows without a place. Needs the table of
    `complete_table`, whose columns it returns.
    """
    of_run: pd.Series[bool] = table["run"].eq(term.run)
    of_arm: pd.Series[bool] = of_run & table["arm"].eq(term.arm)
    found = table.loc[of_arm & table["metric"].eq(term.metric)]
    if found.empty:
        # The message names the outermost thing that is missing: run, arm, then metric.
        absent = name_arm(term) if of_run.any() else f"run {term.run}"
        absent = f"{term.metric} of {absent}" if of_arm.any() else absent
        raise Unmeasured(f"{absent} is not measured at this scale")
    found = found.loc[_match_parts(found, term) & (found["at"].isna() | ("at" in term.at))]
    if found.empty:
        arm = name_arm(term)
        raise Unmeasured(f"{term.metric} of {arm} is not measured for the part or place named at this scale")
    # Random masks of seeds may keep slightly different shares. As an axis, a level needs one value, or seeds would not
    # pair.
    return found.assign(kept=found.groupby("level")["kept"].transform("mean"))


def _match_parts(rows: pd.DataFrame, term: Term) -> "pd.Series[bool]":
    patterns = term.parts or ("",)
    return rows["part"].isin(
        [part for part in rows["part"].unique() if any(fnmatchcase(part, pattern) for pattern in patterns)]
    )


def name_arm(term: Term) -> str:
    return f"arm {term.arm} of run {term.run}"


def place_rows(rows: pd.DataFrame, term: Term) -> pd.DataFrame:
    """Return the rows at the term's place; raise Unmeasured if there are none.

    A range includes its ends. A single `kept` is the nearest level within a factor. Other columns must be equal.
    """
    for column, value in term.at.items():
        # An empty table is kept as it is, so that the message below names the column that emptied it.
        rows = rows if rows.empty else _restrict(rows, column, value, term.within)
        if rows.empty:
            shown = f"from {value[0]:g} to {value[1]:g}" if isinstance(value, tuple) else f"{value}"
            axis = (find_metric(term.metric).axis or "place") if column == "at" else column
            raise Unmeasured(f"{name_arm(term)} is not measured at {axis} {shown} at this scale")
    if rows.empty:  # no column of `at` has been read yet: the sides share no level
        raise Unmeasured(NOTHING_SHARED)
    return rows


def _restrict(rows: pd.DataFrame, column: str, value: Place, within: float) -> pd.DataFrame:
    if isinstance(value, tuple):
        return rows.loc[rows[column].between(*value)]
    if column == "at":
        # 0.1 from YAML and 0.1 from parquet or computed by steps may differ in their last bits.
        return rows.loc[np.isclose(rows["at"], value, rtol=1e-9, atol=1e-12)]
    if column != "kept":
        return rows.loc[rows[column].eq(value)]
    # By ratio: each round keeps a fixed share, so levels are evenly spaced as logarithms.
    distances = {kept: round(abs(log(kept / value)), 9) for kept in sorted(rows["kept"].unique(), reverse=True)}
    # Distances are rounded, so that rounding errors of shares cannot decide between two levels.
    nearest = min(distances, key=distances.__getitem__)  # of two equally near, the one that keeps more
    return rows.loc[rows["kept"].eq(nearest) & (distances[nearest] <= log(within))]


def is_short(rows: pd.DataFrame, term: Term) -> bool:
    """Return True if the ladder ends more than one rung of 0.8 before the range of `kept` of a term."""
    wanted = term.at.get("kept")
    # Within one rung (1 / 0.8 = 1.25) a scale measures the range as well as its ladder can.
    return isinstance(wanted, tuple) and bool(rows["kept"].min() > 1.25 * wanted[0])


def compute_grid(rows: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return values [seed x point], points ascending, averaged over draws and parts; NaN where a seed lacks a point.

    Needs `seed`, `value` and the column `axis`. The index holds seeds, the columns hold points.
    """
    return rows.groupby(["seed", axis])["value"].mean().unstack().sort_index(axis=1)


def compute_grain(rows: pd.DataFrame, table: pd.DataFrame) -> float:
    """Return the grain of a term's rows: the smallest gap between distinct values, in the unit of the metric.

    If all values are equal, it is that of a share of the images attacked, where the table has their number; else NaN.
    """
    # An accuracy moves in steps of 1 / examples: the smallest gap that occurs estimates this step without knowing it.
    gaps = np.diff(np.unique(rows["value"].dropna().to_numpy(dtype=float)))
    # Equal values that differ in their last bits are no gap.
    gaps = gaps[gaps > 1e-9 * max(1.0, float(rows["value"].abs().max()))]
    return float(gaps.min()) if gaps.size else _compute_share_of_one_image(rows, table)


def _compute_share_of_one_image(rows: pd.DataFrame, table: pd.DataFrame) -> float:
    """Return 1 over the number of images that an attack's shares in `rows` are of, NaN if they are no such shares."""
    row = rows.iloc[0]
    counts = table.loc[
        table["metric"].eq(f"{row['metric'].split('_')[0]}_images_attacked")
        & table["run"].eq(row["run"]) & table["arm"].eq(row["arm"]) & table["part"].isin(rows["part"].unique()),
        "value",
    ]  # fmt: skip
    return float(1 / counts.min()) if len(counts) and find_metric(row["metric"]).is_share else float("nan")
