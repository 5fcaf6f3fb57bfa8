"""Raw files that are small on the disk and huge in memory, or no files: each is one line, in little memory."""

import gzip
import io
import os
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from serving import message, served

from reproof.data import sources
from reproof.data.formats import ARCHIVE, FIRST_BATCH, read_digits
from reproof.data.mirror import Mirror
from reproof.storage.files import ReproofError, write_parquet

IMAGES = "mnist/train-images-idx3-ubyte.gz"
JPEGS = "cifar10-jpeg/train.parquet"
MIB = 1 << 20


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """Check that Python allocates a few hundred megabytes at most; each bomb would take gigabytes."""
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400 * MIB


def make_bomb(mib: int) -> bytes:
    """Return a gzip file of zeros: as many members of 16 MiB as it takes."""
    return gzip.compress(bytes(16 * MIB)) * (mib // 16)


def make_tar_bomb(name: str) -> bytes:
    """Return the gzip of an archive whose first member claims and has 6 GiB."""
    member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
    member.size = 6144 * MIB
    return gzip.compress(member.tobuf(tarfile.GNU_FORMAT)) + make_bomb(6144)


def make_sparse() -> bytes:
    """Return an archive of a member whose 64 GiB are a hole."""
    member = tarfile.TarInfo("cifar-10-batches-py/data_batch_1")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.size": str(1 << 36), "GNU.sparse.map": "0,0"}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz", format=tarfile.PAX_FORMAT) as file:
        file.addfile(member)
    return archive.getvalue()


def make_table() -> bytes:
    """Return a table of a few kilobytes whose 20,000 rows repeat one value of 1 MB."""
    import pyarrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    image = pyarrow.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), pyarrow.array([b"x" * 1_000_000]))
    file = io.BytesIO()
    parquet.write_table(pyarrow.table({"image": image, "label": np.zeros(20_000, np.uint8)}), file, compression="zstd")
    return file.getvalue()


LONG = "it holds more than"
BOMBS: dict[str, tuple[str, str, Callable[[], bytes], str]] = {
    "gzip of 6 GiB": ("mnist", IMAGES, lambda: make_bomb(6144), LONG),
    "gzip one block too long": ("mnist", IMAGES, lambda: make_bomb(48), LONG),
    "batch of 6 GiB": ("cifar10", ARCHIVE, lambda: make_tar_bomb("data_batch_1"), LONG),
    "another member of 6 GiB": ("cifar10", ARCHIVE, lambda: make_tar_bomb("a"), "it unpacks to more bytes"),
    "archive of zeros": ("cifar10", ARCHIVE, lambda: make_bomb(6144), "it lacks data_batch_1"),
    "archive with a hole": ("cifar10", ARCHIVE, make_sparse, LONG),
    "table that repeats": ("cifar10_jpeg", JPEGS, make_table, "its rows have more than 46,091,251 bytes"),
}


@pytest.mark.parametrize(("name", "relative", "make", "reason"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_one_line(tmp_path: Path, name: str, relative: str, make: Callable[[], bytes], reason: str) -> None:
    file = tmp_path / "mirror" / relative
    file.parent.mkdir(parents=True)
    file.write_bytes(make())
    found = message(tmp_path, name, tmp_path / "mirror")
    assert found.startswith(f"{file}")
    assert reason in found
    assert "replace it, or name another folder or address in data.mirror" in found
    with served(tmp_path / "mirror") as address:
        assert message(tmp_path, name, address).startswith(f"{address}/{relative}")


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "large"])
@pytest.mark.parametrize(
    ("name", "relative"),
    [("mnist", IMAGES), ("cifar10", ARCHIVE), ("cifar10", FIRST_BATCH), ("cifar10_jpeg", JPEGS)],
)
def test_what_is_no_file_of_that_size_is_one_line(tmp_path: Path, name: str, relative: str, kind: str) -> None:
    file = tmp_path / "mirror" / relative
    file.parent.mkdir(parents=True)
    match kind:
        case "pipe":
            os.mkfifo(file)
        case "folder":
            file.mkdir()
        case "device":
            file.symlink_to("/dev/zero")
        case "large":
            with file.open("wb") as sparse:
                sparse.truncate(1 << 40)
    found = message(tmp_path, name, tmp_path / "mirror")
    expected = "it has 1,099,511,627,776 bytes, more than" if kind == "large" else "it is not a regular file"
    assert found.startswith(f"{file}: truncated or corrupt ({expected}")


@pytest.mark.parametrize("rows", [[], [(None, 1)], [(b"jpeg", None)], [("text", 1)], [(b"jpeg", 256)], [(b"jpeg", -1)]])
def test_a_table_of_other_content_is_one_line(tmp_path: Path, rows: list[tuple[object, object]]) -> None:
    (tmp_path / "cifar10-jpeg").mkdir()
    write_parquet(tmp_path / JPEGS, pd.DataFrame(rows, columns=["image", "label"]))
    assert f"{JPEGS}: " in message(tmp_path, "cifar10_jpeg", tmp_path)


@pytest.mark.parametrize("columns", [["image"], ["label"], ["a", "b"]])
def test_a_table_without_the_columns_is_one_line(tmp_path: Path, columns: list[str]) -> None:
    (tmp_path / "cifar10-jpeg").mkdir()
    write_parquet(tmp_path / JPEGS, pd.DataFrame({name: [1] for name in columns}))
    assert "expected parquet of images and labels" in message(tmp_path, "cifar10_jpeg", tmp_path)


def test_the_sizes_leave_room_for_what_is_known() -> None:
    """The true sizes: of MNIST by its shapes, of the other files as measured."""
    assert {
        f"{part}-{kind}-idx{dimensions}-ubyte": count * pixels + 4 + 4 * dimensions
        for part, count in (("train", 60_000), ("t10k", 10_000))
        for kind, dimensions, pixels in (("images", 3, 784), ("labels", 1, 1))
    } == sources.MNIST_SIZES


def test_one_byte_more_than_the_size_is_refused(tmp_path: Path) -> None:
    lines = b"\n".join([b",".join([b"1"] * 785)] * 3)
    (tmp_path / "a").write_bytes(gzip.compress(lines))
    with pytest.raises(ReproofError, match="other content"):
        read_digits(Mirror(str(tmp_path)), "a", "0" * 64, len(lines))
    with pytest.raises(ReproofError, match=f"it holds more than {len(lines) - 1:,} bytes"):
        read_digits(Mirror(str(tmp_path)), "a", "0" * 64, len(lines) - 1)
