"""The rule `collect`: everything trained for a paper in three tidy tables."""

import json

import numpy as np
import pandas as pd
import pytest

from reproof.metrics import read_metrics
from reproof.pipeline.collect import collect
from reproof.pruning.masks import write_masks
from reproof.storage.files import read_json, read_parquet, write_json, write_parquet

NETWORK = ["run", "arm", "level", "kept", "seed", "draw"]


def curves(level, seeds=(0, 1), draws=(0,)):
    rows = [
        {"level": level, "seed": seed, "draw": draw, "step": step, "split": split, "loss": 1 / step, "accuracy": 0.5}
        for seed in seeds
        for draw in draws
        for step in (10, 20)
        for split in ("train", "validation", "test")
    ]
    return pd.DataFrame(rows).astype({"level": "int16", "seed": "int16", "draw": "int16", "step": "int32"})


def masks(*kept_of_8):
    return [{"w": np.arange(8).reshape(2, 4) < kept} for kept in kept_of_8]


@pytest.fixture
def collected(tmp_path):
    """Tables of a run with a dense network, one level, a control, and its measured movement."""
    folders = {"dense": curves(0), "level1": curves(1), "reinitialise": curves(1, draws=(0, 1, 2))}
    for name, table in folders.items():
        write_parquet(tmp_path / name / "curves.parquet", table)
    write_masks(tmp_path / "mask", masks(6, 4))
    facts = {"level": np.int16([1, 1]), "kept": [0.75, 0.5], "seed": np.int16([0, 1])}
    write_parquet(
        tmp_path / "moved/metrics.parquet", pd.DataFrame(facts | {"metric": "movement_in_ticket", "value": 0.1})
    )
    bars = {
        "layer": "w",
        "group": "outside",
        "quantity": "distance moved",
        "bin_left": 0.0,
        "bin_right": 1.0,
        "share": 1.0,
    }
    write_parquet(tmp_path / "moved/histograms.parquet", pd.DataFrame(facts | bars))
    return run(
        tmp_path,
        trained=[
            ["lenet", "ticket", "dense"],
            ["lenet", "ticket", "level1"],
            ["lenet", "reinitialise", "reinitialise"],
        ],
        masks={"lenet": [[[0, 1], ["mask"]]]},
        movement={"lenet": ["moved"]},
    )


def run(folder, *, trained, masks, movement, measured=()):
    settings = {
        "trained": [[run, arm, str(folder / name)] for run, arm, name in trained],
        "masks": {
            key: [[seeds, [str(folder / f) for f in files]] for seeds, files in one] for key, one in masks.items()
        },
        "movement": {key: [str(folder / name) for name in names] for key, names in movement.items()},
        "measured": [[run, arm, str(folder / name)] for run, arm, name in measured],
    }
    names = ("measurements", "curves", "movement")
    for _, _, name in trained:
        write_json(folder / name / "record.json", {"made": name})
    files = {name: str(folder / f"{name}.parquet") for name in names}
    collect(settings=json.dumps(settings), **files, runs=str(folder / "runs.json"))
    return {name: read_parquet(folder / f"{name}.parquet") for name in names}


def test_every_network_has_every_metric_once(collected):
    measured = collected["measurements"]
    trained = measured[~measured["metric"].str.contains("movement")]
    networks = trained.groupby(NETWORK)["metric"].agg(["nunique", "count"])
    assert len(networks) == 2 + 2 + 6
    assert set(networks["nunique"]) == set(networks["count"]) == {13}
    assert set(measured["metric"]) <= set(read_metrics())


def test_kept_is_what_the_mask_of_that_seed_keeps(collected):
    for table in ("measurements", "curves"):
        found = collected[table].groupby(["arm", "level", "seed"])["kept"].unique().map(list).to_dict()
        assert found == {
            ("ticket", 0, 0): [1.0],
            ("ticket", 0, 1): [1.0],
            ("ticket", 1, 0): [0.75],
            ("ticket", 1, 1): [0.5],
            ("reinitialise", 1, 0): [0.75],
            ("reinitialise", 1, 1): [0.5],
        }


def test_columns_and_types_are_those_of_the_schema(collected):
    assert list(collected["measurements"].columns) == [*NETWORK, "part", "at", "metric", "value"]
    assert (collected["measurements"]["part"] == "").all()
    assert collected["measurements"]["at"].isna().all()
    assert list(collected["curves"].columns) == [*NETWORK, "step", "split", "loss", "accuracy"]
    bars = ["layer", "group", "quantity", "bin_left", "bin_right", "share"]
    assert set(collected["movement"].columns) == {"run", "level", "kept", "seed", *bars}
    for table in collected.values():
        assert table["level"].dtype == table["seed"].dtype == np.int16
    assert collected["measurements"]["draw"].dtype == np.int16


def test_movement_is_the_tickets(collected):
    moved = collected["measurements"].query("metric == 'movement_in_ticket'")
    assert set(moved["arm"]) == {"ticket"}
    assert moved["value"].tolist() == [0.1, 0.1]
    assert set(collected["movement"]["run"]) == {"lenet"}


def test_a_run_that_is_not_pruned_has_no_movement(tmp_path):
    write_parquet(tmp_path / "dense/curves.parquet", curves(0))
    tables = run(tmp_path, trained=[["lenet", "ticket", "dense"]], masks={"lenet": [[[0, 1], []]]}, movement={})
    assert len(tables["movement"]) == 0
    assert {"run", "level", "group", "quantity", "share"} <= set(tables["movement"].columns)
    assert tables["movement"]["level"].dtype == np.int16
    assert set(tables["measurements"]["level"]) == {0}


def test_the_records_of_a_run_are_kept_together(tmp_path):
    write_parquet(tmp_path / "dense/curves.parquet", curves(0))
    run(tmp_path, trained=[["lenet", "ticket", "dense"]], masks={"lenet": [[[0, 1], []]]}, movement={})
    record = str(tmp_path / "dense/record.json")
    assert read_json(tmp_path / "runs.json") == {"lenet": {record: {"made": "dense"}}}


def test_what_operations_measured_is_told_with_part_and_place(tmp_path):
    """Rows without them say nothing of either, in whatever order the files come."""
    write_parquet(tmp_path / "dense/curves.parquet", curves(0))
    facts = {"level": np.int16([0]), "kept": [1.0], "seed": np.int16([1]), "draw": np.int16([2]), "arm": ["ticket"]}
    told = pd.DataFrame(facts | {"part": ["step 5"], "at": [0.25], "metric": ["test_error_on_path"], "value": [0.1]})
    write_parquet(tmp_path / "connected/metrics.parquet", told)
    trained, masks = [["lenet", "ticket", "dense"]], {"lenet": [[[0, 1], []]]}
    tables = run(tmp_path, trained=trained, masks=masks, movement={}, measured=[["other", "ticket", "connected"]])
    found = tables["measurements"].query("run == 'other'")
    assert found.drop(columns="run").to_dict("records") == told.to_dict("records")
    tables = run(tmp_path, trained=trained, masks=masks, movement={}, measured=[["lenet", "restarted", "connected"]])
    assert set(tables["measurements"].query("at == 0.25")["arm"]) == {"restarted"}
    plain = tables["measurements"].query("at != 0.25")
    assert (plain["part"] == "").all()
    assert plain["at"].isna().all()
    assert tables["measurements"]["draw"].dtype == np.int16
