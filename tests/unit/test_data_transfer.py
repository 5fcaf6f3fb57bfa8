"""Servers that are slow, lie or send too much: each ends in one line, soon, and leaves neither a file nor a secret."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import (
    SHARED,
    Chunked,
    Dripping,
    DrippingHeader,
    Elsewhere,
    Endless,
    Forbidding,
    Garbage,
    Locked,
    Long,
    Looping,
    Quiet,
    Resetting,
    Short,
    closed_port,
    message,
    needs_shared,
    served,
)
from torchvision.datasets import CIFAR10

from reproof.data import sources
from reproof.data import transfer as transfers
from reproof.data.fetch import fetch_dataset
from reproof.data.mirror import Mirror, download
from reproof.data.transfer import TransferError, transfer
from reproof.storage.files import ReproofError

SLOW = "timed out: not complete within 0.5 s"
WRONG = {
    "short": (Short, "5 bytes read, 995 more expected"),
    "long": (Long, "it sends 1,000,000,000,000 bytes or more, expected at most"),
    "endless": (Endless, "bytes or more, expected at most"),
    "endless chunk": (Chunked, SLOW),
    "slow body": (Dripping, SLOW),
    "slow header": (DrippingHeader, SLOW),
    "reset": (Resetting, ""),
    "circle": (Looping, "more than 5 redirects"),
    "another protocol": (Elsewhere, "one that it redirects to, is not valid http"),
    "garbage": (Garbage, "its answer is not valid http"),
    "forbidden": (Forbidding, "HTTP Error 403: Forbidden"),
}


@pytest.fixture(autouse=True)
def deadline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let every transfer end within half a second, and check that it does."""
    monkeypatch.setattr(transfers, "GRACE_S", 0.5)
    monkeypatch.setattr(transfers, "SLOWEST", 1e12)
    start = time.monotonic()
    yield
    assert time.monotonic() - start < 10


@pytest.mark.parametrize(("handler", "reason"), WRONG.values(), ids=WRONG)
def test_a_wrong_mirror_is_one_line(tmp_path: Path, handler: type[Quiet], reason: str) -> None:
    with served(tmp_path, handler) as address:
        found = message(tmp_path, "mnist", address)
        assert found.startswith(f"{address}/mnist/train-images-idx3-ubyte.gz: cannot be fetched (")
    assert reason in found
    assert "; check the network and data.mirror in config/config.yaml" in found
    assert "secret" not in found


@pytest.mark.parametrize(("handler", "reason"), WRONG.values(), ids=WRONG)
def test_a_wrong_download_is_one_line(
    tmp_path: Path,
    handler: type[Quiet],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with served(tmp_path, handler) as address, pytest.raises(ReproofError) as caught:
        monkeypatch.setattr(sources, "ARCHIVE_SIZE", 1 << 20)
        monkeypatch.setattr(CIFAR10, "url", f"{address}/{CIFAR10.filename}")
        fetch_dataset(name="cifar10", output=tmp_path / "out", download_to=tmp_path / "raw")
    assert str(caught.value).startswith(f"{CIFAR10.filename}: cannot be downloaded ({address}")
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert "secret" not in str(caught.value) + capsys.readouterr().err


def test_the_first_question_to_a_slow_mirror_ends_too(tmp_path: Path) -> None:
    with served(tmp_path, DrippingHeader) as address, pytest.raises(ReproofError, match=SLOW):
        Mirror(address).holds("cifar-10-batches-py/data_batch_1")


def test_the_default_deadline_allows_a_slow_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert transfers.GRACE_S + 170_500_000 / transfers.SLOWEST > 0.9 * 3600, "CIFAR-10 at 50 kB/s"
    assert transfers.GRACE_S + 10_000 / transfers.SLOWEST < 120


@pytest.mark.parametrize("size", [0, 1, 99, 100])
def test_a_body_within_the_limit_comes_whole(tmp_path: Path, size: int) -> None:
    (tmp_path / "a").write_bytes(bytes(range(size)))
    with served(tmp_path) as address:
        assert transfer(f"{address}/a", "GET", most=100) == bytes(range(size))
        assert transfer(f"{address}/a", "HEAD", most=0) == b""


def test_a_byte_more_than_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(101))
    with (
        served(tmp_path) as address,
        pytest.raises(TransferError, match="it sends 101 bytes or more, expected at most 1"),
    ):
        transfer(f"{address}/a", "GET", most=100)


def test_another_address_is_tried_after_a_wrong_one(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a").write_bytes(b"hello")
    with served(tmp_path, Looping) as first, served(tmp_path / "files") as second:
        addresses = [f"{first}/a", f"{second}/a"]
        download(tmp_path / "raw", "a", addresses, "5d41402abc4b2a76b9719d911017c592", most=5)
    assert (tmp_path / "raw/a").read_bytes() == b"hello"


SECRETS = [
    "https://user:secret@host/data",
    "http://secret@host/data",
    "HTTPS://user:secret@host/data",
    "http://user:se/cret@host/secret",
    "http://user:secret@[::1/",
    "ftp://user:secret@host/data",
    "https:/user:secret@host/data",
    "user:secret@host:/data",
    "https://host/data?token=secret",
    "https://host/data#secret",
    "https://[host/secret",
    "https://:80/secret",
    "https://ho st/secret",
    "https://host:port/secret",
    "s3://bucket/secret",
    "https:///secret",
]


@pytest.mark.parametrize("place", SECRETS)
@pytest.mark.parametrize("name", ["mnist", "cifar10", "cifar10_jpeg", "mnist_half_1"])
def test_an_address_that_may_hold_a_secret_is_refused_without_a_repetition(
    tmp_path: Path, place: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = message(tmp_path, name, place)
    assert found.startswith("data.mirror in config/config.yaml: ")
    assert "cret" not in found + "".join(capsys.readouterr())


def test_a_password_of_a_proxy_or_a_redirect_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://someone:secret@127.0.0.1:{closed_port()}")
    with pytest.raises(TransferError, match="Connection refused") as caught:
        transfer("http://host.invalid/a", "GET", most=1)
    assert "secret" not in str(caught.value)
    assert str(TransferError("no way to http://someone:secret@host/a")) == "no way to http://host/a"


@needs_shared
def test_a_password_comes_from_netrc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "GRACE_S", 60.0)
    monkeypatch.setenv("HOME", str(tmp_path))
    with served(SHARED, Locked) as address:
        assert "HTTP Error 401" in message(tmp_path, "mnist", address)
        (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password secret\n")
        (tmp_path / ".netrc").chmod(0o600)
        fetch_dataset(name="mnist", output=tmp_path / "data", mirror=address)


@pytest.mark.parametrize("folder", ["~nosuchuser/data", "~nosuchuser"])
def test_a_home_of_nobody_is_one_line(tmp_path: Path, folder: str) -> None:
    assert f"data.mirror in config/config.yaml: {folder}: no such user" in message(tmp_path, "mnist", folder)
    with pytest.raises(ReproofError, match=r"data\.imagefolder in config/config\.yaml: ~nosuchuser.*: no such user"):
        fetch_dataset(name="imagefolder", output=tmp_path / "data", folder=Path(folder), image_size=8)
