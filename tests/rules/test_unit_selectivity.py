"""The operations excite and bound: on real files, what is measured is what plain means find."""

import json
import math
import shutil
from collections import Counter

import numpy as np
import pytest
import torch
from tiny import Folder

from reproof.data.content import Content, write_content
from reproof.data.dataset import load_dataset
from reproof.metrics import read_metrics_of
from reproof.operations.common.subject import Subject, measure
from reproof.operations.common.training_job import Job
from reproof.operations.lipschitz import lipschitz
from reproof.operations.unit_selectivity import unit_selectivity
from reproof.representations.units import draw_random_directions, draw_unit_vectors
from reproof.seeding import derive
from reproof.storage.checkpoints import read_checkpoint, write_checkpoint
from reproof.storage.files import ReproofError, read_parquet

POINTS = {"trained": 1, "untrained": 0}  # which of the points read


def values(table, metric, **where):
    """{(part, seed): value} of a metric."""
    rows = table[table["metric"] == metric]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert not rows.duplicated(["part", "seed", "at"]).any()
    return dict(zip(zip(rows["part"], rows["seed"], strict=True), rows["value"], strict=True))


def generator(*words):
    return torch.Generator().manual_seed(derive("excite", *words))


def states(folder):
    """{part: the weights of each seed}."""
    points = read_checkpoint(folder("dense.safetensors"), "step0", "final")
    return {part: points[which] for part, which in POINTS.items()}


def activations(folder, state, split="test"):
    """The last hidden activations of a LeNet on a split, by the plainest means: float32 [N, D], and that split."""
    data = load_dataset(folder("data.safetensors"), validation=20)
    weights = {name: torch.from_numpy(np.array(value)) for name, value in state.items()}
    shown = getattr(data, split)
    x = data.normalise(shown.images).flatten(1)
    for layer in ("fc_1", "fc_2"):
        x = (x @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]).relu()
    return x, shown


def equal_in_spread(x):
    """Features less their mean, over their deviation, by numpy; 0 where constant. And which are not constant."""
    x = x.double().numpy()
    spread = x.std(0)
    return (x - x.mean(0)) / np.where(spread > 0, spread, 1), np.flatnonzero(spread > 0)


def top_images(x, directions, top):
    """The images of greatest activation along each direction, one by one, as lists."""
    return [sorted(range(len(x)), key=lambda image: -float(x[image] @ one))[:top] for one in directions]


def purity(labels, images):
    return Counter(labels[image] for image in images).most_common(1)[0][1] / len(images)


def distance(pixels, images):
    """The mean distance over pairs."""
    pairs = [(one, other) for one in images for other in images if one < other]
    return sum(float(np.linalg.norm(pixels[one] - pixels[other])) for one, other in pairs) / len(pairs)


def found(folder, part, seed, *, top, directions, split="test"):
    """{unit or direction: the top images of each}, and the split."""
    x, shown = activations(folder, states(folder)[part][seed], split)
    made, active = equal_in_spread(x)
    how = {"dimension": x.shape[1], "generator": generator(seed, part, "units")}
    units = draw_unit_vectors(min(directions, len(active)), torch.from_numpy(active), **how)
    how["generator"] = generator(seed, part, "directions")
    drawn = draw_random_directions(directions, torch.from_numpy(active), **how)
    each = {"unit": units, "direction": drawn}
    return {who: top_images(made, vectors.numpy(), top) for who, vectors in each.items()}, shown


@pytest.fixture(scope="module")
def excited(trained, tmp_path_factory):
    shutil.copytree(trained.path, tmp_path_factory.getbasetemp() / "excited")
    folder = Folder.__new__(Folder)
    folder.path = tmp_path_factory.getbasetemp() / "excited"
    options = {"top": 3, "directions": 30, "random_sets": 400, "permutations": 500, "pictures": 2}
    return folder, folder.measured(unit_selectivity, **options)


def test_every_network_is_measured_once_before_and_after_training(excited):
    _, table = excited
    assert set(table["metric"]) == set(read_metrics_of("unit_selectivity"))
    for metric in set(read_metrics_of("unit_selectivity")) - {"exciting_pixel"}:
        assert set(values(table, metric)) == {(part, seed) for part in POINTS for seed in (0, 1)}
    assert set(table["level"]) == {0} and set(table["kept"]) == {1.0} and set(table["arm"]) == {"ticket"}
    assert table["value"].notna().all()


def in_common(images, shown, seed):
    """{(unit or direction, measure): what the images of each have in common}."""
    labels, pixels = shown.labels.tolist(), shown.images.flatten(1).numpy() / 255
    drawn = torch.rand(400, len(labels), generator=generator(seed, "random sets")).argsort(dim=1, descending=True)
    usual = np.mean([distance(pixels, one) for one in drawn[:, : len(images["unit"][0])].tolist()])
    pure = {(who, "purity"): [purity(labels, one) for one in sets] for who, sets in images.items()}
    near = {(who, "compactness"): [distance(pixels, one) / usual for one in sets] for who, sets in images.items()}
    return pure | near


