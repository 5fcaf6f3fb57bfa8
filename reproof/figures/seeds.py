"""Select measurements of whole networks and summarise them over seeds, panel by panel."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pandas as pd

from reproof.figures.kinds import find_table
from reproof.figures.spread import add_part_and_at, select_arms
from reproof.figures.words import list_runs

Tables = Mapping[str, pd.DataFrame]
Columns = Sequence[Sequence[str]]
References = Sequence[Mapping[str, Any]]
COLUMNS = ["panel", "run", "arm", "part", "at", "quantity", "mean", "lowest", "highest", "trials", "source"]
KEYS = ["run", "arm", "part", "quantity"]
SPREAD = "is the mean over seeds, its bar reaches from the lowest to the highest"


def select_metrics(
    tables: Tables,
    columns: Columns,
    metrics: Sequence[str],
    *,
    arms: Sequence[str] | None = ("ticket",),
    level: int = 0,
) -> pd.DataFrame:
    """Return the measurements of these metrics, for all runs of the columns at one level, with `part` and `at`.


    `arms` are shell patterns; None selects all arms. The columns are those of measurements. Rows without a value are
    left out.
    """
    rows = add_part_and_at(find_table(tables, "measurements")).dropna(subset=["value"])
    rows = rows[rows["run"].isin(list_runs(columns)) & rows["metric"].isin(metrics) & (rows["level"] == level)]
    return select_arms(rows, arms, ())


def select_parts(rows: pd.DataFrame, patterns: Sequence[str] | None) -> pd.DataFrame:
    """Return the rows whose part matches one of the shell patterns; None selects all."""
    named = [one for one in rows["part"].unique() if patterns is None or any(fnmatchcase(one, p) for p in patterns)]
    return rows[rows["part"].isin(named)]


def summarise_seeds(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean, lowest and highest over seeds for each run, arm, part, place and quantity, in the order of the rows.


    Draws are averaged within a seed. Needs `run, arm, part, at, metric, seed, value`. Returns COLUMNS without `panel`,
    in the unit of the metric. `trials` is the number of seeds, `quantity` the metric.
    """
    by = [*KEYS, "at"]
    rows = rows.rename(columns={"metric": "quantity"})
    # Draws are no independent trainings, so they are averaged first: the range is over seeds.
    # `dropna=False`, because pandas drops groups whose key is NaN, and `at` is NaN for most metrics.
    seeds = rows.groupby([*by, "seed"], sort=False, dropna=False, as_index=False)["value"].mean()
    summary = seeds.groupby(by, sort=False, dropna=False, as_index=False).agg(
        mean=("value", "mean"), lowest=("value", "min"), highest=("value", "max"), trials=("value", "size")
    )
    means = summary["mean"].clip(
        summary["lowest"], summary["highest"]
    )  # the mean of equal numbers can differ in the last bit
    table: pd.DataFrame = summary.assign(mean=means, source="")
    return table


def arrange_entries(summary: pd.DataFrame, columns: Columns, quantity: str) -> pd.DataFrame:
    """Return the rows panel by panel, runs in the order of the columns; an absent run has one row with `trials` 0.

    `summary` is that of `summarise_seeds`. The result has the columns COLUMNS; `panel` is the number of its panel.
    """
    parts = [
        _fill_run(summary[summary["run"] == run], run, quantity).assign(panel=place)
        for place, column in enumerate(columns)
        for run in column
    ]
    return pd.concat(parts, ignore_index=True).reindex(columns=COLUMNS).astype({"trials": "int64"})


def arrange_quantities(summary: pd.DataFrame, columns: Columns, quantities: Sequence[str]) -> pd.DataFrame:
    """Return the rows quantity by quantity; a run has a row with `trials` 0 for each quantity that it lacks."""
    parts = [arrange_entries(summary[summary["quantity"] == one], columns, one) for one in quantities]
    return pd.concat(parts, ignore_index=True)


def add_published_by_part(table: pd.DataFrame, references: References) -> pd.DataFrame:
    """Return the table with a row for each published value whose run, arm, part and quantity it shows.

    A reference holds `run`, `metric`, `value` and `source`; optionally `part`, `arm`, `at`, and `low` and `high`.
    """
    # A published value without a measured line invites no comparison, so it is not added.
    shown = table.loc[table["trials"] > 0, ["panel", *KEYS]].drop_duplicates().to_dict("records")
    rows = [
        place | _make_published_values(one)
        for one in references
        for place in shown
        if "value" in one and all(place[key] == value for key, value in _find_place(one).items())
    ]
    return pd.concat([table, pd.DataFrame(rows, columns=COLUMNS)], ignore_index=True) if rows else table


def _fill_run(rows: pd.DataFrame, run: str, quantity: str) -> pd.DataFrame:
    """Return the rows of a run, or one row with `trials` 0 if there are none."""
    absent = {"run": run, "arm": "", "part": "", "quantity": quantity, "trials": 0, "source": ""}
    return pd.DataFrame([absent]) if rows.empty else rows


def _find_place(one: Mapping[str, Any]) -> dict[str, str]:
    """Return the run, arm, part and quantity of a published value."""
    named = {"run": one["run"], "arm": one.get("arm", "ticket"), "part": one.get("part", "")}
    return named | {"quantity": one["metric"]}


def _make_published_values(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return the other columns of a published value; its range is the value itself if none is given."""
    value = one["value"]
    spread = {"mean": value, "lowest": one.get("low", value), "highest": one.get("high", value)}
    return spread | {"at": one.get("at", float("nan")), "trials": 0, "source": one["source"]}
