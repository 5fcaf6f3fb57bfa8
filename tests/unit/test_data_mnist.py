"""The real MNIST from mirrors, a folder or a loopback server, and the messages for wrong files."""

import gzip
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from serving import (
    IMAGES,
    LABELS,
    SHARED,
    Forbidding,
    Quiet,
    Short,
    closed_port,
    flip,
    message,
    needs_shared,
    replace,
    served,
)

from reproof.data import transfer as transfers
from reproof.data.dataset import load_dataset
from reproof.data.fetch import fetch_dataset
from reproof.data.mirror import Mirror


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """Return a folder that mirrors the real MNIST; a test replaces one of its files."""
    folder = tmp_path / "mirror"
    (folder / "mnist").mkdir(parents=True)
    for file in (SHARED / "mnist").iterdir():
        (folder / "mnist" / file.name).symlink_to(file)
    return folder


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
        (IMAGES, lambda _: gzip.compress(b"")[:10] + b"\xff" * 100),
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
    monkeypatch.setattr(transfers, "PATIENCE_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        assert "cannot be fetched (timed out: nothing came for 0.2 s)" in message(
            tmp_path, "cifar10", f"http://127.0.0.1:{silent.getsockname()[1]}"
        )
    assert time.monotonic() - start < 2


@pytest.mark.parametrize(("handler", "reason"), [(Short, "5 bytes read, 995 more expected"), (Forbidding, "403")])
def test_names_an_address_that_answers_wrongly(tmp_path: Path, handler: type[Quiet], reason: str) -> None:
    with served(tmp_path, handler) as address:
        found = message(tmp_path, "mnist", address)
    assert "cannot be fetched" in found
    assert reason in found


@pytest.mark.parametrize("place", ["https://host/data", "https://host/data/", "/data/mirror", "/data/mirror/"])
def test_address_of_a_file_has_one_slash_before_it(place: str) -> None:
    assert Mirror(place).locate("mnist/a.gz") == f"{place.removesuffix('/')}/mnist/a.gz"
