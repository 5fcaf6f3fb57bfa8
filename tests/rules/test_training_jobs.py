"""The rules `train_dense`, `retrain` and `train_control` on tiny data: what defines a ticket and its controls."""

import json

import numpy as np
import pytest
import torch
from tiny import SHARE

from reproof.networks import build
from reproof.pipeline.prune import prune
from reproof.pipeline.retrain import retrain
from reproof.pipeline.train_control import train_control
from reproof.pipeline.train_dense import train_dense
from reproof.pruning.masks import read_masks
from reproof.storage.checkpoints import read_checkpoint
from reproof.storage.files import ReproofError, read_parquet
from reproof.training.saving import Saving
from reproof.training.trainer import Trainer

STILL = {"lr": 1e-9}  # so that final weights are the initial ones


def masks_of(folder, name="mask", share=SHARE):
    prune(
        settings=json.dumps({"by": "large_final", "scope": "layer", "share": share, "continued": False}),
        dense=folder("dense.safetensors"),
        trained=folder("dense.safetensors"),
        previous=[],
        mask=folder(name),
    )
    return read_masks(folder.path / name)


def retrained(folder, *, level=1, rewind=0, continued=(), mask="mask", name="ticket", **asked):
    job = folder.job(name, level=level, rewind=rewind, **asked)
    files = {"checkpoint": folder(f"{name}.safetensors"), "curves": folder(f"{name}.parquet")}
    retrain(job, dense=folder("dense.safetensors"), mask=folder(mask), continued=[*map(folder, continued)], **files)
    return read_checkpoint(files["checkpoint"], "final")[0], read_parquet(files["curves"])


def controlled(folder, control="rewound", *, levels=(1,), draws=1, name="control", options=None, **asked):
    what = {
        "arm": name,
        "control": control,
        "options": options or {},
        "draws": draws,
        "rewind": 0,
        "levels": list(levels),
    }
    job = folder.job(name, **what, **asked)
    masks = [folder(f"mask{level}") if level > 1 else folder("mask") for level in levels]
    train_control(job, dense=folder("dense.safetensors"), masks=masks, curves=folder(f"{name}.parquet"))
    return read_parquet(folder(f"{name}.parquet"))


def test_the_dense_block_is_kept_at_every_rewind_point(trained):
    starts, fourth, ends = read_checkpoint(trained("dense.safetensors"), "step0", "step4", "final")
    for start, later, end in zip(starts, fourth, ends, strict=True):
        assert 0 < np.abs(later["fc_1.weight"] - start["fc_1.weight"]).max() < 0.1
        assert np.abs(end["fc_1.weight"] - later["fc_1.weight"]).max() > 0
    assert (starts[0]["fc_1.weight"] != starts[1]["fc_1.weight"]).all(), "each seed draws its own"


def test_training_learns(trained):
    curves = read_parquet(trained("dense.parquet"))
    losses = curves[curves["split"] == "validation"].groupby("step")["loss"].mean()
    assert losses.loc[12] < losses.loc[4]


def test_the_tidy_columns_are_those_of_the_schema(trained):
    curves = read_parquet(trained("dense.parquet"))
    assert list(curves.columns) == ["level", "seed", "draw", "step", "split", "loss", "accuracy"]
    assert set(curves["seed"]) == {0, 1}
    assert set(curves["level"]) == set(curves["draw"]) == {0}
    assert set(curves["split"]) == {"train", "validation", "test"}
    assert curves["accuracy"].between(0, 1).all()


@pytest.mark.parametrize("rewind", [0, 4])
def test_a_ticket_is_its_mask_times_the_weights_at_the_rewind_point(folder, rewind):
    """Trained at a rate of next to nothing, it ends where it began."""
    masks = masks_of(folder)
    (starts,) = read_checkpoint(folder("dense.safetensors"), f"step{rewind}")
    ends, _ = retrained(folder, rewind=rewind, training=STILL)
    for start, end, mask in zip(starts, ends, masks, strict=True):
        for name in start:
            expected = start[name] * mask[name] if name in mask else start[name]
            np.testing.assert_allclose(end[name], expected, atol=1e-7)


