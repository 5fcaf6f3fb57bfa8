"""Lines, barriers and distances on weights small enough to work by hand; statistics recomputed on data."""

from math import sqrt

import numpy as np
import pytest
import torch
from training_kit import digits, network

from reproof.connectivity.distance import (
    compute_disagreement,
    compute_distance,
    compute_predictions,
    compute_share_of_most,
    compute_share_of_travel,
)
from reproof.connectivity.line import Line, Lines, compute_barrier, compute_positions
from reproof.connectivity.statistics import recompute_statistics, select_choices
from reproof.networks import initialise
from reproof.storage.files import ReproofError
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.variants import Variants

CORNER = torch.tensor([[1.0, 0.0], [0.0, 1.0]])


def state(module, seed):
    initialise(module, scheme="kaiming_normal", generator=torch.Generator().manual_seed(seed))
    return {name: value.clone() for name, value in module.state_dict().items()}


def errors(module, states, dataset, split="test"):
    found = evaluate(Variants(module, states), getattr(dataset, split), dataset=dataset, objective=CLASSIFICATION)
    return (1 - found["accuracy"]).numpy()


@pytest.fixture(scope="module")
def dataset():
    return digits()


def test_thirty_positions_are_evenly_spaced_with_both_ends():
    alphas = compute_positions(30)
    assert (len(alphas), alphas[0], alphas[-1]) == (30, 0.0, 1.0)
    assert np.diff(alphas) == pytest.approx([1 / 29] * 29)
    with pytest.raises(ReproofError, match="1 positions make no line"):
        compute_positions(1)


def test_a_line_ends_exactly_in_its_networks_and_the_middle_is_their_mean():
    first, second = {"w": torch.randn(50), "n": torch.tensor(3)}, {"w": torch.randn(50), "n": torch.tensor(5)}
    line = Line(first, second, [0.0, 0.25, 1.0])
    assert torch.equal(line[0]["w"], second["w"]) and torch.equal(line[2]["w"], first["w"])
    torch.testing.assert_close(line[1]["w"], 0.25 * first["w"] + 0.75 * second["w"])
    assert line[1]["n"] == 5, "what counts is not interpolated"


def test_lines_lie_one_after_the_other():
    ends = [{"w": torch.tensor([float(number)])} for number in range(4)]
    lines = Lines([Line(ends[0], ends[1], [0.0, 1.0]), Line(ends[2], ends[3], [0.0, 1.0])])
    assert [float(lines[place]["w"]) for place in range(len(lines))] == [1, 0, 3, 2]


def test_a_barrier_is_the_greatest_error_over_the_mean_of_the_ends():
    assert compute_barrier(np.array([0.02, 0.5, 0.04])) == pytest.approx(0.47)
    assert compute_barrier(np.array([0.1, 0.1, 0.1])) == 0
    assert compute_barrier(np.array([0.02, 0.03, 0.1])) == pytest.approx(0.04), "the worse end counts, too"


@pytest.mark.parametrize("name", ["lenet_300_100", "resnet_8"])
def test_the_line_from_a_network_to_itself_has_no_barrier(dataset, name):
    module = network(dataset, name)
    one = state(module, 0)
    path = errors(module, Line(one, {k: v.clone() for k, v in one.items()}, compute_positions(5)), dataset)
    assert len(set(path)) == 1
    assert compute_barrier(path) == 0


@pytest.mark.parametrize("name", ["lenet_300_100", "resnet_8"])
def test_a_path_ends_in_exactly_the_networks_errors(dataset, name):
    module = network(dataset, name)
    first, second = state(module, 1), state(module, 2)
    for split in ("train", "test"):
        path = errors(module, Line(first, second, compute_positions(4)), dataset, split)
        assert path[-1] == errors(module, [first], dataset, split)[0]
        assert path[0] == errors(module, [second], dataset, split)[0]


def test_a_pair_with_a_known_barrier():
    """Two linear classifiers without error; half way between them lies one that calls every example class 0.

    The second is the first with its hidden units swapped, and so the same function; the mean of the two gives both
    classes the same logit.
    """
    module = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.Linear(2, 2, bias=False))
    first = {"0.weight": CORNER, "1.weight": CORNER}
    second = {"0.weight": CORNER.flip(0), "1.weight": CORNER.flip(1)}
    inputs, labels = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    outputs = Variants(module, Line(first, second, [0.0, 0.5, 1.0])).compute_outputs(inputs)
    path = np.array([float((one.argmax(-1) != labels).double().mean()) for one in outputs])
    assert path.tolist() == [0.0, 0.5, 0.0]
    assert compute_barrier(path) == 0.5


