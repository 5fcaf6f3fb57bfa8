"""Summarise measurements over trials by mean and range, as the papers' error bars do, and add published values."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from math import log
from typing import Any

import pandas as pd
from numpy import isclose

# `panel` is the first run of a panel, `place` the place of `run` in it. `mean`, `lowest` and `highest` are in the unit
# of the quantity. `source` is "" for measured rows.
PLACED = "its ratio placed on our dense"
COLUMNS = [
    *("panel", "place", "run", "arm", "level", "kept", "quantity"),
    *("mean", "lowest", "highest", "trials", "source"),
]


def summarise_trials(rows: pd.DataFrame, by: list[str], value: str = "value") -> pd.DataFrame:
    """Return mean, lowest, highest and number of trials (seeds x draws) of `value` in each group, in order of the rows.


    `kept` is the mean of the group; `by` includes the level, so its trials keep nearly equal shares. Needs `kept`, the
    columns `by`, and `value`, whose unit the result keeps.
    """
    # The range, as in the papers: the deviation of three to five trials would itself be uncertain.
    table = rows.groupby(by, sort=False, as_index=False).agg(
        kept=("kept", "mean"),
        mean=(value, "mean"),
        lowest=(value, "min"),
        highest=(value, "max"),
        trials=(value, "size"),
    )
    # The mean of equal numbers can differ from them in its last bit, and a bar has no negative length.
    return table.assign(mean=table["mean"].clip(table["lowest"], table["highest"]))


def select_common_steps(curves: pd.DataFrame) -> pd.DataFrame:
    """Return the rows at steps where all trainings of a run were measured.


    Each training is also measured at its own early-stopping step, where a mean would cover only few trials. Needs
    `run, step, accuracy`; the columns stay as they are.
    """
    trainings = curves.groupby(["run", "step"])["accuracy"].transform("size")
    # Every training has the regular steps, so the most frequent step counts all trainings of a run.
    return curves[trainings == trainings.groupby(curves["run"]).transform("max")]


def iterate_groups(rows: pd.DataFrame, *by: str) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yield (values of the columns `by`, rows with these values), in order of appearance."""
    for values, part in rows.groupby(list(by), sort=False):
        yield tuple(values), part


def add_part_and_at(rows: pd.DataFrame) -> pd.DataFrame:
    """Return measurements with the columns `part` ("" if absent) and `at` (NaN if absent)."""
    return rows.assign(**{name: value for name, value in (("part", ""), ("at", float("nan"))) if name not in rows})


def select_place(rows: pd.DataFrame, part: str = "", at: float | None = None) -> pd.DataFrame:
    """Return the measurements whose part matches a shell pattern ("" for no part) at one place (None for no place).

    This keeps measurements of operations apart from those of the runs themselves.
    """
    parts = rows["part"] if "part" in rows else pd.Series("", index=rows.index)
    # Old tables have neither column; their rows are those of the runs themselves.
    places = rows["at"] if "at" in rows else pd.Series(float("nan"), index=rows.index)
    named = parts.isin([one for one in parts.unique() if fnmatchcase(one, part)])
    # `isclose`, because a place in YAML and one in a table may differ in their last bit.
    return rows[named & (places.isna() if at is None else isclose(places, at))]


def select_arms(rows: pd.DataFrame, arms: Sequence[str] | None, without: Sequence[str]) -> pd.DataFrame:
    """Return the rows of the arms that match `arms` (None for all) and do not match `without`: shell patterns.

    With None, controls that are added later appear without a change of the figure.
    """
    names = [
        arm
        for arm in rows["arm"].unique()
        if _matches(arm, arms if arms is not None else ["*"]) and not _matches(arm, without)
    ]
    return rows[rows["arm"].isin(names)]


def find_nearest_levels(rows: pd.DataFrame, kept: Sequence[float], *, near: float) -> list[int]:
    """Return the distinct levels nearest to shares in (0, 1], for shares with a level within a factor of `near`."""
    measured = rows[["level", "kept"]].drop_duplicates("level").to_dict("records")
    # By ratio: each round keeps a fixed share, so 2 % and 4 % are as far apart as 50 % and 100 %.
    nearest = [min(measured, key=lambda level: abs(log(level["kept"] / share)), default=None) for share in kept]
    pairs = zip(nearest, kept, strict=True)
    found = [int(level["level"]) for level, share in pairs if level and abs(log(level["kept"] / share)) <= log(near)]
    return list(dict.fromkeys(found))


