"""Content of a data set as a source returns it, and its file, written as a stream: it may be larger than memory."""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from reproof.storage.files import Array, ReproofError, write_atomically

BLOCK = 1 << 22  # bytes per count


@dataclass(frozen=True)
class Content:
    """A decoded data set.

    Labels are int64 [N] as a whole; images are chunks of uint8 [n, C, H, W] in the order of the labels. `shape` is (C,
    H, W).
    """

    label: str
    classes: Sequence[str]
    shape: tuple[int, int, int]
    train_labels: Array
    test_labels: Array
    train_images: Iterable[Array]
    test_images: Iterable[Array]


class PixelCounts:
    """Counts of the 256 pixel values in each channel, int64 [C, 256]: mean and deviation are exact for any chunks."""

    def __init__(self, channels: int) -> None:
        self.counts = np.zeros((channels, 256), np.int64)

    def add(self, images: Array) -> None:
        """Count images uint8 [n, C, H, W]."""
        for channel, counts in enumerate(self.counts):
            values = images[:, channel].reshape(-1)
            # `bincount` converts its input to int64: blocks bound that copy.
            for start in range(0, len(values), BLOCK):
                counts += np.bincount(values[start : start + BLOCK], minlength=256)

    def compute_mean_and_std(self) -> tuple[list[float], list[float]]:
        """Return mean and population standard deviation of each channel, of pixels scaled to [0, 1]."""
        moments = [_compute_moments([int(count) for count in counts]) for counts in self.counts]
        return [mean for mean, _ in moments], [std for _, std in moments]


def _compute_moments(counts: Sequence[int]) -> tuple[float, float]:
    """Return mean and standard deviation, of pixels scaled to [0, 1], from the counts of one channel."""
    number = sum(counts)
    total = sum(value * count for value, count in enumerate(counts))
    # Python's integers are exact: the sums of a large data set may exceed 2^53.
    squares = sum(value**2 * count for value, count in enumerate(counts))
    return total / number / 255, (number * squares - total**2) ** 0.5 / number / 255


def write_content(path: Path, name: str, content: Content) -> None:
    """Write a data set as safetensors, atomically: labels, then images chunk by chunk, then the header before them.

    Equal content gives equal bytes for any chunks. Raises ReproofError if a channel has one value alone.
    """
    # One pass: the images are a stream that cannot be read twice.
    pixels, digest = PixelCounts(content.shape[0]), hashlib.sha256()
    reserved = len(_build_header(name, content, _make_placeholders(content.shape[0])))

    def put(file: BinaryIO, array: Array) -> None:
        payload = np.ascontiguousarray(array).data
        digest.update(payload)
        file.write(payload)

    with write_atomically(path) as temporary, open(temporary, "wb") as file:
        # The header comes first in the file, but its mean, deviation and digest are known last.
        file.seek(reserved)
        for labels in (content.train_labels, content.test_labels):
            put(file, labels.astype("<i8"))
        for images in content.train_images:
            pixels.add(images)
            put(file, images)
        for images in content.test_images:
            put(file, images)
        mean, std = pixels.compute_mean_and_std()
        if min(std) == 0:
            raise ReproofError(f"{name}: a channel has one value in every training image; check that images are whole")
        file.seek(0)
        measured = {"mean": json.dumps(mean), "std": json.dumps(std), "sha256": digest.hexdigest()}
        # Padded with spaces to the reserved size, as safetensors allows.
        file.write(_build_header(name, content, measured, reserved))


def _make_placeholders(channels: int) -> dict[str, str]:
    """Return values at least as long as any measured ones."""
    numbers = json.dumps(["0." + "0" * 24] * channels)
    return {"mean": numbers, "std": numbers, "sha256": "0" * 64}


def _build_header(name: str, content: Content, measured: dict[str, str], size: int = 0) -> bytes:
    """Return the start of a safetensors file: length and header, padded to `size` and a multiple of 8 bytes."""
    described = {"name": name, "label": content.label, "classes": json.dumps(list(content.classes)), **measured}
    entries: dict[str, object] = {"__metadata__": dict(sorted(described.items()))}
    end = 0
    for key, dtype, width, shape in _list_tensors(content):
        start, end = end, end + width * math.prod(shape)
        entries[key] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text = text.ljust(max(size - 8, -8 * (-len(text) // 8)))
    return len(text).to_bytes(8, "little") + text


def _list_tensors(content: Content) -> list[tuple[str, str, int, list[int]]]:
    """Return key, type, bytes per item and shape of each tensor in the order of the file: the widest items first."""
    train, test = len(content.train_labels), len(content.test_labels)
    return [
        ("train_labels", "I64", 8, [train]),
        ("test_labels", "I64", 8, [test]),
        ("train_images", "U8", 1, [train, *content.shape]),
        ("test_images", "U8", 1, [test, *content.shape]),
    ]
