"""Writing of a data set as a stream: exact statistics, equal bytes, and no remains when the disk is full."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reproof.data import content as content_module
from reproof.data.content import Content, write_content
from reproof.data.fetch import fetch_dataset
from reproof.storage.files import Array, ReproofError, read_metadata, read_tensors

TRAIN = np.arange(5 * 2 * 2 * 3, dtype=np.uint8).reshape(5, 2, 2, 3) * 4
TEST = TRAIN[:3] + 1


def content(train: Array = TRAIN, chunk: int = 5) -> Content:
    return Content(
        label="Tiny",
        classes=["a", "é"],
        shape=(2, 2, 3),
        train_labels=np.array([0, 1, 0, 1, 0]),
        test_labels=np.array([1, 0, 1]),
        train_images=(train[start : start + chunk] for start in range(0, 5, chunk)),
        test_images=[TEST],
    )


def test_reads_back_what_was_written(tmp_path: Path) -> None:
    write_content(tmp_path / "data", "tiny", content())
    tensors, metadata = read_tensors(tmp_path / "data")
    np.testing.assert_array_equal(tensors["train_images"], TRAIN)
    np.testing.assert_array_equal(tensors["test_images"], TEST)
    assert tensors["train_labels"].tolist() == [0, 1, 0, 1, 0]
    assert tensors["test_labels"].tolist() == [1, 0, 1]
    assert {array.dtype.name for array in tensors.values()} == {"uint8", "int64"}
    assert (metadata["name"], metadata["label"], json.loads(metadata["classes"])) == ("tiny", "Tiny", ["a", "é"])
    assert len(metadata["sha256"]) == 64


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_mean_and_std_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """One channel holds 0 and 255 in equal number (mean and deviation 1/2), the other three 51 (1/5) to each 255."""
    monkeypatch.setattr(content_module, "BLOCK", block)
    images = np.zeros((5, 2, 2, 4), np.uint8)
    images[:, 0, 0] = 255
    images[:, 1] = [51, 51, 51, 255]
    tiny = content()
    wide = Content(**{**vars(tiny), "shape": (2, 2, 4), "train_images": [images], "test_images": [images[:3]]})
    write_content(tmp_path / "data", "tiny", wide)
    metadata = read_metadata(tmp_path / "data")
    assert json.loads(metadata["mean"]) == pytest.approx([0.5, 0.4], abs=1e-15)
    assert json.loads(metadata["std"]) == pytest.approx([0.5, 0.4 * 3**0.5 / 2], abs=1e-15)


def test_chunks_and_memory_order_leave_the_bytes_alone(tmp_path: Path) -> None:
    transposed = np.ascontiguousarray(TRAIN.transpose(3, 2, 1, 0)).transpose(3, 2, 1, 0)
    for name, tiny in {"whole": content(), "cut": content(chunk=2), "turned": content(transposed)}.items():
        write_content(tmp_path / name, "tiny", tiny)
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_content_hash_follows_images_and_labels(tmp_path: Path) -> None:
    other_labels = Content(**{**vars(content()), "train_labels": np.array([1, 1, 0, 1, 0])})
    for name, tiny in {"one": content(), "images": content(TRAIN[::-1]), "labels": other_labels}.items():
        write_content(tmp_path / name, "tiny", tiny)
    assert len({read_metadata(path)["sha256"] for path in tmp_path.iterdir()}) == 3


def test_a_channel_that_never_varies_is_refused(tmp_path: Path) -> None:
    grey = TRAIN.copy()
    grey[:, 1] = 7
    with pytest.raises(ReproofError, match="tiny: a channel has one value"):
        write_content(tmp_path / "data", "tiny", content(grey))
    assert not list(tmp_path.iterdir())


def test_failing_source_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    def images() -> Iterator[Array]:
        yield TRAIN[:2]
        raise ReproofError("picture.png: not a whole image")

    write_content(tmp_path / "data", "tiny", content())
    before = (tmp_path / "data").read_bytes()
    with pytest.raises(ReproofError, match=r"picture\.png"):
        write_content(tmp_path / "data", "tiny", Content(**{**vars(content()), "train_images": images()}))
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert (tmp_path / "data").read_bytes() == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a file system of one megabyte."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small file system takes root")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"this system mounts no tmpfs: {mounted.stderr.decode().strip()}")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


def test_full_disk_gives_one_line_and_nothing_stays(small_disk: Path) -> None:
    with pytest.raises(
        ReproofError, match=r"data\.safetensors: cannot be written \(No space left on device\)"
    ) as caught:
        fetch_dataset(name="mnist5k", output=small_disk / "data" / "data.safetensors")
    assert "\n" not in str(caught.value)
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []
    assert shutil.disk_usage(small_disk).used == 0
