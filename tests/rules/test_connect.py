"""The rule `connect` on tiny data: copies that differ, ends that are the networks', barriers that are known."""

import json

import pytest
from tiny import SHARE

from reproof.files import ReproofError, read_parquet
from reproof.jobs.connect import connect
from reproof.jobs.prune import prune
from reproof.jobs.retrain import retrain
from reproof.jobs.subject import Subject, measure

CONTROLS = {arm: {"control": arm, "options": {}} for arm in ("shuffle_mask", "reinitialise")}


def subject(folder, *, levels=(0,), controls=None, rewind=0, name="connected", **options):
    what = {"operation": "connect", "controls": controls or {}, "rewind": rewind, "levels": list(levels)}
    job = folder.job(name, **what, options=options)
    pruned = [level for level in levels if level]
    files = [[folder(f"{file}{level}") for level in pruned] for file in ("mask", "ticket")]
    return Subject(job, folder("dense.safetensors"), *files)


def connected(folder, **asked):
    one = subject(folder, **asked)
    measure(connect, one, folder("metrics.parquet"))
    return read_parquet(folder("metrics.parquet"))


def with_tickets(folder, rewind=0):
    """Prune and retrain one level."""
    asked = {"by": "large_final", "scope": "layer", "share": SHARE, "continued": False}
    dense = folder("dense.safetensors")
    prune(settings=json.dumps(asked), dense=dense, trained=dense, previous=[], mask=folder("mask1"))
    job = folder.job("ticket", level=1, rewind=rewind)
    files = {"checkpoint": folder("ticket1"), "curves": folder("ticket.parquet")}
    retrain(job, dense=dense, mask=folder("mask1"), continued=[], **files)
    return folder


def values(table, metric, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    return table.loc[table["metric"] == metric, "value"].to_numpy()


def test_a_path_ends_in_the_networks_that_were_trained(folder):
    """The first copy from step 0 is the dense network itself, whose error its curves tell; it lies at alpha 1."""
    table = connected(folder, points=5)
    curves = read_parquet(folder("dense.parquet")).query("step == 12")
    for split in ("train", "test"):
        ends = values(table, f"{split}_error_on_path", at=1.0)
        expected = 1 - curves[curves["split"] == split].sort_values("seed")["accuracy"].to_numpy()
        assert ends == pytest.approx(expected, abs=1e-12)
        both = values(table, f"{split}_error_on_path", at=0.0) + ends
        assert values(table, f"{split}_accuracy_at_end") == pytest.approx(1 - both / 2)


def test_the_instability_is_the_greatest_error_over_the_mean_of_the_ends(folder):
    table = connected(folder, points=7)
    for seed in (0, 1):
        path = values(table, "test_error_on_path", seed=seed)
        assert len(path) == 7
        assert values(table, "test_instability", seed=seed) == pytest.approx([path.max() - (path[0] + path[-1]) / 2])


def test_tables_hold_every_pair_at_every_place(folder):
    table = connected(folder, copies=3, steps=[0, 4], points=3, splits=["test"])
    assert len(values(table, "test_instability")) == 2 * 3 * 2, "seeds x pairs x steps"
    assert set(table.loc[table["metric"] == "test_instability", "at"]) == {0.0, 4.0}
    assert set(table["draw"]) == {0, 1, 2}
    path = table[table["metric"] == "test_error_on_path"]
    assert set(path["part"]) == {"step 0", "step 4"}
    assert set(path["at"]) == {0.0, 0.5, 1.0}
    assert not table["metric"].str.startswith("train").any()
    assert not table.duplicated([column for column in table.columns if column != "value"]).any()


def test_copies_that_have_no_steps_left_are_one_network(folder):
    with pytest.raises(ReproofError, match="two copies from step 12 are the same network"):
        connected(folder, steps=[12])