def test_pruned_weights_are_zero_to_the_last_bit_and_the_others_train(folder):
    masks = masks_of(folder, share={"fc": 0.9, "output": 0.5})
    ends, _ = retrained(folder)
    (starts,) = read_checkpoint(folder("dense.safetensors"), "step0")
    for start, end, mask in zip(starts, ends, masks, strict=True):
        for name in mask:
            assert (end[name][~mask[name]] == 0).all()
            assert np.mean(end[name][mask[name]] != start[name][mask[name]]) > 0.5


def test_a_rewound_ticket_trains_for_the_rest_of_the_budget(folder):
    masks_of(folder)
    _, curves = retrained(folder, rewind=4)
    assert sorted(set(curves.loc[curves["split"] == "validation", "step"])) == [8, 12]


def test_a_ticket_does_not_see_the_dense_networks_order_again(folder):
    """With nothing pruned and the same start it ends elsewhere."""
    masks_of(folder, share={"fc": 1e-9})
    ends, _ = retrained(folder)
    (dense,) = read_checkpoint(folder("dense.safetensors"), "final")
    assert np.abs(ends[0]["fc_1.weight"] - dense[0]["fc_1.weight"]).max() > 1e-4


def test_under_the_second_strategy_the_trained_weights_go_on_beside_the_ticket(folder):
    masks = masks_of(folder)
    (dense,) = read_checkpoint(folder("dense.safetensors"), "final")
    (starts,) = read_checkpoint(folder("dense.safetensors"), "step0")
    tickets, curves = retrained(folder, continued=["dense.safetensors"], training=STILL)
    (going_on,) = read_checkpoint(folder("ticket.safetensors"), "continued")
    for seed, mask in enumerate(masks):
        for name in mask:
            np.testing.assert_allclose(tickets[seed][name], starts[seed][name] * mask[name], atol=1e-7)
            np.testing.assert_allclose(going_on[seed][name], dense[seed][name] * mask[name], atol=1e-7)
    assert len(curves) == len(retrained(folder, name="plain", training=STILL)[1]), "only the ticket is measured"


def test_the_second_level_goes_on_from_the_weights_that_went_on_before(folder):
    masks_of(folder)
    retrained(folder, continued=["dense.safetensors"], name="level1")
    retrained(folder, level=2, continued=["level1.safetensors"], name="level2", training=STILL)
    before, after = (read_checkpoint(folder(f"level{n}.safetensors"), "continued")[0] for n in (1, 2))
    np.testing.assert_allclose(after[0]["fc_1.weight"], before[0]["fc_1.weight"], atol=1e-7)


def test_a_control_trains_every_seed_level_and_draw(folder):
    masks_of(folder)
    masks_of(folder, name="mask2", share={"fc": 0.5})
    curves = controlled(folder, "reinitialise", levels=(1, 2), draws=3)
    networks = curves[["level", "seed", "draw"]].drop_duplicates()
    assert sorted(map(tuple, networks.to_numpy())) == [(lv, s, d) for lv in (1, 2) for s in (0, 1) for d in range(3)]
    ends = curves[(curves["step"] == 12) & (curves["split"] == "test")]
    assert ends["loss"].nunique() == 12, "no two are the same network"


def test_draws_and_levels_do_not_depend_on_how_they_are_cut_into_jobs(folder):
    masks_of(folder)
    masks_of(folder, name="mask2", share={"fc": 0.5})
    both = controlled(folder, "shuffle_mask", levels=(1, 2), draws=2)
    (folder.path / "control.parquet").unlink()
    alone = controlled(folder, "shuffle_mask", levels=(2,), draws=2)
    assert alone.equals(both[both["level"] == 2].reset_index(drop=True))


def test_shuffled_masks_and_fresh_weights_are_not_the_tickets(folder):
    masks_of(folder)
    _, ticket = retrained(folder)
    found = [controlled(folder, kind, name=kind) for kind in ("shuffle_mask", "reinitialise", "prune_at_init")]
    losses = [table.loc[(table["step"] == 12) & (table["seed"] == 0), "loss"].tolist() for table in (ticket, *found)]
    assert len({tuple(loss) for loss in losses}) == 4


