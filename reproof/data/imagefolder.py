"""Images of the user, for example ImageNet: a folder of classes, decoded and resized as a stream."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from reproof.data.content import Content
from reproof.data.pictures import SUFFIXES, decode_picture
from reproof.data.registry import Request, source
from reproof.storage.files import Array, ReproofError, is_of_system
from reproof.storage.places import expand_folder
from reproof.storage.reading import show

CHUNK = 256  # images in memory at a time
Files = Sequence[tuple[str, ...]]  # the images' paths, class by class


@source()
def imagefolder(request: Request) -> Content:
    """Return images of folder/train/class/ and folder/val/class/ (or test/): RGB, shorter side resized, centre cropped.

    The validation images serve as the test set, as is usual with ImageNet, whose test labels are not public. Classes
    are the folders' names in alphabetical order, equal in both parts. `reproof.data.pictures` states how each kind of
    image is converted. Raises ReproofError without a folder, a size, classes or images.
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
    _say_what_is_left_out([part / name for part in parts for name in classes], [*train, *test])
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
    folder = expand_folder(request.folder, "data.imagefolder in config/config.yaml")
    _check_printable(folder)
    return folder, request.image_size


def _list_classes(part: Path) -> list[str]:
    """Return the names of the folders of classes, sorted."""
    try:
        classes = sorted(entry.name for entry in os.scandir(part) if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise _make_error(part, f"cannot be read ({error.strerror})") from error
    if not classes:
        raise _make_error(part, "holds no folders of classes")
    for name in classes:
        _check_printable(part / name)
    return classes


def _check_printable(folder: Path) -> None:
    """Raise ReproofError if a name, which data sets and pages will show, is not printable text."""
    if (shown := show(folder.name)) != folder.name:
        raise ReproofError(f"{show(folder.parent)}/{shown}: this name is not printable Unicode; rename the folder")


def _list_images(folder: Path) -> tuple[str, ...]:
    """Return the paths of the images in a folder, sorted."""
    try:
        # Sorted: the order in which a file system lists names varies.
        files = tuple(sorted(entry.path for entry in os.scandir(folder) if _is_image(entry.name)))
    except OSError as error:
        raise _make_error(folder, f"cannot be read ({error.strerror})") from error
    if not files:
        raise _make_error(folder, "holds no images")
    return files


def _is_image(name: str) -> bool:
    """Return whether a name is that of an image; "._" is how macOS begins the names of files about files."""
    return name.lower().endswith(SUFFIXES) and not name.startswith("._")


def _say_what_is_left_out(folders: Sequence[Path], files: Files) -> None:
    """Print how many entries of the folders of classes are no images by their names: they may be meant as images."""
    others = [
        str(entry)
        for folder, images in zip(folders, files, strict=True)
        if len(images) < len(entries := os.listdir(folder))
        for entry in (folder / name for name in entries)
        if not _is_image(entry.name) and not is_of_system(entry)
    ]
    if others:
        print(
            f"{show(min(others))}: left out, as its name ends with none of {', '.join(SUFFIXES)} ({len(others)} of the "
            "folders of classes in all); convert it, or move it elsewhere"
        )


def _make_labels(files: Files) -> Array:
    """Return the class of each image: int64 [N]."""
    return np.repeat(np.arange(len(files)), [len(names) for names in files]).astype(np.int64)


def _decode_chunks(files: Files, size: int, threads: int) -> Iterator[Array]:
    """Yield the images uint8 [n, 3, size, size], chunk by chunk and in order; print how many EXIF would rotate."""
    paths = [path for names in files for path in names]
    turned: list[str] = []
    # Threads suffice: Pillow releases the interpreter's lock while it decodes.
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(paths), CHUNK):
            chunk = paths[start : start + CHUNK]
            pictures = list(pool.map(lambda path: decode_picture(path, size), chunk))
            turned += [path for path, picture in zip(chunk, pictures, strict=True) if picture.turned]
            yield np.stack([picture.pixels for picture in pictures])
    if turned:
        print(
            f"{show(turned[0])}: EXIF asks for a rotation of this image ({len(turned)} of {len(paths)} in all), which "
            "is not applied, as in torchvision; rotate the pixels in the files if they should be upright"
        )


def _make_error(path: Path, what: str) -> ReproofError:
    """Return the error of a folder that is not laid out as expected."""
    return ReproofError(
        f"{show(path)}: {what}, expected train/ and val/ (or test/), each with one folder of images a class; "
        "set data.imagefolder in config/config.yaml to such a folder"
    )
