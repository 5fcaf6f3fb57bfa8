"""The rule `connect` on tiny data: copies that differ, ends that are the networks', barriers that are known."""

import json
import os
import re
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch
from tiny import SHARE, Folder

from reproof.data.dataset import Split
from reproof.operations.common import copies as copying
from reproof.operations.common.copies import CopyOptions, train_copies
from reproof.operations.common.subject import Subject, measure
from reproof.operations.common.training_job import make_member
from reproof.operations.connect import connect, select_spread
from reproof.pipeline.prune import prune
from reproof.pipeline.retrain import retrain
from reproof.pipeline.train_dense import train_dense
from reproof.pruning.controls import shuffle_mask
from reproof.pruning.masks import compute_kept_share, read_masks
from reproof.pruning.ticket import Ticket
from reproof.seeding import derive
from reproof.storage.checkpoints import read_checkpoint
from reproof.storage.files import ReproofError, read_parquet
from reproof.training.trainer import Trainer

CONTROLS = {arm: {"control": arm, "options": {}} for arm in ("shuffle_mask", "reinitialise")}


def subject(folder, *, levels=(0,), controls=None, rewind=0, name="connected", **options):
    what = {"operation": "connect", "controls": controls or {}, "rewind": rewind, "levels": list(levels)}
    nested = {key: options.pop(key) for key in ("network", "training", "initialisation") if key in options}
    job = folder.job(name, **what, **nested, options=options)
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
    """The first copy from step 0 is the dense network itself, whose error is in its curves; it is at alpha 1."""
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


def test_copies_of_one_object_are_refused(folder, monkeypatch):
    """A replication that is cited against the paper trained one model twice and measured no barrier."""
    one_noise = lambda *asked, draw=0, **named: make_member(*asked, draw=0, **named)  # noqa: E731
    monkeypatch.setattr(copying, "make_member", one_noise)
    with pytest.raises(ReproofError, match="two copies from step 4 are the same network"):
        connected(folder, steps=[4])


def test_copies_share_their_start_and_nothing_else(folder):
    """With a rate that moves nothing the copies lie where the dense network was at that step."""
    still = subject(folder, steps=[4], copies=2)
    settings = json.loads(still.job.settings_json)
    settings["training"]["lr"] = 1e-12
    still = replace(still, job=replace(still.job, settings_json=json.dumps(settings)))
    starts = still.read_step(4)
    (copied,) = train_copies(still, wanted=CopyOptions(copies=2), steps=[4])
    assert [one.seed for one in copied] == [0, 1]
    for one, start in zip(copied, starts, strict=True):
        for end in one.ends:
            np.testing.assert_allclose(end["fc_1.weight"].numpy(), start["fc_1.weight"], rtol=0, atol=1e-9)
    (moved,) = train_copies(subject(folder, steps=[4]), wanted=CopyOptions(copies=2), steps=[4])
    assert not torch.equal(moved[0].ends[0]["fc_1.weight"], moved[0].ends[1]["fc_1.weight"])


def test_a_sparse_copy_keeps_to_its_mask_and_the_ticket_is_the_first(folder):
    with_tickets(folder)
    masks = read_masks(folder.path / "mask1")
    (tickets,) = read_checkpoint(folder("ticket1"), "final")
    every = train_copies(subject(folder, levels=[1], controls=CONTROLS), wanted=CopyOptions(copies=3), steps=())
    found = {copied[0].place.arm: copied for copied in every}
    assert set(found) == {"ticket", "shuffle_mask", "reinitialise"}
    for index, one in enumerate(found["ticket"]):
        assert len(one.ends) == 3
        for name, mask in masks[index].items():
            for end in (*one.ends, *one.origins):
                assert (end[name].numpy()[~mask] == 0).all()
                assert (end[name].numpy()[mask] != 0).mean() > 0.9
            assert (one.ends[0][name].numpy() == tickets[index][name]).all()
    assert all((found["reinitialise"][0].origins[0][name].numpy()[~mask] == 0).all() for name, mask in masks[0].items())


def test_a_control_is_broken_as_the_control_that_is_trained_alone_is(folder):
    """The mask of its first draw is that of `train_control`, for every copy."""
    with_tickets(folder)
    masks = read_masks(folder.path / "mask1")
    asked = {"shuffle_mask": CONTROLS["shuffle_mask"]}
    _, copied = train_copies(subject(folder, levels=[1], controls=asked), wanted=CopyOptions(), steps=())
    for index, one in enumerate(copied):
        chance = np.random.default_rng(derive("control", index, "shuffle_mask", 1, 0))
        shuffled = shuffle_mask(Ticket(start={}, masks=masks[index]), chance).masks
        for end in (*one.ends, *one.origins):
            for name, mask in shuffled.items():
                assert (end[name].numpy()[~mask] == 0).all()
                assert (end[name].numpy()[mask] != 0).mean() > 0.9
                assert (mask != masks[index][name]).any()


