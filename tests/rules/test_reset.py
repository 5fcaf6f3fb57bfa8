"""The operations reset and freeze: on real files, resets are what they say, exactly."""

import numpy as np
import pytest
import torch
from scipy import stats
from tiny import WIDTH, Folder
from torch.nn.functional import cross_entropy

from reproof.data.dataset import load_dataset
from reproof.networks import build
from reproof.operations.common.subject import Subject, measure
from reproof.operations.freeze import freeze, train_frozen
from reproof.operations.gradient_norms import gradient_norms
from reproof.operations.reset import reset
from reproof.pipeline.train_dense import train_dense
from reproof.seeding import derive
from reproof.storage.checkpoints import read_checkpoint, write_checkpoint
from reproof.storage.files import ReproofError, read_parquet

LAYERS = ["fc_1", "fc_2", "output"]
RESNET = {"network": {"name": "resnet_18", "width": 1 / 32}, "training": {"optimizer": "sgd", "batch": 40, "steps": 4}}


def values(table, metric, **where):
    """{(part, at or None, draw, seed): value} of a metric."""
    rows = table[table["metric"] == metric]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    keys = zip(rows["part"], (None if at != at else at for at in rows["at"]), rows["draw"], rows["seed"], strict=True)
    return dict(zip(keys, rows["value"], strict=True))


def accuracy(folder, state, name="lenet_300_100", *, split="test", **options):
    """Accuracy of a state, by the plainest means."""
    data = load_dataset(folder("data.safetensors"), validation=20)
    module = build(name, input_shape=data.input_shape, classes=data.classes, **(options or {"width": 0.1})).eval()
    module.load_state_dict({key: torch.from_numpy(np.array(value)) for key, value in state.items()})
    with torch.no_grad():
        shown = getattr(data, split)
        return module(data.normalise(shown.images)).argmax(1).eq(shown.labels).double().mean().item()


@pytest.fixture
def probed(folder):
    sets = {"all": ["*"], "upper": ["*", "!fc_1"]}
    return folder, folder.measured(reset, steps=[0, 4, 12], draws=3, joint=sets, ambient=0.2)


def test_every_probe_of_every_layer_and_seed_is_measured_once(probed):
    _, table = probed
    single = values(table, "test_accuracy_reinitialised")
    assert set(single) == {(layer, at, 0, seed) for layer in LAYERS for at in (0.0, 4.0, 12.0) for seed in (0, 1)}
    drawn = values(table, "test_accuracy_rerandomised")
    assert set(drawn) == {(layer, None, draw, seed) for layer in LAYERS for draw in range(3) for seed in (0, 1)}
    assert set(table["arm"]) == {"ticket"} and set(table["level"]) == {0} and set(table["kept"]) == {1.0}
    assert table["value"].notna().all()
    assert not table.duplicated(["seed", "draw", "part", "at", "metric"]).any()


def test_put_back_to_the_end_nothing_changes_and_put_back_as_a_whole_it_is_the_initial_network(probed):
    folder, table = probed
    starts, ends = read_checkpoint(folder("dense.safetensors"), "step0", "final")
    for seed, (start, end) in enumerate(zip(starts, ends, strict=True)):
        at_end = values(table, "test_accuracy_reinitialised", at=12.0, seed=seed)
        assert set(at_end.values()) == {accuracy(folder, end)}
        assert set(values(table, "test_criticality", at=12.0, seed=seed).values()) == {0.0}
        assert set(values(table, "distance_l2", at=12.0, seed=seed).values()) == {0.0}
        (initial,) = values(table, "test_accuracy_jointly_reinitialised", part="all", seed=seed).values()
        assert initial == accuracy(folder, start)


def test_a_probe_is_the_network_that_it_says(probed):
    folder, table = probed
    starts, ends = read_checkpoint(folder("dense.safetensors"), "step4", "final")
    reset_one = ends[1] | {name: starts[1][name] for name in ("fc_2.weight", "fc_2.bias")}
    found = values(table, "test_accuracy_reinitialised", at=4.0)
    assert found["fc_2", 4.0, 0, 1] == accuracy(folder, reset_one)
    fresh = folder.job().draw_weights(1, "reset", 2)
    drawn = ends[1] | {name: fresh[name] for name in ("fc_1.weight", "fc_1.bias")}
    assert values(table, "test_accuracy_rerandomised")["fc_1", None, 2, 1] == accuracy(folder, drawn)
    assert fresh["fc_1.weight"].std() > 0 and (fresh["fc_1.weight"] != starts[1]["fc_1.weight"]).all()


def test_a_set_costs_what_its_layers_cost_beside_it(probed):
    _, table = probed
    costs = values(table, "test_criticality", at=0.0, seed=0)
    (worst,) = values(table, "test_worst_single_criticality", part="upper", seed=0).values()
    assert worst == max(costs["fc_2", 0.0, 0, 0], costs["output", 0.0, 0, 0])
    for part, _, _, _ in values(table, "test_joint_layers"):
        assert part in ("all", "upper", "ambient")


