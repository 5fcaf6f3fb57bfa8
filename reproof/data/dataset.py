"""A data set for the trainer: bytes on the device in three splits, normalised batch by batch."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from reproof.seeding import derive
from reproof.storage.files import ReproofError
from reproof.storage.reading import check_regular, guard_reading, show

KEYS = ("train_images", "train_labels", "test_images", "test_labels")
METADATA = ("name", "label", "classes", "mean", "std")
SMALLEST_NORM = 1 / 255  # a black image stays black; one with the least possible pixel has this norm
BLOCK = 4096  # images whose squares, four times as large, are in memory together


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split: images uint8 [N, C, H, W], labels int64 [N]."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training, validation and test split; `label` is the name in figures and pages.

    `mean` and `std` are float32 [C, 1, 1], of all training pixels (validation examples included) scaled to [0, 1].
    With `unit_norm`, inputs are each image over its Euclidean norm, and `mean` and `std` play no part.
    """

    name: str
    label: str
    classes: int
    mean: Tensor
    std: Tensor
    train: Split
    validation: Split
    test: Split
    unit_norm: bool = False

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of one image."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    @cached_property
    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """Factor and summand that normalise a pixel's byte, up to the image's factor: float32 [C, 1, 1] each."""
        if self.unit_norm:
            return torch.ones_like(self.std), torch.zeros_like(self.mean)
        # One multiplication and one addition per pixel instead of three operations.
        return 1 / (255 * self.std), -self.mean / self.std

    def normalise(self, images: Tensor) -> Tensor:
        """Return the inputs float32 [..., C, H, W] of images uint8 [..., C, H, W].

        These are the pixels in [0, 1], less the mean, over the deviation; with `unit_norm` each image over its norm.
        """
        if self.unit_norm:
            return images.to(torch.float32).mul_(compute_factors(images.flatten(-3))[..., None, None, None])
        scale, shift = self.scale_and_shift
        return images.to(torch.float32).mul_(scale).add_(shift)

    def normalise_pixels(self, pixels: Tensor) -> Tensor:
        """Return the inputs float32 [N, C, H, W] of pixels float32 [N, C, H, W] in [0, 1]; it has a gradient."""
        if self.unit_norm:
            norms: Tensor = torch.linalg.vector_norm(pixels, dim=(-3, -2, -1), keepdim=True)
            return pixels / norms.clamp_min(SMALLEST_NORM)
        scale, shift = self.scale_and_shift
        return pixels * (255 * scale) + shift  # `scale` is that of bytes, and pixels are bytes / 255

    def find_factors(self, flat: Tensor, chosen: Tensor) -> Tensor:
        """Return the factors float32 [B] of the `chosen` rows, int64 [B], of images uint8 [N, pixels]."""
        # All training images are measured once: at each step it would cost a tenth of a sparse network's step.
        if flat.data_ptr() == self.train.images.data_ptr() and len(flat) == len(self.train):
            return self._train_factors[chosen]
        return compute_factors(flat[chosen])

    @cached_property
    def _train_factors(self) -> Tensor:
        return torch.cat([compute_factors(part) for part in torch.split(self.train.images.flatten(1), BLOCK)])


def compute_factors(flat: Tensor) -> Tensor:
    """Return 1 over the Euclidean norm of images uint8 [..., pixels], as bytes: float32 [...]; 1 for a black image."""
    # Sums of squares of integers are exact, so that every backend finds the same factor.
    squares = flat.to(torch.int32).square().sum(-1)
    return squares.clamp_min(1).to(torch.float64).rsqrt().to(torch.float32)


