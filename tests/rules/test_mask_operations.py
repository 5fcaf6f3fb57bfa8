"""Operations on masks of a tiny block: untrained, frozen and learned, on real files."""

import json

import numpy as np
import pytest
import torch
from tiny import RUN, SHARE, WIDTH, Folder
from torch.nn.functional import cross_entropy

from reproof.data.dataset import load_dataset
from reproof.networks import build, list_prunable
from reproof.operations import freeze_pruned as frozen
from reproof.operations.common.subject import Subject, measure
from reproof.operations.common.training_job import Job
from reproof.operations.freeze_pruned import find_last_values, freeze_pruned
from reproof.operations.supermask import supermask
from reproof.operations.untrained import untrained
from reproof.pipeline.prune import prune
from reproof.pipeline.retrain import retrain
from reproof.pipeline.train_dense import train_dense
from reproof.pruning.masks import read_masks
from reproof.seeding import derive
from reproof.settings import TrainingSettings
from reproof.storage.checkpoints import read_checkpoint, read_kinds
from reproof.storage.files import ReproofError, read_parquet
from reproof.training.block import train_block
from reproof.training.frozen_weights import FrozenWeights, make_frozen_member
from reproof.training.members import Member

CRITERIA = ["large_final", "random"]


def subject(folder, *, masks=(), tickets=(), levels=(0,), **options):
    job = folder.job("operation", levels=list(levels), rewind=0, controls={}, options=options)
    files = ([folder(name) for name in names] for names in (masks, tickets))
    return Subject(job, folder("dense.safetensors"), *files)


def measured(folder, operation, **asked):
    measure(operation, subject(folder, **asked), folder("metrics.parquet"))
    return read_parquet(folder("metrics.parquet"))


def accuracy(folder, weights, split="test"):
    """Accuracy worked with numpy alone."""
    dataset = load_dataset(folder("data.safetensors"), validation=20)
    part = getattr(dataset, split)
    hidden = dataset.normalise(part.images).flatten(1).numpy().astype(np.float64)
    for layer in ("fc_1", "fc_2", "output"):
        hidden = hidden @ weights[f"{layer}.weight"].T.astype(np.float64) + weights[f"{layer}.bias"]
        hidden = np.maximum(hidden, 0) if layer != "output" else hidden
    return float((hidden.argmax(1) == part.labels.numpy()).mean())


def test_untrained_measures_every_criterion_rung_and_seed(folder):
    table = measured(folder, untrained, criteria=CRITERIA, share=SHARE, rounds=3)
    (starts,) = read_checkpoint(folder("dense.safetensors"), "step0")
    plain = table[table["metric"] == "untrained_test_accuracy"]
    assert len(plain) == 2 * 4 * 2 and set(plain["part"]) == set(CRITERIA)
    for seed, start in enumerate(starts):
        unmasked = plain[(plain["seed"] == seed) & (plain["level"] == 0)]
        assert unmasked["value"].tolist() == pytest.approx([accuracy(folder, start)] * 2)
        assert (unmasked["kept"] == 1).all()
    third = plain[plain["level"] == 3]["kept"]
    assert third.tolist() == pytest.approx([(553 + 154 + 29) / 1420] * 4)


def test_untrained_masks_what_the_criterion_prunes_in_one_go(folder):
    """The mask of the first rung is that of the rule `prune`; constants are signs times the layer's deviation."""
    prune(
        settings=json.dumps({"by": "large_final", "scope": "layer", "share": SHARE, "continued": False}),
        dense=folder("dense.safetensors"), trained=folder("dense.safetensors"), previous=[], mask=folder("mask"),
    )  # fmt: skip
    table = measured(folder, untrained, criteria=CRITERIA, share=SHARE, rounds=1)
    rows = table[(table["part"] == "large_final") & (table["level"] == 1)].set_index(["metric", "seed"])["value"]
    (starts,) = read_checkpoint(folder("dense.safetensors"), "step0")
    for seed, (start, masks) in enumerate(zip(starts, read_masks(folder.path / "mask"), strict=True)):
        masked = start | {name: start[name] * mask for name, mask in masks.items()}
        constant = start | {name: np.sign(start[name]) * start[name].std() * mask for name, mask in masks.items()}
        for split in ("test", "validation"):
            assert rows[f"untrained_{split}_accuracy", seed] == pytest.approx(accuracy(folder, masked, split))
            assert rows[f"untrained_constant_{split}_accuracy", seed] == pytest.approx(
                accuracy(folder, constant, split)
            )


def test_the_best_over_the_ladder_is_each_seeds_own_greatest(folder):
    table = measured(folder, untrained, criteria=CRITERIA, share={"fc": 0.5, "output": 0.5}, rounds=6)
    for name in ("untrained", "untrained_constant"):
        best = table[table["metric"] == f"{name}_best_test_accuracy"]
        along = table[table["metric"] == f"{name}_test_accuracy"]
        share = table[table["metric"] == f"{name}_best_kept_share"]
        assert len(best) == len(share) == 4 and (best["level"] == 0).all()
        for row, at in zip(best.itertuples(), share.itertuples(), strict=True):
            ladder = along[(along["seed"] == row.seed) & (along["part"] == row.part)]
            assert row.value == ladder["value"].max()
            assert row.value == ladder[ladder["kept"] == at.value]["value"].item()


