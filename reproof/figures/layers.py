"""Summarise measurements of layers over seeds, and label layers: shared by the figures of layers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reproof.declarations.layer_classes import Thresholds
from reproof.figures.kinds import find_table
from reproof.figures.words import list_runs, list_unique

if TYPE_CHECKING:
    from reproof.figures.criticality import Estimate

COLUMNS = ["run", "part", "at", "quantity", "mean", "low", "high", "named", "settled", "trials"]
AMBIENT_TO, CRITICAL_FROM = 0.01, 0.5  # default thresholds of criticality


def label_layer(part: str) -> str:
    """Return the label of a layer or of a set of layers.

    >>> [label_layer(part) for part in ("fc_1", "stage_2_block_10", "layer2.0", "output")]
    ['fc 1', 'block 2.10', 'block 2.1', 'output']
    """
    stage, _, block = part.removeprefix("stage_").partition("_block_")
    if part.startswith("stage_") and block.isdigit():
        return f"block {stage}.{block}"
    stage, _, block = part.removeprefix("layer").partition(".")
    if part.startswith("layer") and block.isdigit():
        # torchvision counts the blocks of a stage from 0, this project's own networks from 1.
        return f"block {stage}.{int(block) + 1}"
    return part.replace("_", " ")


def summarise_layers(
    tables: Mapping[str, pd.DataFrame],
    columns: Sequence[Sequence[str]],
    metrics: Sequence[str],
    *,
    ambient: float = AMBIENT_TO,
    critical: float = CRITICAL_FROM,
) -> pd.DataFrame:
    """Return mean and 95 % interval over seeds of each metric, part and place; draws are averaged within a seed.

    There is one row for each run, part, `at` and quantity (the metric), in the order of `columns` and `metrics`, with

    parts in measured order. A run without any of the metrics has one row with `trials` 0. `mean`, `low` and `high`
    are in the unit of the metric; `trials` counts seeds. `named` and `settled` are those of `criticality.Estimate`.
    """
    rows = find_table(tables, "measurements")
    # Tables without measurements of operations may lack these columns.
    if "part" not in rows:
        rows = rows.assign(part="", at=float("nan"))
    rows = rows[(rows["arm"] == "ticket") & (rows["level"] == 0) & rows["metric"].isin(metrics)]
    parts = [
        _summarise_run(rows[rows["run"] == run], run, metrics, ambient=ambient, critical=critical)
        for run in list_runs(columns)
    ]
    return pd.concat(parts, ignore_index=True).reindex(columns=COLUMNS).astype({"trials": "int64"})


def _summarise_run(
    rows: pd.DataFrame, run: str, metrics: Sequence[str], *, ambient: float, critical: float
) -> pd.DataFrame:
    """Return the rows of one run."""
    from reproof.figures.criticality import estimate  # noqa: PLC0415 (late: scipy costs most of a second)

    thresholds = Thresholds(ambient=ambient, critical=critical)
    if rows.empty:
        return pd.DataFrame({"run": [run], "part": [""], "quantity": [metrics[0]], "trials": [0]})
    by = ["metric", "part", "at", "seed"]
    # Draws of one seed share a trained network, so they are no independent repetitions: the interval is over seeds.
    # `dropna=False`: pandas drops groups whose key is NaN, and `at` is NaN for random weights.
    seeds = rows.groupby(by, sort=False, dropna=False, as_index=False)["value"].mean()
    found = []
    for (metric, part, at), group in seeds.groupby(by[:3], sort=False, dropna=False):
        one = estimate(group["value"].tolist(), thresholds=thresholds)
        low, high = clip_interval(one, most=float("inf") if "distance" in str(metric) else 1.0)
        found.append(
            {"run": run, "part": part, "at": at, "quantity": metric, "mean": one.mean, "low": low, "high": high}
            # Only a criticality has a class; the thresholds mean nothing for a distance.
            | {"named": one.named if "criticality" in str(metric) else "", "settled": one.settled, "trials": one.seeds}
        )
    order = {metric: place for place, metric in enumerate(metrics)}
    table = pd.DataFrame(found)
    return table.sort_values("quantity", key=lambda names: names.map(order), kind="stable")


def clip_interval(one: "Estimate", *, most: float) -> tuple[float, float]:
    """Return the interval of an estimate, cut where no value can be: below 0, and above `most`.

    The t interval of two or three seeds reaches beyond. A mean that lies out there stays in it: a reset may help, and
    a network may end below chance.
    """
    # NaN, the interval of a single seed, stays NaN.
    low = one.low if np.isnan(one.low) else max(one.low, min(0.0, one.mean))
    high = one.high if np.isnan(one.high) else min(one.high, max(most, one.mean))
    return low, high


def list_parts(table: pd.DataFrame) -> list[str]:
    """Return the parts of a table, in order of appearance."""
    return list_unique(table.loc[table["part"] != "", "part"])