def test_layers_that_are_ambient_on_the_validation_set_are_reset_together_if_they_are_several(folder):
    every = folder.measured(reset, ambient=9.0, draws=0)  # all layers are
    assert set(values(every, "test_joint_layers", part="ambient").values()) == {3.0}
    (starts,) = read_checkpoint(folder("dense.safetensors"), "step0")
    both = values(every, "test_accuracy_jointly_reinitialised", part="ambient")
    assert both["ambient", None, 0, 1] == accuracy(folder, starts[1])
    assert "ambient" not in set(folder.measured(reset, ambient=-9.0, draws=0)["part"])


def test_what_is_ambient_is_chosen_on_the_validation_set(folder):
    """Networks with noise, at thresholds at which the test set would choose otherwise."""
    starts, ends = read_checkpoint(folder("dense.safetensors"), "step0", "final")
    chance, seeds = np.random.default_rng(0), list(range(20))
    noisy = [{k: v + chance.normal(0, 0.12, v.shape).astype(np.float32) for k, v in ends[0].items()} for _ in seeds]
    points = {"step0": [starts[0] for _ in seeds], "final": noisy}
    stacked = {point: {k: np.stack([one[k] for one in states]) for k in starts[0]} for point, states in points.items()}
    write_checkpoint(folder("dense.safetensors"), stacked, seeds=seeds, kinds={})
    job, found = folder.job(levels=[0], seeds=seeds, options={"ambient": 0.05, "draws": 0}), 0
    measure(reset, Subject(job, folder("dense.safetensors")), folder("noisy.parquet"))
    together = values(read_parquet(folder("noisy.parquet")), "test_accuracy_jointly_reinitialised", part="ambient")
    for seed, end in enumerate(noisy):
        resets = {layer: end | {k: v for k, v in starts[0].items() if k.startswith(layer)} for layer in LAYERS}
        costs = {split: costs_on(folder, split, end, resets) for split in ("validation", "test")}
        chosen, other = ([k for k in LAYERS if costs[split][k] <= 0.05] for split in ("validation", "test"))
        found += len(chosen) > 1 and chosen != other
        assert (("ambient", None, 0, seed) in together) == (len(chosen) > 1)
        if len(chosen) > 1:
            put_back = end | {k: v for k, v in starts[0].items() if k.split(".")[0] in chosen}
            assert together["ambient", None, 0, seed] == accuracy(folder, put_back)
    assert found, "the test set would have chosen the same layers"


def costs_on(folder, split, end, resets):
    """Criticality of each layer on a split, by the plainest means; four classes."""
    whole = accuracy(folder, end, split=split)
    return {layer: (whole - accuracy(folder, one, split=split)) / (whole - 0.25) for layer, one in resets.items()}


def test_without_a_validation_set_no_layers_are_chosen_as_ambient(folder):
    train_dense(
        folder.job(dataset={"validation": 0}, snapshots=[0]),
        checkpoint=folder("dense.safetensors"), curves=folder("dense.parquet"),
    )  # fmt: skip
    job = folder.job(dataset={"validation": 0}, levels=[0], options={"ambient": 1.0, "draws": 0, "split": "train"})
    measure(reset, Subject(job, folder("dense.safetensors")), folder("plain.parquet"))
    table = read_parquet(folder("plain.parquet"))
    assert "ambient" not in set(table["part"])
    assert {metric.partition("_")[0] for metric in table["metric"]} == {"train", "distance", "relative"}


def test_residual_blocks_are_removed_one_by_one_and_as_a_set(tmp_path):
    folder = Folder(tmp_path)
    train_dense(
        folder.job(snapshots=[0], seeds=[0], **RESNET),
        checkpoint=folder("dense.safetensors"), curves=folder("dense.parquet"),
    )  # fmt: skip
    trailing = {"trailing": ["stage_*", "!*_block_1"], "with_stem": ["conv", "stage_1_block_2"]}
    job = folder.job(levels=[0], seeds=[0], options={"draws": 1, "joint": trailing}, **RESNET)
    measure(reset, Subject(job, folder("dense.safetensors")), folder("resnet.parquet"))
    table = read_parquet(folder("resnet.parquet"))
    blocks = {f"stage_{stage}_block_{block}" for stage in (1, 2, 3, 4) for block in (1, 2)}
    removed = values(table, "test_accuracy_removed")
    assert {part for part, *_ in removed} == blocks
    assert {part for part, *_ in values(table, "test_accuracy_jointly_removed")} == {"trailing"}
    ((end,),) = read_checkpoint(folder("dense.safetensors"), "final")
    silent = {key: value * 0 if key.startswith("blocks.stage_1_block_2.norm_2.") and "running" not in key else value
              for key, value in end.items()}  # fmt: skip
    own = accuracy(folder, silent, "resnet_18", width=1 / 32)
    assert removed["stage_1_block_2", None, 0, 0] == own