@pytest.fixture
def tickets(folder):
    """The folder with masks of levels 1 and 2, and the ticket of level 1."""
    asked = {"by": "large_final", "scope": "layer", "share": {"fc": 0.6, "output": 0.3}, "continued": False}
    dense = folder("dense.safetensors")
    prune(settings=json.dumps(asked), dense=dense, trained=dense, previous=[], mask=folder("mask1"))
    job = folder.job("level1", level=1, rewind=0)
    retrain(job, dense=dense, mask=folder("mask1"), continued=[], checkpoint=folder("ticket1"), curves=folder("c1"))
    prune(
        settings=json.dumps(asked),
        dense=dense,
        trained=folder("ticket1"),
        previous=[folder("mask1")],
        mask=folder("mask2"),
    )
    return folder


def test_frozen_weights_are_still_there_after_training(tickets, monkeypatch):
    """Read from the trained networks themselves, next to weights that trained."""
    seen = []
    train = Job.train

    def watched(job, members, *, module, label):
        seen.append((module, members, train(job, members, module=module, label=label)))
        return seen[-1][-1]

    monkeypatch.setattr(Job, "train", watched)
    actions = ["frozen", "frozen_or_zero", "zero"]
    rows = list(
        freeze_pruned(subject(tickets, masks=["mask1", "mask2"], tickets=["ticket1"], levels=[1, 2]), actions=actions)
    )
    ((module, members, trained),) = seen
    (starts,) = read_checkpoint(tickets("dense.safetensors"), "step0")
    masks = {level: read_masks(tickets.path / f"mask{level}") for level in (1, 2)}
    assert len(members) == 2 * 2 * 3
    for place, member in enumerate(members):
        module.load_state_dict({name: value[place] for name, value in trained.points["final"].items()})
        for name, mask in masks[member.level][member.seed].items():
            start, end = starts[member.seed][name], module.compute_state()[name].detach().numpy()
            assert (end != start)[mask].mean() > 0.5
            still, zero = (end == start)[~mask].mean(), (end == 0)[~mask].mean()
            assert still + zero == 1, "a frozen weight moved"
            assert still == {"frozen": 1, "zero": 0}.get(actions[member.draw], still)
            assert actions[member.draw] != "frozen_or_zero" or 0 < still < 1
    assert {row["part"] for row in rows} == set(actions)
    table = [row for row in rows if row["metric"] == "frozen_test_accuracy_at_end"]
    assert len(table) == 12 and {round(row["kept"], 3) for row in table} == {0.408, 0.17}


def test_zero_as_an_action_is_the_ticket(tickets):
    """The same training written in another way: equal to rounding."""
    (starts,) = read_checkpoint(tickets("dense.safetensors"), "step0")
    mask = read_masks(tickets.path / "mask1")[0]
    dataset = load_dataset(tickets("data.safetensors"), validation=20)
    weights = {name: torch.from_numpy(value) for name, value in starts[0].items()}
    masks = {name: torch.from_numpy(one) for name, one in mask.items()}
    zeroed = weights | {name: weights[name] * one for name, one in masks.items()}
    module = subject(tickets).job.build_network()
    held = FrozenWeights(module, {name: one.shape for name, one in masks.items()})
    settings = TrainingSettings.parse(RUN["training"])
    one, other = (
        train_block(a, [b], dataset=dataset, settings=settings)
        for a, b in ((module, Member(seed=0, weights=weights, noise=3, masks=masks)),
                     (held, make_frozen_member(zeroed, masks, seed=0, noise=3)))
    )  # fmt: skip
    assert one.curves["loss"] == pytest.approx(other.curves["loss"], rel=1e-4)
    for name, value in one.points["final"].items():
        assert torch.allclose(value, other.points["final"][name.replace(".", "/")], atol=1e-5)


def test_the_direction_of_movement_is_that_of_the_last_training_of_a_weight():
    """Of three weights the first goes in round 1, the second in round 2."""
    ends = [{"w": np.array([1.0, 2, 3])}, {"w": np.array([0.0, 20, 30])}]
    assert find_last_values(ends, [{"w": np.array([False, True, True])}])["w"].tolist() == [1, 20, 30]


def test_decay_that_would_move_frozen_weights_is_refused(tickets):
    with pytest.raises(ReproofError, match="weight_decay"):
        one = subject(tickets, masks=["mask1"], levels=[1])
        object.__setattr__(
            one.job, "settings", one.job.settings | {"training": RUN["training"] | {"weight_decay": 0.1}}
        )
        list(freeze_pruned(one, actions=["frozen"]))