def test_noise_takes_its_scale(folder):
    masks_of(folder)
    runs = [controlled(folder, "noise", options={"scale": scale}, training=STILL) for scale in (0.0, 3.0)]
    still = retrained(folder, training=STILL)[1]
    losses = [table.query("step == 12 and split == 'test'")["loss"].to_numpy() for table in (*runs, still)]
    np.testing.assert_allclose(losses[0], losses[2], rtol=1e-6)
    assert np.abs(losses[1] - losses[2]).min() > 1e-3


def test_the_same_job_gives_the_same_bytes(folder):
    masks_of(folder)
    for name in ("one", "two"):
        retrained(folder, name=name)
    for suffix in ("safetensors", "parquet"):
        assert (folder.path / f"one.{suffix}").read_bytes() == (folder.path / f"two.{suffix}").read_bytes()


def test_a_block_equals_its_seeds_alone(folder, trained):
    train_dense(folder.job(seeds=[1], snapshots=[0]), checkpoint=folder("alone"), curves=folder("alone.parquet"))
    ((alone,),) = read_checkpoint(folder("alone"), "final")
    ((_, both),) = read_checkpoint(trained("dense.safetensors"), "final")
    for name in both:
        np.testing.assert_array_equal(alone[name], both[name])


def save_always(monkeypatch):
    monkeypatch.setattr(
        "reproof.operations.common.training_job.Saving", lambda path, identity: Saving(path, identity, every_s=0.0)
    )


class Killed(BaseException):
    """What no handler catches, as a SIGKILL."""


def test_a_killed_job_goes_on_and_ends_in_the_same_bytes(folder, monkeypatch, capsys):
    masks_of(folder)
    asked = {"training": {"steps": 40}}
    retrained(folder, name="whole", **asked)
    save_always(monkeypatch)
    step = Trainer.step

    def killed_at_step_30_of_the_second(trainer):
        if trainer.done == 30 and trainer.members[0].seed == 1:
            raise Killed
        step(trainer)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Trainer, "step", killed_at_step_30_of_the_second)
        retrained(folder, name="parts", **asked)
    assert (folder.path / "parts.state.ticket_level_1").exists()
    assert not (folder.path / "parts.safetensors").exists()
    retrained(folder, name="parts", **asked)
    assert "goes on from step 30" in capsys.readouterr().out
    for suffix in ("safetensors", "parquet"):
        assert (folder.path / f"parts.{suffix}").read_bytes() == (folder.path / f"whole.{suffix}").read_bytes()
    assert not list(folder.path.glob("*.state*")), "the state goes once the results are there"


def test_the_state_of_other_settings_is_not_gone_on_from(folder, monkeypatch, capsys):
    masks_of(folder)
    save_always(monkeypatch)
    monkeypatch.setattr("reproof.operations.common.training_job.Job.finish", lambda job: None)
    retrained(folder, name="same")
    assert (folder.path / "same.state.ticket_level_1").exists()
    retrained(folder, name="same", training={"lr": 0.02})
    assert "goes on" not in capsys.readouterr().out
    retrained(folder, name="same", training={"lr": 0.02})
    assert "goes on" in capsys.readouterr().out


def test_threads_are_those_of_the_rule(folder):
    masks_of(folder)
    torch.set_num_threads(2)
    retrained(folder)
    assert torch.get_num_threads() == 1


def test_a_batch_larger_than_the_training_set_is_refused(folder):
    masks_of(folder)
    with pytest.raises(ReproofError, match=r"training\.batch: 200 is more than the 100 training examples; lower it"):
        retrained(folder, training={"batch": 200})


def test_a_network_of_the_asked_width_is_trained(trained):
    (ends,) = read_checkpoint(trained("dense.safetensors"), "final")
    module = build("lenet_300_100", input_shape=(1, 6, 6), classes=4, width=0.1)
    assert {name: tuple(value.shape) for name, value in module.state_dict().items()} == {
        name: value.shape for name, value in ends[0].items()
    }
