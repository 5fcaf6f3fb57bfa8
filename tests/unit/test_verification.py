"""`make verify` sees every record, wherever links lead, and says so when it cannot."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reproof.provenance.integrity import list_unrecorded, refuse_read_only
from reproof.provenance.memory import Memory
from reproof.provenance.records import read_state, sha256, write_record
from reproof.provenance.verification import Recorded
from reproof.storage.files import ReproofError, write_text
from reproof.storage.reading import list_files_below, list_folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        folder = f"results/dense/{name}"
        with write_record(f"{folder}/record.json", settings="{}", code="c", inputs=[], outputs=[f"{folder}/weights"]):
            write_text(f"{folder}/weights", name)
    write_text("results/dense/two/weights", "damaged")
    return tmp_path


@pytest.fixture
def nobody(here: Path) -> Iterator[None]:
    """Take the rights of a user who owns nothing here: root may read everything."""
    here.chmod(0o755)
    if root := os.geteuid() == 0:
        os.seteuid(65534)
    yield
    if root:
        os.seteuid(0)


def verify() -> tuple[int, list[str]]:
    """Return the number of records, and the first words of each line."""
    recorded = Recorded.read(Path("results"))
    lines = recorded.find_differences(Memory(trusts_kept=False))
    return len(recorded.records), [line.partition(";")[0] for line in lines]


DAMAGED = (
    "results/dense/two/weights: is damaged or was edited: its bytes are not those that "
    "results/dense/two/record.json holds"
)


@pytest.mark.parametrize("linked", ["results", "results/dense", "results/dense/two"])
def test_folders_that_are_links_to_another_disk_are_verified(here: Path, linked: str) -> None:
    (here / linked).rename(here / "disk")
    (here / linked).symlink_to(here / "disk")
    assert verify() == (2, [DAMAGED])


@pytest.mark.parametrize("link", ["results/loop", "results/dense/one/loop", "results/a_loop", "results/dense/loop"])
@pytest.mark.parametrize("to", ["results", "results/dense", "results/dense/one"])
def test_a_link_to_a_folder_of_results_ends_and_counts_once(here: Path, link: str, to: str) -> None:
    (here / link).symlink_to(here / to)
    assert verify() == (2, [DAMAGED])


@pytest.mark.parametrize("kind", ["link to nothing", "file", "pipe", "link to itself"])
def test_results_that_are_no_folder_are_one_line(here: Path, kind: str) -> None:
    """A disk that is not there must not count as results that are all as recorded, or not made yet."""
    (here / "results").rename(here / "away")
    match kind:
        case "link to nothing":
            (here / "results").symlink_to("/mnt/nowhere/results")
        case "file":
            (here / "results").write_text("")
        case "pipe":
            os.mkfifo(here / "results")
        case "link to itself":
            (here / "results").symlink_to("results")
    for look in (verify, lambda: refuse_read_only("results")):
        with pytest.raises(ReproofError, match=r"^results: is no folder, or a link to one that is not here; put the"):
            look()


@pytest.mark.parametrize("mode", [0o000, 0o311, 0o444])
@pytest.mark.parametrize("folder", ["results/dense/two", "results/dense", "results"])
def test_a_folder_that_cannot_be_listed_is_one_line(here: Path, mode: int, folder: str, request) -> None:
    (here / folder).chmod(mode)
    request.getfixturevalue("nobody")
    with pytest.raises(ReproofError, match=rf"^{folder}: cannot be listed \(Permission denied\); mend its rights$"):
        verify()


def test_a_folder_without_rights_is_one_line_at_a_start(here: Path, request) -> None:
    (here / "results/dense/two").chmod(0)
    request.getfixturevalue("nobody")
    with pytest.raises(ReproofError, match="cannot be listed"):
        list(list_unrecorded(Path("results/dense/two"), {}))


@pytest.mark.parametrize("look", [sha256, read_state, Memory().compute_sha256])
@pytest.mark.parametrize("path", ["results/dense/gone", "results/dense/one/weights/x", "x" * 300, "results/\0"])
def test_a_file_that_is_gone_since_it_was_listed_is_one_line(here: Path, look, path: str) -> None:
    with pytest.raises(ReproofError, match=r": cannot be read \(.+\); mend or delete it, and run Snakemake again$"):
        look(path)


def test_what_is_not_there_holds_nothing(here: Path) -> None:
    assert list_folder(here / "none") == list_folder(here / "results/dense/one/weights") == []
    assert list_files_below(here / "none") == []
