"""Decoding of the raw files of the known data sets; the content of each must have its known hash."""

import gzip
import hashlib
import io
import pickle
import posixpath
import tarfile
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, ClassVar

import numpy as np

from reproof.data.mirror import Mirror
from reproof.storage.files import Array
from reproof.storage.reading import read_at_most

ARCHIVE, FOLDER = "cifar-10-python.tar.gz", "cifar-10-batches-py"
FIRST_BATCH = f"{FOLDER}/data_batch_1"
BATCH_SIZE = 32_000_000  # bytes; a batch has about 31.0 million
ARCHIVE_SIZE = 200_000_000  # bytes; the archive has about 170 million, and 186 million unpacked
LARGEST = 64_000_000  # bytes of content of any other file
Labelled = tuple[Array, Array]  # images uint8 [N, C, H, W], labels int64 [N]


def read_idx(mirror: Mirror, relative: str, md5: str, size: int = LARGEST) -> Array:
    """Return the uint8 array of a gzipped idx file.

    `md5` and `size`, the most bytes, are those of the uncompressed bytes, because gzip wrappers vary. Raises
    ReproofError for a missing or damaged file.
    """
    expected = f"gzip of idx bytes with MD5 {md5}"
    content = _decompress(mirror, relative, size, expected)
    _verify(mirror, relative, content, md5, expected)
    # idx: two zero bytes, the type, the number of dimensions, then the sizes as big-endian int32.
    dimensions = content[3]
    shape = np.frombuffer(content, ">i4", count=dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def read_digits(mirror: Mirror, relative: str, sha256: str, size: int = LARGEST) -> Labelled:
    """Return images uint8 [N, 1, 28, 28] and labels int64 [N] of gzipped lines of 784 pixels and a label.

    `sha256` is that of the rows as uint8, `size` the most bytes of the lines. Raises ReproofError for a missing or
    damaged file.
    """
    expected = f"gzip of digits with SHA-256 {sha256}"
    lines = _decompress(mirror, relative, size, expected).split()
    try:
        rows = np.loadtxt(lines, np.uint8, delimiter=",", ndmin=2, encoding="latin1")
    except ValueError as error:
        raise mirror.make_damage_error(relative, f"other content ({error})", expected) from error
    _verify(mirror, relative, rows.tobytes(), sha256, expected)
    return rows[:, :-1].reshape(-1, 1, 28, 28), rows[:, -1].astype(np.int64)


def read_jpegs(mirror: Mirror, relative: str, sha256: str, size: int = LARGEST) -> Labelled:
    """Return images uint8 [N, 3, 32, 32] and labels int64 [N] of a parquet table of JPEG bytes and classes.

    The columns are `image` and `label`. `sha256` and `size`, the most bytes, are those of each row's JPEG bytes and
    label byte in turn, because JPEG decoders differ in their pixels. Raises ReproofError for a missing or damaged file.
    """
    from PIL import Image  # noqa: PLC0415 (late: the other data sets are read without it)

    expected = f"parquet of images and labels with SHA-256 {sha256}"
    with mirror.open_file(relative, expected, most=compute_most_stored(size)) as file:
        rows = _read_rows(file, size)
    _verify(mirror, relative, b"".join(jpeg + bytes([label]) for jpeg, label in rows), sha256, expected)
    images = np.empty((len(rows), 3, 32, 32), np.uint8)
    for image, (jpeg, _) in zip(images, rows, strict=True):
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as decoded:
            image[:] = np.asarray(decoded.convert("RGB")).transpose(2, 0, 1)
    return images, np.array([label for _, label in rows], np.int64)


def _read_rows(file: BinaryIO, most: int) -> list[tuple[bytes, int]]:
    """Return JPEG bytes and label of each row of a table; raise ValueError if they have more than `most` bytes."""
    from pyarrow import parquet  # noqa: PLC0415

    rows: list[tuple[bytes, int]] = []
    size = 0
    with parquet.ParquetFile(file) as table:
        # A few rows at a time: a small file can repeat one long value in every row.
        for batch in table.iter_batches(batch_size=100, columns=["image", "label"]):
            part = list(zip(batch["image"].to_pylist(), batch["label"].to_pylist(), strict=True))
            size += sum(len(jpeg + bytes([label])) for jpeg, label in part)  # fails for other types
            if size > most:
                raise ValueError(f"its rows have more than {most:,} bytes")
            rows += part
    return rows


def read_batches(mirror: Mirror, md5s: Mapping[str, str]) -> dict[str, Labelled]:
    """Return CIFAR-10's batches by name, from the mirror's folder of them or else its archive.

    Each holds images uint8 [N, 3, 32, 32] and labels int64 [N]. `md5s` has the MD5 of each batch. Raises ReproofError
    for a missing or damaged file.
    """
    if mirror.holds(FIRST_BATCH):
        return {name: _read_batch(mirror, f"{FOLDER}/{name}", md5) for name, md5 in md5s.items()}
    expected = f"the archive of {', '.join(md5s)}"
    batches = {}
    with (
        mirror.open_file(ARCHIVE, expected, most=ARCHIVE_SIZE) as file,
        tarfile.open(fileobj=_Unpacked(file, ARCHIVE_SIZE), mode="r|") as archive,
    ):
        for member in archive:
            # Some programs write "./folder/name".
            name = posixpath.normpath(member.name).removeprefix(f"{FOLDER}/")
            if name in md5s and member.isreg() and (content := archive.extractfile(member)):
                batch = read_at_most(content, BATCH_SIZE)  # type: ignore[arg-type]
                batches[name] = _decode_batch(mirror, f"{ARCHIVE}/{name}", batch, md5s[name])
    if missing := [name for name in md5s if name not in batches]:
        raise mirror.make_damage_error(ARCHIVE, f"it lacks {', '.join(missing)}", expected)
    # The archive has its own order; the order of `md5s` is that of the data set.
    return {name: batches[name] for name in md5s}


class _Unpacked(gzip.GzipFile):
    """The content of a gzip file as a stream that raises ValueError after `most` bytes.

    A small file can unpack to any size, and `tarfile` reads even what it skips.
    """

    def __init__(self, file: BinaryIO, most: int) -> None:
        super().__init__(fileobj=file, mode="rb")
        self._left = most

    def read(self, size: int | None = -1) -> bytes:
        """Return the next `size` bytes, or all that are left."""
        content = super().read(size)
        self._left -= len(content)
        if self._left < 0:
            raise ValueError("it unpacks to more bytes than the archive has")
        return content


def compute_most_stored(size: int) -> int:
    """Return the most bytes that a file of `size` bytes of content takes: compression adds little where it fails."""
    return size + size // 100 + (1 << 16)


def _decompress(mirror: Mirror, relative: str, size: int, expected: str) -> bytes:
    """Return the content of a gzip file; raise ReproofError if it is damaged or has more than `size` bytes."""
    with (
        mirror.open_file(relative, expected, most=compute_most_stored(size)) as file,
        gzip.GzipFile(fileobj=file) as unpacked,
    ):
        return read_at_most(unpacked, size)  # type: ignore[arg-type]


def _read_batch(mirror: Mirror, relative: str, md5: str) -> Labelled:
    """Return one batch from a file of its own."""
    with mirror.open_file(relative, f"a batch with MD5 {md5}", most=BATCH_SIZE) as file:
        return _decode_batch(mirror, relative, file.read(), md5)


def _decode_batch(mirror: Mirror, relative: str, content: bytes, md5: str) -> Labelled:
    """Return images and labels of one batch, after a check of its MD5."""
    _verify(mirror, relative, content, md5, f"a batch with MD5 {md5}")
    # A plain unpickler would run whatever a tampered file names.
    batch = _BatchUnpickler(io.BytesIO(content), encoding="bytes").load()
    return batch[b"data"].reshape(-1, 3, 32, 32), np.array(batch[b"labels"], np.int64)


class _BatchUnpickler(pickle.Unpickler):
    """Unpickler of byte arrays that Python 2 wrote; it makes the objects that they name and runs nothing else.

    NumPy's own constructors warn at these pickles, whose `align` is a number.
    """

    MAKERS: ClassVar[Mapping[str, Callable[..., Any]]] = {
        "numpy.core.multiarray._reconstruct": lambda *_: np.empty(0, np.uint8),
        "numpy.ndarray": np.ndarray,
        "numpy.dtype": lambda *_: np.dtype(np.uint8, copy=True),
    }

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        """Return the maker of that name; raise UnpicklingError for any other."""
        try:
            return self.MAKERS[f"{module}.{name}"]
        except KeyError as error:
            raise pickle.UnpicklingError(f"{module}.{name} is not part of a batch") from error


def _verify(mirror: Mirror, relative: str, content: bytes, digest: str, expected: str) -> None:
    """Raise ReproofError unless the content has this MD5 or SHA-256; the length of `digest` decides which."""
    algorithm = hashlib.md5 if len(digest) == 32 else hashlib.sha256
    found = algorithm(content, usedforsecurity=False).hexdigest()
    if found != digest:
        raise mirror.make_damage_error(relative, f"{len(content)} bytes of other content, hash {found}", expected)
