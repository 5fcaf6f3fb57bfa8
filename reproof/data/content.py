"""What a source hands to `fetch_dataset`, and how it is written: as a stream, for it may be larger than memory."""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from reproof.storage.files import Array, ReproofError, write_atomically

BLOCK = 1 << 22  # bytes counted at a time


@dataclass(frozen=True)
class Content:
    """A decoded data set: labels int64 [N] as a whole, images in chunks of uint8 [n, C, H, W] that follow them."""

    label: str
    classes: Sequence[str]
    shape: tuple[int, int, int]
    train_labels: Array
    test_labels: Array
    train_images: Iterable[Array]
    test_images: Iterable[Array]


class Pixels:
    """Counts of the 256 pixel values in each channel, so that mean and spread are exact whatever the chunks."""

    def __init__(self, channels: int) -> None:
        self.counts = np.zeros((channels, 256), np.int64)

    def add(self, images: Array) -> None:
        """Count images uint8 [n, C, H, W]."""
        for channel, counts in enumerate(self.counts):
            values = images[:, channel].reshape(-1)
            for start in range(0, len(values), BLOCK):
                counts += np.bincount(values[start : start + BLOCK], minlength=256)

    def mean_and_std(self) -> tuple[list[float], list[float]]:
        """Return the mean and the standard deviation (of the population) of each channel, pixels scaled to [0, 1]."""
        moments = [_moments([int(count) for count in counts]) for counts in self.counts]
        return [mean for mean, _ in moments], [std for _, std in moments]


def _moments(counts: Sequence[int]) -> tuple[float, float]:
    number = sum(counts)
    total = sum(value * count for value, count in enumerate(counts))
    squares = sum(value**2 * count for value, count in enumerate(counts))
    return total / number / 255, (number * squares - total**2) ** 0.5 / number / 255


def write_content(path: Path, name: str, content: Content) -> None:
    """Write a data set as safetensors, atomically: labels, then images chunk by chunk, then the header before them.

    Equal content gives equal bytes, however it is cut into chunks. Raises ReproofError if a channel never varies.
    """
    pixels, digest = Pixels(content.shape[0]), hashlib.sha256()
    reserved = len(_header(name, content, _blank(content.shape[0])))

    def put(file: BinaryIO, array: Array) -> None:
        payload = np.ascontiguousarray(array).data
        digest.update(payload)
        file.write(payload)

    with write_atomically(path) as temporary, open(temporary, "wb") as file:
        file.seek(reserved)  # mean, spread and digest, which the header tells, are known at the end only
        for labels in (content.train_labels, content.test_labels):
            put(file, labels.astype("<i8"))
        for images in content.train_images:
            pixels.add(images)
            put(file, images)
        for images in content.test_images:
            put(file, images)
        mean, std = pixels.mean_and_std()
        if min(std) == 0:
            raise ReproofError(f"{name}: a channel has one value in every training image; check that images are whole")
        file.seek(0)
        measured = {"mean": json.dumps(mean), "std": json.dumps(std), "sha256": digest.hexdigest()}
        file.write(_header(name, content, measured, reserved))


def _blank(channels: int) -> dict[str, str]:
    """Return values at least as long as any that can be measured."""
    numbers = json.dumps(["0." + "0" * 24] * channels)
    return {"mean": numbers, "std": numbers, "sha256": "0" * 64}


def _header(name: str, content: Content, measured: dict[str, str], size: int = 0) -> bytes:
    """Return the start of a safetensors file, its length and its header, padded to `size` and a multiple of 8 bytes."""
    described = {"name": name, "label": content.label, "classes": json.dumps(list(content.classes)), **measured}
    entries: dict[str, object] = {"__metadata__": dict(sorted(described.items()))}
    end = 0
    for key, dtype, width, shape in _tensors(content):
        start, end = end, end + width * math.prod(shape)
        entries[key] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(entries, separators=(",", ":")).encode()
    text = text.ljust(max(size - 8, -8 * (-len(text) // 8)))
    return len(text).to_bytes(8, "little") + text


def _tensors(content: Content) -> list[tuple[str, str, int, list[int]]]:
    """Return key, type, bytes an item and shape of each tensor in the order of the file: the widest items first."""
    train, test = len(content.train_labels), len(content.test_labels)
    return [
        ("train_labels", "I64", 8, [train]),
        ("test_labels", "I64", 8, [test]),
        ("train_images", "U8", 1, [train, *content.shape]),
        ("test_images", "U8", 1, [test, *content.shape]),
    ]