def select_nearest_levels(rows: pd.DataFrame, kept: Sequence[float], *, near: float = 1.3) -> pd.DataFrame:
    """Return, run by run, the rows of the levels nearest to the shares `kept`."""
    each = [
        of_run[of_run["level"].isin(find_nearest_levels(of_run, kept, near=near))] for _, of_run in rows.groupby("run")
    ]
    # The empty piece keeps the columns when no run has a level.
    return pd.concat([*each, rows.iloc[:0]])


def arrange_panels(
    summary: pd.DataFrame, columns: Sequence[Sequence[str]], quantities: Sequence[str], also: Sequence[str] = ()
) -> pd.DataFrame:
    """Return the rows panel by panel; an absent run has one row per quantity with `trials` 0.

    `panel` is the first run of a column, `place` the place of a run in it: later runs are overlaid on the first. `also`
    names further columns of the summary to keep.
    """
    parts = [
        _fill_panel(summary[summary["run"] == run], run, quantities).assign(panel=column[0], place=place, source="")
        for column in columns
        for place, run in enumerate(column)
    ]
    # Rows of absent runs lack most columns, which `reindex` adds.
    return pd.concat(parts, ignore_index=True).reindex(columns=[*COLUMNS, *also])


def add_published(
    table: pd.DataFrame, references: Sequence[Mapping[str, Any]], columns: Sequence[Sequence[str]]
) -> pd.DataFrame:
    """Return the table with a row for each published value whose run, arm, quantity and panel it shows.

    A reference holds `run`, `metric`, `kept`, `source`, and one of `value`; `gain` (added to the measured dense mean);
    `ratio` (times the measured dense mean); optionally `arm` ("ticket" if left out), and `low` and `high`, its range.
    """
    dense = _compute_dense_means(table)
    # A published arm that was not measured here would be a mark without a line and without an entry in the legend.
    drawn = set(zip(table["run"], table["arm"], strict=True))
    rows = [
        _make_published_row(reference, dense[key], column)
        for reference in references
        for column in columns
        if reference["run"] in column
        and (reference["run"], reference.get("arm", "ticket")) in drawn
        and (key := (reference["run"], reference["metric"])) in dense
    ]
    return pd.concat([table, pd.DataFrame(rows, columns=COLUMNS)], ignore_index=True) if rows else table


def _fill_panel(rows: pd.DataFrame, run: str, quantities: Sequence[str]) -> pd.DataFrame:
    """Return the rows of a run, or one per quantity with `trials` 0, so that its panel shows a message."""
    absent = pd.DataFrame({"run": run, "quantity": list(quantities), "arm": "", "trials": 0})
    return absent if rows.empty else rows


def _compute_dense_means(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return the measured mean of the dense network, by run and quantity."""
    dense = table[(table["level"] == 0) & (table["arm"] == "ticket") & (table["trials"] > 0)]
    return {(row["run"], row["quantity"]): row["mean"] for row in dense.to_dict("records")}


def _make_published_row(reference: Mapping[str, Any], dense: float, column: Sequence[str]) -> dict[str, Any]:
    """Return the row of a published value; gains and ratios refer to the measured dense mean."""
    # Papers often give only a gain or a ratio to their dense network; here the measured one takes its place.
    value = reference.get("value", dense * reference.get("ratio", 1) + reference.get("gain", 0))
    return {
        "panel": column[0],
        "place": column.index(reference["run"]),
        "run": reference["run"],
        "arm": reference.get("arm", "ticket"),
        "kept": reference["kept"],
        "quantity": reference["metric"],
        "mean": value,
        "lowest": reference.get("low", value),
        "highest": reference.get("high", value),
        "trials": 0,
        # The paper's own number is a ratio or a gain: the mark lies where our dense network puts it.
        "source": reference["source"] if "value" in reference else mark_source(reference["source"], PLACED),
    }


def mark_source(source: str, remark: str) -> str:
    """Return a source with a remark behind its publication, which the legend shows.

    >>> mark_source("Frankle & Carbin 2019, section 2", "other training")
    'Frankle & Carbin 2019 (other training), section 2'
    """
    publication, comma, place = source.partition(",")
    return f"{publication} ({remark}){comma}{place}"


def _matches(arm: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(arm, pattern) for pattern in patterns)
