"""CIFAR-10's original batches, represented by small pickles in Python 2's format."""

import hashlib
import io
import pickle
import struct
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from serving import Headless, served
from torchvision.datasets import CIFAR10

from reproof.data import sources
from reproof.data.fetch import fetch_dataset
from reproof.data.formats import _BatchUnpickler
from reproof.storage.files import Array, ReproofError, read_tensors

COUNT = 4  # images a batch
NAMES = ("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch")


def python2_pickle(images: Array, labels: list[int]) -> bytes:
    """Return protocol 2 of {"data": uint8 [N, 3072], "labels": [...]}, opcode by opcode; text as Python 2's bytes."""
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    shape = b"".join(b"J" + struct.pack("<i", side) for side in images.shape) + b"\x86"
    raw = images.tobytes()
    array = empty + b"(K\x01" + shape + dtype + b"\x89" + b"T" + struct.pack("<i", len(raw)) + raw + b"tb"
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + listed + b"u."


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    generator = np.random.default_rng(0)
    pickles = {
        name: python2_pickle(generator.integers(0, 256, (COUNT, 3072), np.uint8), [number] * COUNT)
        for number, name in enumerate(NAMES)
    }
    md5s = {name: hashlib.md5(content).hexdigest() for name, content in pickles.items()}
    monkeypatch.setattr(sources, "CIFAR10_MD5", md5s)
    return pickles


def write_folder(place: Path, batches: dict[str, bytes]) -> None:
    (place / "cifar-10-batches-py").mkdir(parents=True)
    for name, content in batches.items():
        (place / "cifar-10-batches-py" / name).write_bytes(content)


def write_archive(place: Path, batches: dict[str, bytes], prefix: str = "cifar-10-batches-py/") -> Path:
    """Write the members in another order than the batches', and one more, as in the original."""
    place.mkdir(parents=True, exist_ok=True)
    with tarfile.open(place / "cifar-10-python.tar.gz", "w:gz") as archive:
        for name, content in [("readme.html", b"hello"), *sorted(batches.items(), reverse=True)]:
            member = tarfile.TarInfo(f"{prefix}{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return place / "cifar-10-python.tar.gz"


def fetch(place: Path) -> Path:
    output = place.parent / "out" / "data.safetensors"
    fetch_dataset(name="cifar10", output=output, mirror=str(place))
    return output


def message(place: Path) -> str:
    with pytest.raises(ReproofError) as caught:
        fetch(place)
    assert not (place.parent / "out").exists() or not list((place.parent / "out").iterdir())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_numpy_reads_the_same_from_the_small_pickles() -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 3072), np.uint8)
    content = python2_pickle(images, [3, 9])
    ours = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
    with warnings.catch_warnings(action="ignore"):
        numpys = pickle.loads(content, encoding="latin1")
    np.testing.assert_array_equal(ours[b"data"], images)
    np.testing.assert_array_equal(numpys["data"], images)
    assert ours[b"labels"] == numpys["labels"] == [3, 9]


def test_folder_and_archive_give_the_same_bytes(tmp_path: Path, batches: dict[str, bytes]) -> None:
    write_folder(tmp_path / "a", batches)
    write_archive(tmp_path / "b", batches)
    from_folder = fetch(tmp_path / "a").read_bytes()
    assert fetch(tmp_path / "b").read_bytes() == from_folder
    tensors, metadata = read_tensors(tmp_path / "out/data.safetensors")
    assert metadata["label"] == "CIFAR-10"
    assert tensors["train_images"].shape == (5 * COUNT, 3, 32, 32)
    assert tensors["train_labels"].tolist() == [number for number in range(5) for _ in range(COUNT)]
    assert tensors["test_labels"].tolist() == [5] * COUNT
    first = _BatchUnpickler(io.BytesIO(batches["data_batch_1"]), encoding="bytes").load()[b"data"]
    assert tensors["train_images"][0, 1, 0, 5] == first[0, 1024 + 5], "planes of red, green, blue; rows of 32"


