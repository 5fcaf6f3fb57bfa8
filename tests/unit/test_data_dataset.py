"""Splits, checks and normalisation of a data set in memory."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from reproof.data.dataset import load_dataset
from reproof.storage.files import Array, ReproofError, write_tensors

METADATA = {"name": "tiny", "label": "Tiny", "classes": '["a", "b"]', "mean": "[0.5, 0.25]", "std": "[0.25, 0.5]"}


def tiny(train: int = 20, test: int = 6) -> dict[str, Array]:
    """Return images whose every pixel is the example's number, which identifies it after a split."""
    numbers = np.arange(train + test, dtype=np.uint8)
    images = np.broadcast_to(numbers[:, None, None, None], (train + test, 2, 3, 4))
    labels = (numbers % 2).astype(np.int64)
    return {
        "train_images": images[:train],
        "train_labels": labels[:train],
        "test_images": images[train:],
        "test_labels": labels[train:],
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_tensors(tmp_path / "data.safetensors", tiny(), METADATA)
    return tmp_path / "data.safetensors"


def numbers(images: torch.Tensor) -> list[int]:
    return images[:, 0, 0, 0].tolist()


def test_splits_are_disjoint_exhaustive_and_keep_labels_with_their_images(path: Path) -> None:
    data = load_dataset(path, validation=5)
    train, validation = numbers(data.train.images), numbers(data.validation.images)
    assert (len(data.train), len(data.validation), len(data.test)) == (15, 5, 6)
    assert sorted(train + validation) == list(range(20))
    assert numbers(data.test.images) == list(range(20, 26))
    for split in (data.train, data.validation, data.test):
        assert split.labels.tolist() == [number % 2 for number in numbers(split.images)]


def test_split_follows_its_seed_and_the_name_of_the_data(path: Path, tmp_path: Path) -> None:
    drawn = [numbers(load_dataset(path, validation=5, split_seed=seed).validation.images) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0] != list(range(5)), "drawn at random, not cut off one end"
    write_tensors(tmp_path / "other", tiny(), {**METADATA, "name": "other"})
    assert numbers(load_dataset(tmp_path / "other", validation=5).validation.images) != drawn[0]


def test_split_leaves_the_global_generator_alone(path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load_dataset(path, validation=5)
    assert torch.equal(torch.rand(2), expected)


def test_no_validation_split_is_empty_and_keeps_every_example(path: Path) -> None:
    data = load_dataset(path, validation=0)
    assert numbers(data.train.images) == list(range(20))
    assert data.validation.images.shape == (0, 2, 3, 4)
    assert len(data.validation) == 0


def test_describes_its_data(path: Path) -> None:
    data = load_dataset(path, validation=2)
    assert (data.name, data.label, data.classes, data.input_shape) == ("tiny", "Tiny", 2, (2, 3, 4))
    assert data.mean.shape == data.std.shape == (2, 1, 1)
    assert data.train.images.dtype == torch.uint8
    assert data.train.labels.dtype == torch.int64


def test_normalise_by_hand(path: Path) -> None:
    images = torch.tensor([[[[0, 255]], [[51, 102]]]], dtype=torch.uint8)
    result = load_dataset(path, validation=0).normalise(images)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, torch.tensor([[[[-2.0, 2.0]], [[-0.1, 0.3]]]]))
    assert images.flatten().tolist() == [0, 255, 51, 102], "the bytes stay as they are"


def test_an_image_of_norm_one_by_hand(tmp_path: Path) -> None:
    write_tensors(tmp_path / "norm", tiny(), {**METADATA, "pixels": "unit_norm"})
    data = load_dataset(tmp_path / "norm", validation=0)
    images = torch.tensor([[[[3, 0]], [[0, 4]]], [[[0, 0]], [[0, 0]]]], dtype=torch.uint8)
    expected = torch.tensor([[[[0.6, 0.0]], [[0.0, 0.8]]], [[[0.0, 0.0]], [[0.0, 0.0]]]])
    torch.testing.assert_close(data.normalise(images), expected)
    pixels = (images / 255).requires_grad_()
    torch.testing.assert_close(data.normalise_pixels(pixels), expected)
    # The norm takes part in the gradient: growing all pixels of an image alike changes nothing.
    (gradient,) = torch.autograd.grad(data.normalise_pixels(pixels)[0, 0, 0, 0], pixels)
    torch.testing.assert_close((gradient[0] * pixels[0]).sum(), torch.tensor(0.0), atol=1e-6, rtol=0)
    assert gradient[0, 0, 0, 0] > 0 and gradient[0, 1, 0, 1] < 0


def test_factors_of_training_images_are_those_of_any_images(tmp_path: Path) -> None:
    write_tensors(tmp_path / "norm", tiny(), {**METADATA, "pixels": "unit_norm"})
    data = load_dataset(tmp_path / "norm", validation=0)
    flat, chosen = data.train.images.flatten(1), torch.tensor([3, 0, 3])
    assert torch.equal(data.find_factors(flat, chosen), data.find_factors(flat.clone(), chosen))


@pytest.mark.parametrize("validation", [-1, 20, 1000])
def test_validation_that_does_not_fit(path: Path, validation: int) -> None:
    with pytest.raises(ReproofError, match=rf"data\.safetensors: validation is {validation}, .* from 0 to 19"):
        load_dataset(path, validation=validation)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train_labels": None}, "lacks train_labels"),
        ({"train_images": np.zeros((20, 2, 3, 4), np.float32)}, "train_images is float32"),
        ({"test_images": np.zeros((6, 2, 3, 5), np.uint8)}, r"test_images is uint8 \[6, 2, 3, 5\], .* of one size"),
        ({"train_images": np.zeros((20, 12), np.uint8)}, r"train_images is uint8 \[20, 12\]"),
        ({"test_labels": np.zeros(6, np.int32)}, "test_labels is int32"),
        ({"train_labels": np.zeros(19, np.int64)}, r"train_labels is int64 \[19\], expected int64 \[20\]"),
        ({"test_labels": np.full(6, 2)}, "test_labels runs from 2 to 2, expected 0 to 1"),
        ({"test_labels": np.full(6, -1)}, "test_labels runs from -1 to -1"),
    ],
)
def test_names_a_file_of_another_layout(tmp_path: Path, change: dict[str, Array | None], message: str) -> None:
    tensors = {key: array for key, array in {**tiny(), **change}.items() if array is not None}
    write_tensors(tmp_path / "bad", tensors, METADATA)
    with pytest.raises(ReproofError, match=rf"bad: .*{message}.*; delete it and run Snakemake again"):
        load_dataset(tmp_path / "bad", validation=0)


