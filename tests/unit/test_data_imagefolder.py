"""A user's own folder of images, with tiny pictures."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import transforms

from reproof.data import imagefolder
from reproof.data.dataset import load_dataset
from reproof.data.fetch import fetch_dataset
from reproof.storage.files import ReproofError, read_metadata, read_tensors

PICTURES = [
    "train/cat/a.png",
    "train/cat/b.JPEG",
    "train/ant/c.png",
    "train/ant/d.png",
    "val/cat/e.png",
    "val/ant/f.png",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write six pictures of 12x9 and other sizes, in colour, grey and with transparency."""
    generator = np.random.default_rng(0)
    for number, (name, mode) in enumerate(zip(PICTURES, ["RGB", "RGB", "L", "RGBA", "RGB", "RGB"], strict=True)):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, (9 + number, 12, len(mode)), np.uint8)
        Image.fromarray(pixels.squeeze()).save(path)
    (tmp_path / "photos/train/cat/notes.txt").write_text("not an image")
    return tmp_path / "photos"


def fetch(folder: Path, size: int | None = 8, threads: int = 1) -> Path:
    output = folder.parent / "out" / "data.safetensors"
    fetch_dataset(name="imagefolder", output=output, folder=folder, image_size=size, threads=threads)
    return output


def message(folder: Path, size: int | None = 8) -> str:
    """Return the message of a fetch that fails, after a check that it left no file."""
    with pytest.raises(ReproofError) as caught:
        fetch(folder, size)
    out = folder.parent / "out"
    assert not out.exists() or not list(out.iterdir())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_classes_labels_and_sizes(folder: Path) -> None:
    data = load_dataset(fetch(folder), validation=1)
    assert data.label == "images of photos at 8x8"
    assert (data.classes, data.input_shape) == (2, (3, 8, 8))
    assert (len(data.train), len(data.validation), len(data.test)) == (3, 1, 2)
    tensors, metadata = read_tensors(fetch(folder))
    assert metadata["classes"] == '["ant", "cat"]'
    assert tensors["train_labels"].tolist() == [0, 0, 1, 1]
    assert tensors["test_labels"].tolist() == [0, 1]


def test_order_is_the_alphabets_not_the_disks(tmp_path: Path) -> None:
    """Twelve classes of twelve images each, written in a scrambled order; a disk lists them in its own."""
    for number in (5 * step % 12 for step in range(12)):
        for picture in (7 * step % 12 for step in range(12)):
            path = tmp_path / f"photos/train/class{number:02}/{picture:02}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (2, 2), (12 * number + picture,) * 3).save(path)
        (tmp_path / f"photos/val/class{number:02}").mkdir(parents=True)
        Image.effect_noise((2, 2), 50).save(tmp_path / f"photos/val/class{number:02}/a.png")
    images = read_tensors(fetch(tmp_path / "photos", 2))[0]["train_images"]
    assert images[:, 0, 0, 0].tolist() == list(range(144))


@pytest.mark.parametrize("size", [5, 8, 20])
def test_resizes_and_crops_as_torchvision_does(folder: Path, size: int) -> None:
    cut = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size)])
    names = ["train/ant/c.png", "train/ant/d.png", "train/cat/a.png", "train/cat/b.JPEG"]
    expected = [np.asarray(cut(Image.open(folder / name).convert("RGB"))).transpose(2, 0, 1) for name in names]
    np.testing.assert_array_equal(read_tensors(fetch(folder, size))[0]["train_images"], np.stack(expected))


def test_chunks_and_threads_leave_the_bytes_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fetch(folder).read_bytes()
    monkeypatch.setattr(imagefolder, "CHUNK", 3)
    assert fetch(folder, threads=2).read_bytes() == whole


def test_a_test_folder_serves_where_there_is_no_val(folder: Path) -> None:
    whole = read_metadata(fetch(folder))["sha256"]
    (folder / "val").rename(folder / "test")
    assert read_metadata(fetch(folder))["sha256"] == whole


def test_names_a_picture_that_is_not_whole(folder: Path) -> None:
    picture = folder / "val/cat/e.png"
    picture.write_bytes(picture.read_bytes()[:-40])
    assert message(folder).startswith(f"{picture}: not a whole image (")
    picture.write_text("hello")
    assert f"{picture}: not a whole image (it is none of JPEG, PNG" in message(folder)


def test_names_classes_that_differ(folder: Path) -> None:
    (folder / "val/cat").rename(folder / "val/dog")
    assert "val: its classes differ from those of" in message(folder)
    assert "(cat, dog)" in message(folder)


def test_what_is_no_image_by_its_name_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of a class in another format would otherwise be missed without a word."""
    fetch(folder)
    said = "photos/train/cat/notes.txt: left out, as its name ends with none of .jpg, "
    assert said in (text := capsys.readouterr().out)
    assert "(1 of the folders of classes in all)" in text
    (folder / "val/ant/more").mkdir()
    for name in ("train/cat/g.heic", "val/ant/h.gif"):
        (folder / name).write_bytes(b"another format")
    fetch(folder)
    assert "photos/train/cat/g.heic: left out" in (text := capsys.readouterr().out)
    assert "(4 of the folders of classes in all)" in text


@pytest.mark.parametrize("name", ["._a.png", ".DS_Store", "Thumbs.db", "desktop.ini"])
def test_what_systems_drop_into_a_class_is_no_image(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "train/cat/notes.txt").unlink()
    (folder / "train/cat" / name).write_bytes(b"\x00\x05\x16\x07")
    assert len(load_dataset(fetch(folder), validation=0).train) == 4
    assert capsys.readouterr().out == ""


def test_names_what_is_absent(folder: Path) -> None:
    (folder / "val/cat/e.png").unlink()
    assert f"{folder}/val/cat: holds no images" in message(folder)
    (folder / "val").rename(folder / "elsewhere")
    assert f"{folder}/test: cannot be read (No such file or directory), expected train/ and val/" in message(folder)
    assert "set data.imagefolder in config/config.yaml" in message(folder.parent / "nowhere")


@pytest.mark.parametrize("size", [None, 0, -3])
def test_names_the_setting_of_the_size(folder: Path, size: int | None) -> None:
    assert f"size is {size}, expected pixels such as 224; set data.image_size in config/config.yaml" in message(
        folder, size
    )


def test_names_the_setting_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ReproofError, match=r"set data\.imagefolder in config/config\.yaml"):
        fetch_dataset(name="imagefolder", output=tmp_path / "data", image_size=8)