def test_what_is_measured_of_a_level_says_its_arm_and_what_it_keeps(folder):
    with_tickets(folder, rewind=4)
    table = connected(folder, levels=[0, 1], controls=CONTROLS, rewind=4, points=3, splits=["test"], steps=[0])
    assert set(table.loc[table["level"] == 1, "arm"]) == {"ticket", *CONTROLS}
    assert set(table.loc[(table["level"] == 1) & (table["metric"] == "distance"), "at"]) == {4.0}
    assert set(table.loc[(table["level"] == 0) & (table["metric"] == "distance"), "at"]) == {0.0}
    shares = {seed: compute_kept_share(mask) for seed, mask in enumerate(read_masks(folder.path / "mask1"))}
    for seed, share in shares.items():
        assert set(table.loc[(table["level"] == 1) & (table["seed"] == seed), "kept"]) == {share}
    assert set(table.loc[table["level"] == 0, "kept"]) == {1.0}


def test_networks_of_other_initialisations_are_farther_apart(folder):
    same, other = (connected(folder, between=between, points=3) for between in ("copies", "starts"))
    assert (values(other, "distance") > 1.5 * values(same, "distance")).all()
    assert (values(other, "distance_share") > 1.1 * values(same, "distance_share")).all()


def test_copies_may_train_for_the_whole_budget_anew(folder):
    """From step 4 of 12 that is half as many steps again, and so another end; from step 0 it is the same."""
    for step, alike in ((0, True), (4, False)):
        going_on, anew = (connected(folder, steps=[step], schedule=schedule) for schedule in ("continued", "anew"))
        assert (values(going_on, "distance").tolist() == values(anew, "distance").tolist()) is alike


def test_statistics_are_a_named_choice_and_both_can_be_had(tmp_path):
    folder = Folder(tmp_path)
    network = {"name": "resnet_8", "width": 0.125}
    asked = {"network": network, "training": {"steps": 4, "lr": 0.01}, "initialisation": {"scheme": "kaiming_normal"}}
    train_dense(folder.job(snapshots=[0], **asked), checkpoint=folder("dense.safetensors"), curves=folder("d.parquet"))
    both = ["interpolated", "recomputed"]
    one = subject(folder, points=3, statistics=both, splits=["test"], **asked)
    measure(connect, one, folder("metrics.parquet"))
    table = read_parquet(folder("metrics.parquet"))
    path = {part: rows.set_index(["seed", "at"])["value"] for part, rows in
            table[table["metric"] == "test_error_on_path"].groupby("part")}  # fmt: skip
    assert set(path) == {"step 0", "step 0, recomputed"}
    for seed in (0, 1):
        for end in (0.0, 1.0):
            assert path["step 0"][seed, end] == path["step 0, recomputed"][seed, end]
    assert (path["step 0"][:, 0.5] != path["step 0, recomputed"][:, 0.5]).any()
    assert set(table.loc[table["metric"] == "test_instability", "part"]) == {"", "recomputed"}
    assert set(table.loc[table["metric"] == "test_accuracy_at_end", "part"]) == {""}


def test_the_same_job_gives_the_same_bytes_also_when_it_was_stopped(folder, monkeypatch):
    connected(folder, steps=[0, 4])
    whole = (folder.path / "metrics.parquet").read_bytes()
    step, stopped = Trainer.step, []

    def stop_once(trainer):
        step(trainer)
        if trainer.done == 9 and not stopped:
            stopped.append(os.kill(os.getpid(), signal.SIGTERM))

    monkeypatch.setattr(Trainer, "step", stop_once)
    with pytest.raises(ReproofError, match="stopped by SIGTERM, state saved"):
        connected(folder, steps=[0, 4])
    assert list(folder.path.glob("connected.state*"))
    connected(folder, steps=[0, 4])
    assert stopped
    assert (folder.path / "metrics.parquet").read_bytes() == whole
    assert not list(folder.path.glob("connected.state*")), "the state goes when the results are there"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"copies": 1}, "copies: 1 make no pair; at least 2"),
        ({"between": "seeds"}, "between: 'seeds' is unknown; choose one of copies, starts"),
        ({"schedule": "new"}, "schedule: 'new' is unknown; choose one of continued, anew"),
        ({"splits": ["tests"]}, "splits: 'tests' is unknown; choose of train, test"),
        ({"train_examples": 1000}, "1000 of 100 training examples: choose from 1 to all; 0 for all of them"),
    ],
)
def test_an_option_that_cannot_be_is_told(folder, options, says):
    with pytest.raises(ReproofError, match=re.escape(says)):
        connected(folder, **options)


def test_some_training_examples_are_evenly_spread(folder):
    split = Split(torch.arange(10).view(10, 1, 1, 1).to(torch.uint8), torch.arange(10))
    assert select_spread(split, 4).labels.tolist() == [0, 3, 6, 9]
    assert select_spread(split, 10).labels.tolist() == list(range(10))