def test_names_a_file_without_metadata(tmp_path: Path) -> None:
    write_tensors(tmp_path / "bad", tiny(), {key: METADATA[key] for key in ("name", "label", "mean")})
    with pytest.raises(ReproofError, match="bad: is not a data set: it lacks classes, std"):
        load_dataset(tmp_path / "bad", validation=0)


def test_names_a_mean_of_another_number_of_channels(tmp_path: Path) -> None:
    write_tensors(tmp_path / "bad", tiny(), {**METADATA, "mean": "[0.5]"})
    with pytest.raises(ReproofError, match=r"bad: mean is \[0.5\], expected 2 numbers, one a channel"):
        load_dataset(tmp_path / "bad", validation=0)


@pytest.mark.parametrize("damage", ["truncated", "empty", "absent"])
def test_names_a_damaged_file(path: Path, damage: str) -> None:
    content = path.read_bytes()
    path.unlink()
    if damage != "absent":
        path.write_bytes(content[:-1] if damage == "truncated" else b"")
    with pytest.raises(ReproofError, match=r"data\.safetensors: cannot be read") as caught:
        load_dataset(path, validation=0)
    assert "\n" not in str(caught.value)


def test_maps_the_file_instead_of_reading_it(tmp_path: Path) -> None:
    """256 MiB of images (a hole in the file) take no memory until they are used."""
    count, labels, images = 1 << 18, 8 << 18, 1024 << 18
    ends = [0, labels, labels + 8, labels + 8 + images, labels + 8 + images + 1024]
    shapes = {
        "train_labels": ("I64", [count]),
        "test_labels": ("I64", [1]),
        "train_images": ("U8", [count, 1, 32, 32]),
        "test_images": ("U8", [1, 1, 32, 32]),
    }
    entries = {
        key: {"dtype": dtype, "shape": shape, "data_offsets": ends[i : i + 2]}
        for i, (key, (dtype, shape)) in enumerate(shapes.items())
    }
    header = {"__metadata__": {**METADATA, "mean": "[0.5]", "std": "[0.25]"}, **entries}
    text = json.dumps(header).encode()
    with open(tmp_path / "large", "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + ends[-1])
    before = resident()
    data = load_dataset(tmp_path / "large", validation=0)
    assert resident() - before < 32 << 20
    assert data.train.images[-1].sum() == 0


def resident() -> int:
    """Return the bytes of memory that this process occupies."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
    except FileNotFoundError:
        pytest.skip("no /proc on this system")