@pytest.mark.parametrize(
    "prefix", ["./cifar-10-batches-py/", "././cifar-10-batches-py//", "cifar-10-batches-py/./", "", "./"]
)
def test_members_may_be_named_in_other_ways(tmp_path: Path, batches: dict[str, bytes], prefix: str) -> None:
    write_archive(tmp_path / "a", batches)
    expected = fetch(tmp_path / "a").read_bytes()
    write_archive(tmp_path / "b", batches, prefix)
    assert fetch(tmp_path / "b").read_bytes() == expected


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_a_member_that_is_no_file_is_not_taken_for_one(tmp_path: Path, batches: dict[str, bytes], kind: bytes) -> None:
    (tmp_path / "a").mkdir()
    with tarfile.open(tmp_path / "a/cifar-10-python.tar.gz", "w:gz") as archive:
        for name in batches:
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.type, member.linkname = kind, "/etc/passwd"
            archive.addfile(member)
    assert "cifar-10-python.tar.gz: it lacks data_batch_1, data_batch_2" in message(tmp_path / "a")


def test_archive_of_a_store_that_hides_what_is_absent(tmp_path: Path, batches: dict[str, bytes]) -> None:
    write_archive(tmp_path / "a", batches)
    from_folder = fetch(tmp_path / "a").read_bytes()
    with served(tmp_path / "a", Headless) as address:
        fetch_dataset(name="cifar10", output=tmp_path / "data", mirror=address)
    assert (tmp_path / "data").read_bytes() == from_folder


def test_names_a_batch_of_other_content(tmp_path: Path, batches: dict[str, bytes]) -> None:
    changed = {**batches, "data_batch_3": batches["data_batch_2"]}
    write_folder(tmp_path / "a", changed)
    write_archive(tmp_path / "b", changed)
    for place, where in (("a", "cifar-10-batches-py/data_batch_3"), ("b", "cifar-10-python.tar.gz/data_batch_3")):
        assert f"{where}: {len(batches['data_batch_2'])} bytes of other content" in message(tmp_path / place)


def test_names_a_truncated_archive(tmp_path: Path, batches: dict[str, bytes]) -> None:
    archive = write_archive(tmp_path / "a", batches)
    content = archive.read_bytes()
    for size in (0, 5, 100, len(content) // 2, len(content) - 5000):
        archive.write_bytes(content[:size])
        assert message(tmp_path / "a").startswith(f"{archive}")


def test_names_what_an_archive_lacks(tmp_path: Path, batches: dict[str, bytes]) -> None:
    del batches["data_batch_2"]
    archive = write_archive(tmp_path / "a", batches)
    assert message(tmp_path / "a").startswith(
        f"{archive}: it lacks data_batch_2, expected the archive of data_batch_1,"
    )


def test_names_a_missing_batch(tmp_path: Path, batches: dict[str, bytes]) -> None:
    del batches["test_batch"]
    write_folder(tmp_path / "a", batches)
    assert "cifar-10-batches-py/test_batch: no such file" in message(tmp_path / "a")


def test_a_pickle_that_calls_anything_else_runs_nothing(tmp_path: Path) -> None:
    evil = b"cos\nsystem\n(U" + bytes([len(f"touch {tmp_path}/ran")]) + f"touch {tmp_path}/ran".encode() + b"tR."
    with pytest.raises(pickle.UnpicklingError, match=r"os\.system is not part of a batch"):
        _BatchUnpickler(io.BytesIO(evil), encoding="bytes").load()
    assert not (tmp_path / "ran").exists()


def test_hashes_are_torchvisions() -> None:
    assert list(sources.CIFAR10_MD5.items()) == [tuple(pair) for pair in CIFAR10.train_list + CIFAR10.test_list]


def test_download_of_the_archive(tmp_path: Path, batches: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write_archive(tmp_path / "served", batches)
    monkeypatch.setattr(CIFAR10, "tgz_md5", hashlib.md5(archive.read_bytes()).hexdigest())
    with served(archive.parent) as address:
        monkeypatch.setattr(CIFAR10, "url", f"{address}/{archive.name}")
        fetch_dataset(name="cifar10", output=tmp_path / "data", download_to=tmp_path / "raw")
    assert len(read_tensors(tmp_path / "data")[0]["train_labels"]) == 5 * COUNT
    assert [path.name for path in (tmp_path / "raw").iterdir()] == ["cifar-10-python.tar.gz"]
