"""Images of the user, for example ImageNet: a folder of classes, decoded and resized as a stream."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from reproof.data.content import Content
from reproof.data.registry import Request, source
from reproof.storage.files import Array, ReproofError
from reproof.storage.home import expand_home

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
CHUNK = 256  # images in memory at a time
UNDECODABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)
Files = Sequence[tuple[str, ...]]  # the images' paths, class by class


@source()
def imagefolder(request: Request) -> Content:
    """Return images of folder/train/class/ and folder/val/class/ (or test/): RGB, shorter side resized, centre cropped.

    The validation images serve as the test set, as is usual with ImageNet, whose test labels are not public. Classes
    are the folders' names in alphabetical order, equal in both parts. Raises ReproofError without a folder, a size,
    classes or images.
    """
    folder, size = _read_settings(request)
    parts = [folder / "train", folder / "val" if (folder / "val").is_dir() else folder / "test"]
    classes, test_classes = map(_list_classes, parts)
    # A class's label is its place in the list, so the lists must be equal.
    if classes != test_classes:
        differing = ", ".join(sorted(set(classes) ^ set(test_classes))[:5])
        raise ReproofError(
            f"{parts[1]}: its classes differ from those of {parts[0]} ({differing}), expected the same in both; "
            "add or remove folders, or name another folder in data.imagefolder of config/config.yaml"
        )
    train, test = ([_list_images(part / name) for name in classes] for part in parts)
    return Content(
        label=f"images of {folder.name} at {size}x{size}",
        classes=classes,
        shape=(3, size, size),
        train_labels=_make_labels(train),
        test_labels=_make_labels(test),
        train_images=_decode_chunks(train, size, request.threads),
        test_images=_decode_chunks(test, size, request.threads),
    )


def _read_settings(request: Request) -> tuple[Path, int]:
    """Return folder and size of the images in pixels; raise ReproofError if one is missing."""
    if request.folder is None:
        raise ReproofError("imagefolder: no folder of images is named; set data.imagefolder in config/config.yaml")
    if request.image_size is None or request.image_size < 1:
        raise ReproofError(
            f"imagefolder: the images' size is {request.image_size}, expected pixels such as 224; "
            "set data.image_size in config/config.yaml"
        )
    return expand_home(request.folder, "data.imagefolder"), request.image_size


def _list_classes(part: Path) -> list[str]:
    """Return the names of the folders of classes, sorted."""
    try:
        classes = sorted(entry.name for entry in os.scandir(part) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise _make_error(part, f"cannot be read ({error.strerror})") from error
    if not classes:
        raise _make_error(part, "holds no folders of classes")
    return classes


def _list_images(folder: Path) -> tuple[str, ...]:
    """Return the paths of the images in a folder, sorted."""
    try:
        # Sorted: the order in which a file system lists names varies.
        files = tuple(sorted(entry.path for entry in os.scandir(folder) if entry.name.lower().endswith(SUFFIXES)))
    except OSError as error:
        raise _make_error(folder, f"cannot be read ({error.strerror})") from error
    if not files:
        raise _make_error(folder, "holds no images")
    return files


def _make_labels(files: Files) -> Array:
    """Return the class of each image: int64 [N]."""
    return np.repeat(np.arange(len(files)), [len(names) for names in files]).astype(np.int64)


def _decode_chunks(files: Files, size: int, threads: int) -> Iterator[Array]:
    """Yield the images uint8 [n, 3, size, size], chunk by chunk and in order."""
    paths = [path for names in files for path in names]
    # Threads suffice: Pillow releases the interpreter's lock while it decodes.
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(paths), CHUNK):
            yield np.stack(list(pool.map(lambda path: _decode(path, size), paths[start : start + CHUNK])))


def _decode(path: str, size: int) -> Array:
    """Return one image as uint8 [3, size, size]: shorter side resized (bilinear), centre cropped."""
    try:
        with Image.open(path) as file:
            image = file.convert("RGB")
    except UNDECODABLE as error:
        raise ReproofError(f"{path}: not a whole image ({_join_lines(error)}); replace or remove it") from error
    shorter = min(image.size)
    # Integer arithmetic: the shorter side is exactly `size`.
    width, height = (size * side // shorter for side in image.size)
    left, top = round((width - size) / 2), round((height - size) / 2)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized.crop((left, top, left + size, top + size))).transpose(2, 0, 1)


def _join_lines(error: Exception) -> str:
    """Return an error's text in one line."""
    return " ".join(str(error).split())


def _make_error(path: Path, what: str) -> ReproofError:
    """Return the error of a folder that is not laid out as expected."""
    return ReproofError(
        f"{path}: {what}, expected train/ and val/ (or test/), each with one folder of images a class; "
        "set data.imagefolder in config/config.yaml to such a folder"
    )
