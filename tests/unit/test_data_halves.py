"""Halves of the training digits: disjoint, together the whole, with its test set, and equal on every machine."""

import numpy as np
import pytest
import torch

from reproof.data import halves, sources
from reproof.data.content import Content
from reproof.data.dataset import load_dataset
from reproof.data.fetch import fetch_dataset
from reproof.data.registry import Request

NAMES = ("mnist5k", "mnist5k_half_1", "mnist5k_half_2")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Return the digits and their halves."""
    folder = tmp_path_factory.mktemp("data")
    for name in NAMES:
        fetch_dataset(name=name, output=folder / name)
    return [load_dataset(folder / name, validation=0) for name in NAMES]


def places(half, whole):
    """Return the places of a half's pictures in the whole training set, with their labels; no digit is there twice."""
    where = {
        image.numpy().tobytes(): (place, label)
        for place, (image, label) in enumerate(zip(whole.images, whole.labels.tolist(), strict=True))
    }
    found = [where[image.numpy().tobytes()] for image in half.images]
    assert [label for _, label in found] == half.labels.tolist()
    return [place for place, _ in found]


def test_the_halves_are_disjoint_and_together_the_whole(data):
    whole, *halves = data
    first, second = (places(half.train, whole.train) for half in halves)
    assert (len(first), len(second)) == (2000, 2000)
    assert sorted(first + second) == list(range(4000)), "no digit is in both, none in neither"
    assert first == sorted(first) and second == sorted(second), "in the order of the whole"


def test_the_halves_are_drawn_at_random(data):
    whole, one, _ = data
    counts = torch.bincount(one.train.labels, minlength=10)  # of 200 of each digit; the deviation is 9.5
    assert (counts - 200).abs().max() < 38 and len(counts.unique()) > 4
    first = torch.tensor(places(one.train, whole.train))
    assert abs(int((first < 2000).sum()) - 1000) < 64, "four deviations of 15.8"


def test_test_set_classes_and_label(data):
    whole, *halves = data
    for number, half in enumerate(halves, 1):
        assert half.test.images.equal(whole.test.images) and half.test.labels.equal(whole.test.labels)
        assert half.label == f"{whole.label}, half {number}" and half.classes == whole.classes


def test_a_half_is_the_same_on_every_call(data, tmp_path):
    fetch_dataset(name="mnist5k_half_2", output=tmp_path / "again")
    again = load_dataset(tmp_path / "again", validation=0).train
    assert again.images.equal(data[2].train.images) and again.labels.equal(data[2].train.labels)
    assert places(data[2].train, data[0].train)[:8] == [0, 1, 3, 7, 10, 12, 14, 15], (
        "pinned: other halves, other results"
    )


@pytest.mark.parametrize("whole", ["mnist", "mnist5k"])
def test_each_source_halves_its_own_data_set_whatever_the_chunks(whole, monkeypatch):
    images = np.arange(101, dtype=np.uint8).reshape(101, 1, 1, 1)
    chunks = {"train_images": [images[:40], images[40:]], "test_images": [images[:3]]}
    labels = {"train_labels": np.arange(101) % 7, "test_labels": np.arange(3)}
    content = Content(f"All of {whole}", tuple("abcdefg"), (1, 1, 1), **labels, **chunks)
    monkeypatch.setattr(sources, whole, lambda request: content)
    found = [getattr(halves, f"{whole}_half_{half}")(Request()) for half in (1, 2)]
    assert [one.label for one in found] == [f"All of {whole}, half 1", f"All of {whole}, half 2"]
    assert [len(one.train_labels) for one in found] == [50, 51]
    for one in found:
        assert (np.concatenate(list(one.train_images)).ravel() % 7 == one.train_labels).all()
        assert one.test_labels is content.test_labels and one.test_images is content.test_images
    pixels = [np.concatenate(list(one.train_images)).ravel() for one in found]
    assert sorted(np.concatenate(pixels)) == list(range(101))
