"""Collect the results of a paper into tidy tables: measurements, curves and movement."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reproof.metrics import NATS, SHARE, SPLITS, STEPS, Metric, measurement
from reproof.provenance.records import Record
from reproof.pruning.masks import compute_kept_share, read_masks
from reproof.storage.files import read_json, read_parquet, write_json, write_parquet

NETWORK = ["run", "arm", "level", "kept", "seed", "draw"]
MEASURED = [*NETWORK, "part", "at", "metric", "value"]
NOWHERE: dict[str, Any] = {"part": "", "at": float("nan")}  # the columns of a measurement without part and place
MEASURES = ["accuracy", "loss"]
Kept = dict[tuple[str, int, int], float]


def collect(*, settings: str, measurements: str, curves: str, movement: str, runs: str) -> None:
    """Write the three tables of a paper, and the records to `runs`, from the files listed in `settings` (JSON).

    In `measurements`, `part` names the part of a network, method or split, "" for none. `at` is the place on the
    metric's axis (a step of training, a position on a path, an epsilon), NaN for none.
    """
    asked = json.loads(settings)
    shares = _read_shares(asked["masks"])
    trained: pd.DataFrame = pd.concat(
        [_read_curves(run, arm, folder, shares) for run, arm, folder in asked["trained"]], ignore_index=True
    )
    moved = list(_read_movement(asked["movement"], "metrics"))
    write_parquet(curves, trained)
    moved = [one.assign(arm="ticket", draw=np.int16(0)) for one in moved]
    plain = pd.concat([measure(trained), *moved]).assign(**NOWHERE)
    write_parquet(measurements, pd.concat([plain, *_read_measured(asked["measured"])], ignore_index=True)[MEASURED])
    write_json(runs, _read_records(asked["trained"]))
    bars = list(_read_movement(asked["movement"], "histograms"))
    write_parquet(movement, pd.concat(bars, ignore_index=True) if bars else EMPTY)


METRICS = (
    Metric("early_stop_step", STEPS, words="early-stop iteration", sentence="early-stopping step"),
    Metric("{split}_accuracy_at_early_stop", SHARE, splits=SPLITS),
    Metric("{split}_loss_at_early_stop", NATS, splits=SPLITS),
    # `connect` measures copies from several steps of one network: their accuracy is at the step that they start from.
    Metric("{split}_accuracy_at_end", SHARE, axis="step", axis_optional=True, splits=SPLITS),
    Metric("{split}_loss_at_end", NATS, splits=SPLITS),
)


@measurement(metrics=METRICS)
def measure(curves: pd.DataFrame) -> pd.DataFrame:
    """Return one row per network and metric, at the early-stopping point and at the end, from learning curves.

    The early-stopping point is the first step of least validation loss (Frankle & Carbin 2019, appendix C).
    """
    validation = curves[curves["split"] == "validation"]
    # A stable sort makes the earliest of equal losses the first.
    stops = validation.sort_values(["loss", "step"], kind="stable").drop_duplicates(NETWORK)[[*NETWORK, "step"]]
    ends = curves.sort_values("step", kind="stable").drop_duplicates(NETWORK, keep="last")[[*NETWORK, "step"]]
    parts = [_select_columns(stops.rename(columns={"step": "value"}).assign(metric="early_stop_step"))]
    parts += [_select_at(curves, stops, "early_stop"), _select_at(curves, ends, "end")]
    return pd.concat(parts, ignore_index=True)


def _select_at(curves: pd.DataFrame, points: pd.DataFrame, when: str) -> pd.DataFrame:
    rows = curves.merge(points, on=[*NETWORK, "step"]).melt([*NETWORK, "split"], MEASURES, "measure")
    rows = rows[rows["split"].isin(SPLITS)]
    return _select_columns(rows.assign(metric=rows["split"] + "_" + rows["measure"] + f"_at_{when}"))


def _select_columns(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[[*NETWORK, "metric", "value"]].astype({"value": "float64"})


def _read_curves(run: str, arm: str, folder: str, shares: Kept) -> pd.DataFrame:
    table: pd.DataFrame = read_parquet(f"{folder}/curves.parquet")
    share = [shares[run, level, seed] for level, seed in zip(table["level"], table["seed"], strict=True)]
    table = table.assign(run=run, arm=arm, kept=share)
    return table[[*NETWORK, "step", "split", "loss", "accuracy"]]


def _read_measured(folders: list[tuple[str, str, str]]) -> Iterable[pd.DataFrame]:
    """Yield the measurements of operations with columns `run` and `arm`; tickets get the arm of their evaluation."""
    for run, arm, folder in folders:
        table = read_parquet(f"{folder}/metrics.parquet")
        yield table.assign(run=run, arm=table["arm"].replace("ticket", arm))


def _read_records(trained: list[tuple[str, str, str]]) -> dict[str, dict[str, Record]]:
    """Return {run: {path of a record: the record}} of all trained networks."""
    records: dict[str, dict[str, Record]] = {}
    for run, _, folder in trained:
        records.setdefault(run, {})[f"{folder}/record.json"] = read_json(f"{folder}/record.json")
    return records


def _read_shares(masks: dict[str, list[tuple[list[int], list[str]]]]) -> Kept:
    """Return {(run, level, seed): share of weights kept}; level 0 is the dense network with share 1."""
    shares: Kept = {}
    for run, blocks in masks.items():
        for seeds, files in blocks:
            shares |= {(run, 0, seed): 1.0 for seed in seeds}
            for level, file in enumerate(files, start=1):
                members = zip(seeds, read_masks(Path(file)), strict=True)
                shares |= {(run, level, seed): compute_kept_share(masks) for seed, masks in members}
    return shares


def _read_movement(folders: dict[str, list[str]], table: str) -> Iterable[pd.DataFrame]:
    return (
        read_parquet(f"{folder}/{table}.parquet").assign(run=run) for run, each in folders.items() for folder in each
    )


# A paper without movement still gets a table with these columns, which figures read.
TYPES = {"level": "int16", "seed": "int16", "kept": "float64", "bin_left": "float64", "bin_right": "float64"}
TYPES |= {"layer": "str", "group": "str", "quantity": "str", "share": "float64", "run": "str"}
EMPTY = pd.DataFrame({column: [] for column in TYPES}).astype(TYPES)