@pytest.mark.parametrize("part", POINTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_purity_and_compactness_are_those_of_the_top_images(excited, part, seed):
    folder, table = excited
    images, shown = found(folder, part, seed, top=3, directions=30)
    assert len(images["unit"]) <= 10 < len(images["direction"]), "there are no more units"
    mean = {which: np.mean(each) for which, each in in_common(images, shown, seed).items()}
    for (who, what), value in mean.items():
        assert values(table, f"{who}s_{what}")[part, seed] == pytest.approx(value), (who, what)
    for what in ("purity", "compactness"):
        difference = mean["unit", what] - mean["direction", what]
        assert values(table, f"{what}_difference")[part, seed] == pytest.approx(difference)


@pytest.mark.parametrize("part", POINTS)
@pytest.mark.parametrize("what", ["purity", "compactness"])
def test_p_is_that_of_a_permutation_test(excited, part, what):
    folder, table = excited
    both = in_common(*found(folder, part, 0, top=3, directions=30), 0)
    units, every = len(both["unit", what]), np.array([*both["unit", what], *both["direction", what]])
    chance = np.random.default_rng(0)
    shuffled = [every, *(chance.permutation(every) for _ in range(4000))]
    differences = np.abs([one[:units].mean() - one[units:].mean() for one in shuffled])
    share = (differences >= differences[0] - 1e-9).mean()
    value = values(table, f"{what}_p_value")[part, 0]
    assert value == pytest.approx(share, abs=4 * math.sqrt(share * (1 - share) * (1 / 500 + 1 / 4000)) + 1 / 500)
    assert 501 * value == pytest.approx(round(501 * value)), "of 500 shuffles and what was measured"


@pytest.mark.parametrize("part", POINTS)
def test_pictures_are_the_images_of_the_split_that_excite_most(excited, part):
    folder, table = excited
    images, shown = found(folder, part, 0, top=3, directions=30)
    rows = table[table["metric"] == "exciting_pixel"]
    assert set(rows["seed"]) == {0}, "of the first seed alone"
    expected = {
        f"{part}/{who}/{which}/{rank}": shown.images[image]
        for who, sets in images.items() for which, one in enumerate(sets[:2]) for rank, image in enumerate(one)
    }  # fmt: skip
    assert set(rows["part"]) == {f"{p}/{name.partition('/')[2]}" for p in POINTS for name in expected}
    for name, image in expected.items():
        mine = rows[rows["part"] == name]
        assert mine["at"].tolist() == [float(at) for at in range(36)]
        assert mine["value"].tolist() == pytest.approx((image.double() / 255).flatten().tolist(), abs=0)


def test_images_are_those_of_the_split_that_is_named(folder):
    table = folder.measured(unit_selectivity, top=2, directions=5, random_sets=400, pictures=1, split="validation")
    validation = load_dataset(folder("data.safetensors"), validation=20).validation.images
    pixels = table[table["metric"] == "exciting_pixel"].sort_values(["part", "at"], kind="stable")["value"]
    for image in np.round(pixels.to_numpy().reshape(-1, 36) * 255):
        assert (validation.flatten(1).numpy() == image).all(1).any()
    images, shown = found(folder, "trained", 0, top=2, directions=5, split="validation")
    assert len(images["unit"]) == 5, "no more units than directions"
    mean = {which: np.mean(each) for which, each in in_common(images, shown, 0).items()}
    for (who, what), value in mean.items():
        assert values(table, f"{who}s_{what}")["trained", 0] == pytest.approx(value)


def test_units_are_made_equal_unless_it_is_said_otherwise(folder):
    raw = folder.measured(unit_selectivity, top=3, directions=30, pictures=0, standardise=False)
    x, shown = activations(folder, states(folder)["trained"][0])
    _, active = equal_in_spread(x)
    how = {"dimension": x.shape[1], "generator": generator(0, "trained", "directions")}
    drawn = draw_random_directions(30, torch.from_numpy(active), **how)
    labels = shown.labels.tolist()
    expected = np.mean([purity(labels, one) for one in top_images(x, drawn.float(), 3)])
    assert values(raw, "directions_purity")["trained", 0] == pytest.approx(expected)
    equal = folder.measured(unit_selectivity, top=3, directions=30, pictures=0)
    assert values(raw, "directions_purity") != values(equal, "directions_purity")
    assert values(raw, "units_purity") == values(equal, "units_purity"), "along one unit the order stays"


def test_the_same_twice(folder):
    one, other = (folder.measured(unit_selectivity, name=name, top=2, directions=9) for name in ("one", "other"))
    assert one.equals(other)


def test_convolutional_features_of_images_in_colour_are_measured_and_told(tmp_path):
    folder, chance = Folder(tmp_path), np.random.default_rng(1)
    images, labels = chance.integers(0, 256, (60, 3, 6, 6), dtype=np.uint8), chance.integers(0, 4, 60)
    parts = {"train_labels": labels[:30], "test_labels": labels[30:]}
    pictures = {"train_images": [images[:30]], "test_images": [images[30:]]}
    write_content(tmp_path / "data.safetensors", "tiny", Content("Tiny", tuple("abcd"), (3, 6, 6), **parts, **pictures))
    asked = {"network": {"name": "conv_2", "width": 1 / 16}, "seeds": [3]}
    starts = {point: folder.job(**asked).draw_weights(point) for point in ("step0", "final")}
    stacked = {point: {name: value[None] for name, value in each.items()} for point, each in starts.items()}
    write_checkpoint(folder("dense.safetensors"), stacked, seeds=[3], kinds={})
    table = folder.measured(unit_selectivity, asked=asked, layer="relu_2", top=2, directions=40)
    assert set(table["metric"]) == set(read_metrics_of("unit_selectivity"))
    told = table[table["part"] == "trained/unit/0/0"].sort_values("at")["value"].to_numpy()
    assert any(np.array_equal(told, image.ravel() / 255) for image in images[30:])
    assert set(values(table, "units_purity")) == {("trained", 3), ("untrained", 3)}
    whole = folder.measured(unit_selectivity, asked=asked, top=2, directions=40)
    assert values(whole, "units_purity") != values(table, "units_purity"), "of the last hidden layer"


def test_bounds_are_the_norms_of_the_layers_and_their_product(folder):
    table = folder.measured(lipschitz)
    assert set(table["metric"]) == set(read_metrics_of("lipschitz"))
    for part, at in (("untrained", 0.0), ("trained", 12.0)):
        for seed, state in enumerate(states(folder)[part]):
            norms = {layer: np.linalg.norm(state[f"{layer}.weight"], 2) for layer in ("fc_1", "fc_2", "output")}
            found = values(table, "lipschitz_bound", at=at, seed=seed)
            assert found == pytest.approx({(layer, seed): value for layer, value in norms.items()})
            product = values(table, "lipschitz_product", at=at, seed=seed)
            assert product == pytest.approx({("", seed): math.prod(norms.values())})
    assert set(table["at"]) == {0.0, 12.0} and set(table["level"]) == {0}
    assert len(table) == 2 * 2 * (3 + 1)


def test_activations_count_in_the_product_and_have_no_row_of_their_own(folder):
    settings = json.loads(folder.job(levels=[0], options={}, seeds=[0]).settings_json)
    settings["network"] = {"name": "sigmoid_fc", "first": 5, "second": 4}
    job = Job(folder("data.safetensors"), json.dumps(settings), "code", folder("job.state"))
    stacked = {p: {name: value[None] for name, value in job.draw_weights(p).items()} for p in ("step0", "final")}
    write_checkpoint(folder("sigmoid.safetensors"), stacked, seeds=[0], kinds={})
    measure(lipschitz, Subject(job, folder("sigmoid.safetensors")), folder("sigmoid.parquet"))
    table = read_parquet(folder("sigmoid.parquet"))
    layers = values(table, "lipschitz_bound", at=12.0)
    assert {part for part, _ in layers} == {"fc_1", "fc_2", "output"}
    assert values(table, "lipschitz_product", at=12.0)["", 0] == pytest.approx(math.prod(layers.values()) / 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"layer": "fc_3"},
            "features: no layer is called 'fc_3'; they are flatten, fc_1, relu_1, fc_2, relu_2, output",
        ),
        ({"top": 41}, "evaluations: unit_selectivity needs `top` images, 41; the test split has 40"),
        ({"top": 1}, "purity: 1 image has no pairs; choose at least 2"),
    ],
)
def test_what_cannot_be_measured_is_refused(folder, options, message):
    with pytest.raises(ReproofError) as error:
        folder.measured(unit_selectivity, **options)
    assert str(error.value) == message


def test_a_network_of_which_no_unit_lives_is_refused(folder):
    starts, ends = read_checkpoint(folder("dense.safetensors"), "step0", "final")
    points = {"step0": starts, "final": [{name: 0 * value for name, value in one.items()} for one in ends]}
    stacked = {point: {k: np.stack([one[k] for one in each]) for k in starts[0]} for point, each in points.items()}
    write_checkpoint(folder("dense.safetensors"), stacked, seeds=[0, 1], kinds={})
    with pytest.raises(ReproofError, match="needs a layer with units that differ between images; this has none"):
        folder.measured(unit_selectivity)


@pytest.mark.parametrize("operation", [unit_selectivity, lipschitz])
def test_only_dense_networks_are_measured(folder, operation):
    job = folder.job(levels=[1], options={})
    with pytest.raises(ReproofError, match=f"{operation.__name__} measures dense networks alone; leave `levels` out"):
        measure(operation, Subject(job, folder("dense.safetensors")), folder("none.parquet"))
