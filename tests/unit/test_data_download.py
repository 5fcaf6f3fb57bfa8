"""Download of the real MNIST, with torchvision's addresses on the loopback interface."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import IMAGES, LABELS, SHARED, closed_port, needs_shared, replace, served
from torchvision.datasets import MNIST

from reproof.data import mirror as mirrors
from reproof.data.fetch import fetch_dataset
from reproof.storage.files import ReproofError


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Replace torchvision's list by a dead address and one with the real files, with the MD5 of their wrappers."""
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
    monkeypatch.setattr(mirrors, "transfer", None)
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