def test_with_nothing_frozen_the_training_is_the_runs_own_to_the_bit(folder):
    subject = Subject(folder.job(levels=[0], options={}), folder("dense.safetensors"))
    ends = train_frozen(subject, "nothing", frozenset())
    for end, own in zip(ends, subject.read_tickets(0), strict=True):
        assert all(np.array_equal(end[name].numpy(), own[name]) for name in own)
    frozen = train_frozen(subject, "fc_1", frozenset({"fc_1.weight", "fc_1.bias"}))
    for end, start, own in zip(frozen, subject.read_step(0), subject.read_tickets(0), strict=True):
        same = {name for name in own if np.array_equal(end[name].numpy(), start[name])}
        assert same == {"fc_1.weight", "fc_1.bias"}


def test_frozen_sets_are_measured_beside_the_runs_own_network(folder):
    table = folder.measured(freeze, sets={"output": ["output"], "hidden": ["fc_*"]})
    found, cost = values(table, "test_accuracy_with_frozen_layers"), values(table, "test_cost_of_freezing")
    assert set(found) == {(part, None, 0, seed) for part in ("output", "hidden") for seed in (0, 1)}
    _, ends = read_checkpoint(folder("dense.safetensors"), "step0", "final")
    for (part, _, _, seed), value in found.items():
        assert cost[part, None, 0, seed] == accuracy(folder, ends[seed]) - value
    assert not list(folder.path.glob("job.state*")), "the resumable state goes when the results are written"


@pytest.mark.parametrize(
    ("operation", "options", "message"),
    [
        (reset, {"steps": [4]}, "reset needs 0 in `steps`"),
        (reset, {"joint": {"some": ["conv_1"]}}, "'conv_1' fits none; they are fc_1, fc_2, output"),
        (freeze, {"sets": {"some": ["!fc_1"]}}, "leaves none of fc_1"),
    ],
)
def test_what_cannot_be_measured_is_refused(folder, operation, options, message):
    with pytest.raises(ReproofError, match=message):
        folder.measured(operation, **options)


@pytest.mark.parametrize(("operation", "options"), [(reset, {}), (freeze, {"sets": {"some": ["fc_1"]}})])
def test_only_dense_networks_are_probed(folder, operation, options):
    job = folder.job(levels=[1], options=options)
    with pytest.raises(ReproofError, match="dense networks alone; leave `levels` out"):
        measure(operation, Subject(job, folder("dense.safetensors")), folder("none.parquet"))


def test_savings_are_given_where_they_are_asked_for(folder):
    """Of 36 x 30, 30 x 10 and 10 x 4 weights and 30, 10 and 4 biases, the first layer has 1,110 of 1,464."""
    plain = folder.measured(freeze, sets={"first": ["fc_1"]})
    assert not {"frozen_parameters_share", "saved_work_share"} & set(plain["metric"])
    table = folder.measured(freeze, sets={"first": ["fc_1"]}, savings=True)
    assert set(values(table, "frozen_parameters_share").values()) == {1110 / 1464}
    saved = (1080 + 300) / (2 * 1080 + 3 * 300 + 3 * 40)
    assert list(values(table, "saved_work_share").values()) == pytest.approx([saved] * 2)


def test_gradient_norms_are_those_of_autograd_and_rank_as_criticality_does(folder):
    table = folder.measured(gradient_norms, steps=[0, 4], examples=50)
    starts, ends = read_checkpoint(folder("dense.safetensors"), "step0", "final")
    data = load_dataset(folder("data.safetensors"), validation=20)
    found = values(table, "gradient_norm")
    assert set(found) == {(layer, at, 0, seed) for layer in LAYERS for at in (0.0, 4.0) for seed in (0, 1)}
    for seed, (start, end) in enumerate(zip(starts, ends, strict=True)):
        module = build("lenet_300_100", input_shape=(1, 6, 6), classes=4, width=WIDTH)
        module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in start.items()})
        chosen = torch.randperm(100, generator=torch.Generator().manual_seed(derive("gradient norms", seed)))[:50]
        cross_entropy(module(data.normalise(data.train.images[chosen])), data.train.labels[chosen]).backward()
        mine, lost = [], []
        for layer in LAYERS:
            slopes = [module.get_parameter(f"{layer}.{what}").grad.flatten() for what in ("weight", "bias")]
            mine.append(torch.cat(slopes).square().mean().sqrt().item())
            reset = {name: (start if name.startswith(layer) else end)[name] for name in end}
            lost.append(accuracy(folder, end) - accuracy(folder, reset))
            assert found[layer, 0.0, 0, seed] == pytest.approx(mine[-1], rel=1e-4)
        correlation = values(table, "test_gradient_correlation").get(("", 0.0, 0, seed))
        expected = None if len(set(lost)) == 1 else stats.spearmanr(mine, lost).statistic
        assert correlation == (expected and pytest.approx(expected))