def test_early_stopping_of_a_frozen_network_is_its_least_validation_loss():
    curves = {
        "level": np.ones(7, int), "seed": np.zeros(7, int), "draw": np.zeros(7, int),
        "step": np.array([10, 20, 30, 10, 20, 30, 30]), "loss": np.array([3.0, 1, 1, 0, 0, 0, 0]),
        "split": np.array(["validation"] * 3 + ["test"] * 3 + ["train"]),
        "accuracy": np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]),
    }  # fmt: skip
    one = Member(seed=0, weights={}, noise=0, level=1)
    found = {row["metric"]: row["value"] for row in frozen.measure_curves(curves, one)}
    assert found == {
        "frozen_test_accuracy_at_early_stop": 0.5, "frozen_test_accuracy_at_end": 0.6, "frozen_early_stop_step": 20,
    }  # fmt: skip


@pytest.mark.parametrize("method", ["bernoulli", "popup", "genetic"])
def test_a_supermask_is_found_at_its_budget_for_every_seed(folder, method):
    options = {"lr": 30.0 if method == "bernoulli" else 0.1, "parents": 4, "children": 6, "examples": 20}
    table = measured(folder, supermask, method=method, budget=40, batch=20, samples=3, constant=True, **options)
    assert (table[table["metric"] == "supermask_passes"]["value"] == 2400).all()
    test = table[table["metric"] == "supermask_test_accuracy"]
    assert len(test) == (6 if method == "bernoulli" else 2)
    assert test["kept"].between(0.3, 0.7).all() and test["value"].between(0, 1).all()
    progress = table[table["metric"] == "supermask_progress_accuracy"]
    assert progress["at"].max() == 2400 and len(progress) >= 20
    assert set(table["part"]) == {
        f"{ {'bernoulli': 'Bernoulli', 'popup': 'edge-popup'}.get(method, method) }, constants"
    }


def test_popup_keeps_the_share_that_is_asked_for(folder):
    table = measured(folder, supermask, method="popup", budget=2, batch=20, kept=0.25, lr=0.1)
    assert table[table["metric"] == "supermask_share_of_ones"]["value"].tolist() == pytest.approx([0.25] * 2, abs=0.002)


def test_an_unknown_method_is_named(folder):
    with pytest.raises(ReproofError, match="method: 'annealing' is unknown; choose one of bernoulli, popup, genetic"):
        measured(folder, supermask, method="annealing", budget=1)


def test_kinds_are_those_of_the_dense_network(folder):
    assert set(read_kinds(folder("dense.safetensors"))) == {f"{one}.weight" for one in ("fc_1", "fc_2", "output")}
    assert torch.get_num_threads() == 1


def test_snip_and_grad_read_the_gradient_of_one_batch_at_the_initial_weights(tmp_path):
    """Against autograd on the same batch: the masks of the first rung keep the greatest |g w| and |g| of each layer."""
    folder = Folder(tmp_path)
    train_dense(
        folder.job(snapshots=[0], gradient=50), checkpoint=folder("dense.safetensors"), curves=folder("dense.parquet")
    )
    starts, slopes = read_checkpoint(folder("dense.safetensors"), "step0", "gradient")
    data = load_dataset(folder("data.safetensors"), validation=20)
    for seed, (start, slope) in enumerate(zip(starts, slopes, strict=True)):
        module = build("lenet_300_100", input_shape=(1, 6, 6), classes=4, width=WIDTH)
        module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in start.items()})
        chosen = torch.randperm(100, generator=torch.Generator().manual_seed(derive("gradient", seed)))[:50]
        cross_entropy(module(data.normalise(data.train.images[chosen])), data.train.labels[chosen]).backward()
        assert set(slope) == set(list_prunable(module))
        for name, value in slope.items():
            assert value == pytest.approx(module.get_parameter(name).grad.numpy(), rel=1e-5, abs=1e-7)
    for by in ("snip", "grad"):
        prune(
            settings=json.dumps({"by": by, "scope": "layer", "share": SHARE, "continued": False}),
            dense=folder("dense.safetensors"), trained=folder("dense.safetensors"), previous=[], mask=folder(by),
        )  # fmt: skip
        for start, slope, mask in zip(starts, slopes, read_masks(folder.path / by), strict=True):
            for name, kept in mask.items():
                score = np.abs(slope[name] * (start[name] if by == "snip" else 1))
                assert score[kept].min() >= score[~kept].max()
    table = folder.measured(untrained, criteria=["snip", "grad", "large_init"], share=SHARE, rounds=2)
    assert set(table["part"]) == {"snip", "grad", "large_init"}


def test_a_checkpoint_without_gradients_is_refused_by_name(folder):
    with pytest.raises(ReproofError, match=r"dense\.safetensors: holds no weights at gradient; delete it"):
        folder.measured(untrained, criteria=["snip"], share=SHARE, rounds=1)
