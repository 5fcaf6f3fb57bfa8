"""Random labels: the same pictures, random training labels, unchanged test labels."""

import numpy as np
import pytest

from reproof.data.dataset import load_dataset
from reproof.data.fetch import fetch_dataset


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Return the digits with true and with random labels."""
    folder = tmp_path_factory.mktemp("data")
    for name in ("mnist5k", "mnist5k_random_labels"):
        fetch_dataset(name=name, output=folder / name)
    return [load_dataset(folder / name, validation=0) for name in ("mnist5k", "mnist5k_random_labels")]


def test_only_training_labels_change(both):
    true, random = both
    assert random.train.images.equal(true.train.images) and random.test.images.equal(true.test.images)
    assert random.test.labels.equal(true.test.labels)
    assert random.label == f"{true.label}, random labels"
    assert (random.mean.item(), random.std.item()) == (true.mean.item(), true.std.item())


def test_the_labels_are_uniform_and_know_nothing_of_the_true_ones(both):
    true, random = (one.train.labels.numpy() for one in both)
    count, classes = len(random), 10
    expected = count / classes
    chi_square = ((np.bincount(random, minlength=classes) - expected) ** 2 / expected).sum()
    assert chi_square < 27.88  # 9 degrees of freedom: one in a thousand
    agreeing = (random == true).mean()
    assert agreeing == pytest.approx(1 / classes, abs=4 * np.sqrt(0.09 / count))


def test_the_labels_are_the_same_everywhere(both, tmp_path):
    fetch_dataset(name="mnist5k_random_labels", output=tmp_path / "again")
    assert load_dataset(tmp_path / "again", validation=0).train.labels.equal(both[1].train.labels)
    assert both[1].train.labels[:12].tolist() == [1, 7, 4, 3, 6, 6, 5, 7, 7, 9, 7, 6]