def test_distances_by_hand():
    """A triangle of sides 3, 4 and 5: two networks that left their origin at a right angle."""
    origin, first, second = (
        {"a": torch.tensor([x]), "b": torch.tensor([y])} for x, y in ((0.0, 0.0), (3.0, 0.0), (0.0, 4.0))
    )
    assert compute_distance(first, second, ["a", "b"]) == pytest.approx(5)
    assert compute_distance(first, second, ["a"]) == pytest.approx(3), "of the weights named alone"
    assert compute_share_of_travel([first, second], [origin, origin], ["a", "b"]) == pytest.approx(5 / 3.5)
    assert compute_share_of_travel([first, first], [origin, origin], ["a", "b"]) == 0
    square = [{"a": torch.tensor([1.0, 0.0])}, {"a": torch.tensor([0.0, 1.0])}]
    assert compute_share_of_travel(square, [{"a": torch.zeros(2)}] * 2, ["a"]) == pytest.approx(sqrt(2))


def test_disagreement_by_hand():
    labels = torch.tensor([0, 0, 0, 0])
    first, second = torch.tensor([0, 0, 1, 2]), torch.tensor([1, 0, 1, 1])
    assert compute_disagreement(first, second) == 0.5
    assert compute_share_of_most(first, second, labels) == 0.5, "errors of 2/4 and 3/4 allow all four to differ"
    assert compute_share_of_most(torch.tensor([1, 0, 0, 0]), torch.tensor([0, 1, 0, 0]), labels) == 1
    assert compute_share_of_most(labels, labels, labels) == 0, "two networks without error agree"


def test_predictions_count_every_example_in_eval_mode(dataset):
    module = network(dataset, "resnet_8")
    several = [state(module, seed) for seed in (0, 1)]
    said = compute_predictions(Variants(module, several), dataset.test, dataset=dataset)
    assert said.shape == (2, 100)
    wrong = (said != dataset.test.labels).double().mean(1).numpy()
    assert wrong == pytest.approx(errors(module, several, dataset))


def test_recomputed_statistics_are_those_of_the_data(dataset):
    """The first normalisation sees the outputs of the first convolution: their mean and variance, by hand."""
    module = network(dataset, "resnet_8")
    first, second = state(module, 1), state(module, 2)
    line = Line(first, second, [0.0, 0.5, 1.0])
    images = dataset.train.images
    found = recompute_statistics(line, network(dataset, "resnet_8"), images, dataset=dataset, keep={0, 2})
    outputs = torch.nn.functional.conv2d(dataset.normalise(images), line[1]["conv.weight"], padding=1)
    torch.testing.assert_close(found[1]["norm.running_mean"], outputs.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(found[1]["norm.running_var"], outputs.var((0, 2, 3)), rtol=1e-4, atol=1e-6)
    for place, end in ((0, second), (2, first)):
        assert all(torch.equal(found[place][name], end[name]) for name in end), "trained networks keep their own"
    assert not torch.equal(line[1]["norm.running_var"], found[1]["norm.running_var"])
    weights = [name for name, _ in module.named_parameters()]
    assert all(torch.equal(found[1][name], line[1][name]) for name in weights)


def test_recomputed_over_several_batches_is_their_average(dataset, monkeypatch):
    monkeypatch.setattr("reproof.connectivity.statistics.BATCH", 100)
    module = network(dataset, "resnet_8")
    one = state(module, 1)
    images = dataset.train.images
    (found,) = recompute_statistics([one], network(dataset, "resnet_8"), images, dataset=dataset, keep=())
    outputs = torch.nn.functional.conv2d(dataset.normalise(images), one["conv.weight"], padding=1)
    parts = torch.stack([part.var((0, 2, 3)) for part in outputs.split(100)])
    torch.testing.assert_close(found["norm.running_var"], parts.mean(0), rtol=1e-4, atol=1e-6)
    assert found["norm.num_batches_tracked"] == 3


def test_a_network_without_batch_norm_needs_one_choice(dataset):
    both = ["interpolated", "recomputed"]
    assert select_choices(both, network(dataset)) == ["interpolated"]
    assert select_choices(both, network(dataset, "resnet_8")) == both
    with pytest.raises(ReproofError, match="statistics: \\['reset'\\] is no choice"):
        select_choices(["reset"], network(dataset))