def load_dataset(
    path: str | Path, *, validation: int, split_seed: int = 0, device: str | torch.device = "cpu"
) -> Dataset:
    """Load the file of `fetch_dataset`, and set `validation` examples apart.

    The validation examples are drawn from the training examples at random, without replacement; both parts keep the
    file's order. On a CPU the file is memory-mapped: without a validation split, images occupy memory only when they
    are used. Raises ReproofError, with the file's name, for a damaged file, another layout, or an impossible
    `validation`.
    """
    tensors, metadata = _read(Path(path))
    with guard_reading(path, _make_unreadable_error):
        name, classes = metadata["name"], len(json.loads(metadata["classes"]))
        _check_tensors(Path(path), tensors, classes)
        images, labels = tensors["train_images"], tensors["train_labels"]
        mean, std = (_parse_per_channel(Path(path), key, metadata[key], images.shape[1]) for key in ("mean", "std"))
    train, held_out = _draw_validation(Path(path), len(labels), validation, derive("split", name, split_seed))
    return Dataset(
        name=name,
        label=metadata["label"],
        classes=classes,
        mean=mean.to(device),
        std=std.to(device),
        train=Split(images[train].to(device), labels[train].to(device)),
        validation=Split(images[held_out].to(device), labels[held_out].to(device)),
        test=Split(tensors["test_images"].to(device), tensors["test_labels"].to(device)),
        unit_norm=metadata.get("pixels") == "unit_norm",
    )


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the metadata of a file; raise ReproofError if it is damaged or lacks one."""
    with guard_reading(path, _make_unreadable_error):
        check_regular(path)
        with safe_open(path, framework="pt") as file:
            metadata = dict(file.metadata() or {})
            # Mapped from the file, so an unused image costs no memory.
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
    missing = [key for key in KEYS if key not in tensors] + [key for key in METADATA if key not in metadata]
    if missing:
        raise _make_error(path, f"is not a data set: it lacks {', '.join(missing)}")
    return tensors, metadata


def _check_tensors(path: Path, tensors: dict[str, Tensor], classes: int) -> None:
    """Raise ReproofError unless images are uint8 [N, C, H, W] and labels int64 [N] in [0, classes)."""
    shape = tensors["train_images"].shape[1:]
    for split in ("train", "test"):
        images, labels = tensors[f"{split}_images"], tensors[f"{split}_labels"]
        if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1:] != shape:
            raise _make_error(
                path, f"{split}_images is {_describe(images)}, expected uint8 [N, C, H, W] of one size in both splits"
            )
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1] or not len(labels):
            raise _make_error(
                path, f"{split}_labels is {_describe(labels)}, expected int64 [{len(images)}] and not empty"
            )
        if labels.min() < 0 or labels.max() >= classes:
            raise _make_error(
                path, f"{split}_labels runs from {labels.min()} to {labels.max()}, expected 0 to {classes - 1}"
            )


def _draw_validation(path: Path, count: int, validation: int, seed: int) -> tuple[slice | Tensor, slice | Tensor]:
    """Return the places of the training and the validation examples; slices, which copy nothing, if none are drawn."""
    if not 0 <= validation < count:
        raise ReproofError(f"{path}: validation is {validation}, but must be from 0 to {count - 1} (training examples)")
    if validation == 0:
        return slice(None), slice(0)
    # Sorted below: examples keep the file's order, which the trainer shuffles itself.
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[validation:].sort().values, order[:validation].sort().values


def _parse_per_channel(path: Path, key: str, text: str, channels: int) -> Tensor:
    """Return one number per channel from JSON: float32 [C, 1, 1]."""
    values = torch.tensor(json.loads(text), dtype=torch.float32)
    if values.shape != (channels,) or not values.isfinite().all() or (key == "std" and values.min() <= 0):
        what = "numbers above 0" if key == "std" else "numbers"
        raise _make_error(path, f"{key} is {show(text)[:80]}, expected {channels} {what}, one a channel")
    return values.reshape(-1, 1, 1)


def _describe(tensor: Tensor) -> str:
    """Return dtype and shape of a tensor as text."""
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def _make_unreadable_error(path: str | Path, reason: str) -> ReproofError:
    """Return the error of a file that a library cannot read."""
    return _make_error(path, f"cannot be read ({reason})")


def _make_error(path: str | Path, what: str) -> ReproofError:
    """Return the error of a file that is no valid data set, with its remedy."""
    return ReproofError(f"{show(path)}: {what}; delete it and run Snakemake again to fetch it again")
