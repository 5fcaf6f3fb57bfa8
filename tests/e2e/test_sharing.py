"""Publishing and pulling: nothing stale goes out, what comes in is used as it is, faults on the way lose nothing."""

import os
import shutil
import subprocess

import pytest
from serving import Quiet, flip, replace, served
from workspace import SMOKE_FIGURES

SMOKE = "config/scales/smoke.yaml"
FIGURES = {"draw_figure": SMOKE_FIGURES, "build_gallery": 1}
PUBLISH = "make -o install publish"


@pytest.fixture(scope="module")
def original(smoke, tmp_path_factory):
    """The finished smoke run in a repository of its own, in which only the smoke scale is to be published."""
    workspace = smoke.copy(tmp_path_factory.mktemp("original") / "reproof")
    workspace.edit("config/config.yaml", "scale: demo ", "scale: smoke ")
    for scale in ("demo", "mnist"):
        text = (workspace / f"config/scales/{scale}.yaml").read_text()
        lines = [line for line in text.splitlines(keepends=True) if not line.startswith("publish:")]
        (workspace / f"config/scales/{scale}.yaml").write_text("".join(lines))
    with (workspace / SMOKE).open("a") as file:
        file.write("publish: {lottery_ticket: [lenet]}\n")
    workspace.commit("code")
    return workspace


@pytest.fixture(scope="module")
def published(original):
    """The same, published and committed."""
    ran = original.shell(PUBLISH)
    ran.check()
    assert "published: smoke, " in ran.text
    original.commit("published")
    return original


@pytest.fixture
def clone(published, tmp_path):
    """A clone in which nothing has been pulled yet."""
    published.shell(f"git clone -q . {tmp_path}/clone").check()
    return published.at(tmp_path / "clone")


def objects(workspace):
    """Return the objects of the embedded remote, the largest first."""
    files = [path for path in (workspace / "dvcstore").rglob("*") if path.is_file()]
    return sorted(files, key=lambda path: -path.stat().st_size)


def on_disk(paths):
    """Return the bytes that files and folders take, each of them whole pages."""
    return sum(-(-max(path.lstat().st_size, 1) // 4096) * 4096 for path in paths)


def largest_result(workspace):
    """Return the relative path of the dense checkpoint: the largest file that was published."""
    (path,) = [path for path in workspace.find("checkpoint.safetensors") if "dense" in path.parts]
    return path


def test_a_clone_pulls_draws_the_figures_and_trains_nothing(published, clone):
    clone.shell("dvc pull -q").check()
    assert clone.planned("results/figures/all") == FIGURES
    clone.snakemake("results/figures/all")
    assert clone.planned("results/figures/all") == {}
    for table in ("measurements", "curves", "movement", "verdicts"):
        path = f"results/tables/smoke/lottery_ticket/{table}.parquet"
        assert (clone / path).read_bytes() == (published / path).read_bytes()
    for path in clone.find("*.parquet"):
        assert (clone / path).read_bytes() == (published / path).read_bytes(), path
    assert (clone / largest_result(published)).read_bytes() == (published / largest_result(published)).read_bytes()


def test_a_download_without_git_can_pull(published, tmp_path):
    """As an archive that a site offers: it holds the remote, and no repository."""
    published.shell(f"mkdir {tmp_path}/download && git archive HEAD | tar -x -C {tmp_path}/download").check()
    download = published.at(tmp_path / "download")
    download.shell("make -o install pull").check()
    assert download.planned("results/figures/all") == FIGURES
    ran = download.shell(PUBLISH)
    assert ran.code != 0
    assert "is no repository that git can read" in ran.line("error:")


def test_what_the_lock_says_is_what_lies_there(clone):
    clone.shell("dvc pull -q").check()
    assert "up to date" in clone.shell("dvc status").text
    with (clone / "reproof/training/schedule.py").open("a") as file:
        file.write("\nUNUSED = 1\n")
    assert "reproof" in clone.shell("dvc status").text, "code is newer than results"


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("reproof/training/schedule.py", "settings.warmup", "settings.warmup + 0", "is not committed"),
        (SMOKE, "[lenet]", "[lenet, lenet_5]", "publish.lottery_ticket: 'lenet_5' is unknown"),
        (SMOKE, "steps: 60", "steps: 61", "results of scale smoke are stale or not made; make them with: snakemake"),
    ],
)
def test_publishing_is_refused_in_one_line(original, tmp_path, name, old, new, told):
    workspace = original.copy(tmp_path / "reproof")
    text = (workspace / name).read_text()
    (workspace / name).write_text(text.replace(old, new, 1))
    if told != "is not committed":
        workspace.commit("changed")
    ran = workspace.shell(PUBLISH)
    assert ran.code != 0
    assert told in ran.line("error:")
    assert "Traceback" not in ran.text


def test_a_damaged_result_is_not_published(original, tmp_path):
    workspace = original.copy(tmp_path / "reproof")
    replace(workspace / largest_result(workspace), flip)
    assert f"{largest_result(workspace)}: is damaged" in workspace.shell(PUBLISH).line("error:")


def test_more_than_the_remote_has_room_for_is_not_published(original, tmp_path):
    workspace = original.copy(tmp_path / "reproof")
    workspace.edit("reproof/publishing/publication.py", "LIMIT_MB = 20", "LIMIT_MB = 1")
    workspace.commit("less room")
    told = workspace.shell(PUBLISH).line("error:")
    assert "MB are more than the 1 MB of the embedded remote; the largest are results/dense/lenet" in told


def test_what_is_published_without_the_results_that_do_not_travel_is_remembered_to_be_whole(original, tmp_path):
    """Controls and movements may have been deleted: Snakemake remembers them, so that a pull trains nothing."""
    workspace = original.copy(tmp_path / "reproof")
    for folder in ("controls", "movement"):
        shutil.rmtree(workspace / "results" / folder)
    ran = workspace.shell(PUBLISH)
    ran.check()
    assert "published: smoke, " in ran.text


def test_what_a_pull_would_make_again_is_not_published(published, tmp_path):
    """What Snakemake remembers of the controls is lost with them: once pulled, they would be trained again."""
    workspace = published.copy(tmp_path / "reproof")
    shutil.rmtree(workspace / "results/controls")
    workspace.edit("reproof/publishing/publication.py", "plan.list_upstream(paper)", "()")
    workspace.commit("nothing is remembered")
    ran = workspace.shell(PUBLISH)
    assert ran.code != 0
    told = ran.line("error:")
    assert "results of scale smoke, once pulled, would be made again (" in told and "train_control" in told
    workspace.shell(told.partition("undo this with: ")[2]).check()
    assert not workspace.shell("git status --porcelain").text.strip()


@pytest.mark.parametrize("damage", [flip, lambda content: content[:-100]], ids=["a bit", "the tail"])
def test_a_damaged_object_is_refused_and_a_sound_one_goes_on(clone, damage):
    """The rest is pulled; the folder that needs it is named and stays away, until the object is mended."""
    largest = objects(clone)[0]
    largest.chmod(0o644)
    replace(largest, damage)
    ran = clone.shell("dvc pull")
    assert ran.code == 1
    assert "Checkout failed for following targets:\nresults/dense/" in ran.text
    assert not list((clone / "results/dense").rglob("checkpoint.safetensors"))
    clone.shell("git checkout -q dvcstore && dvc pull -q").check()
    assert clone.planned("results/figures/all") == FIGURES


def test_an_object_damaged_in_the_cache_is_seen_by_the_guard(clone):
    """DVC itself does not look again at what it has fetched."""
    clone.shell("dvc pull -q").check()
    path = largest_result(clone)
    replace(clone / path, flip)
    error = clone.snakemake("-n", "results/figures/all", code=1).line("error:")
    assert error.startswith(f"error: {path}: is damaged or was edited")
    (clone / path).unlink()
    clone.shell("dvc checkout -q").check()
    assert clone.planned("results/figures/all") == FIGURES


class Dying(Quiet):
    """Answers thirty requests, then hangs up in the middle of each file."""

    answered = 0

    def do_GET(self):
        Dying.answered += 1
        if Dying.answered <= 30:
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.wfile.write(b"12345")


def test_a_pull_whose_connection_is_lost_goes_on(published, clone):
    shutil.rmtree(clone / "dvcstore")
    with served(published / "dvcstore", Dying) as address:
        clone.shell(f"dvc remote add -q -d web {address} && dvc remote modify web verify true").check()
        ran = clone.shell("dvc pull -j 1")
    assert ran.code != 0
    assert "ERROR: failed to transfer" in ran.text
    had = len([path for path in (clone / ".dvc/cache").rglob("*") if path.is_file()])
    assert had > 10, "what came whole is kept"
    with served(published / "dvcstore") as address:
        clone.shell(f"dvc remote modify -q web url {address} && dvc pull -q").check()
    assert clone.planned("results/figures/all") == FIGURES


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_disk_that_fills_up_in_a_pull_loses_nothing(published, tmp_path):
    """The clone and half of what is pulled fit; with room it goes on."""
    folder = tmp_path / "small"
    folder.mkdir()
    published.shell(f"git clone -q . {tmp_path}/measured").check()
    needed, pulled = on_disk((tmp_path / "measured").rglob("*")), on_disk(objects(published))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={needed + pulled // 2 + 2**19}", "tmpfs", str(folder)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount")
    try:
        published.shell(f"git clone -q . {folder}/clone").check()
        clone = published.at(folder / "clone")
        ran = clone.shell("dvc pull")
        assert ran.code != 0
        assert "No space left on device" in ran.text
        subprocess.run(["mount", "-o", f"remount,size={needed + 8 * pulled + 20 * 2**20}", str(folder)], check=True)
        clone.shell("dvc pull -q").check()
        assert clone.planned("results/figures/all") == FIGURES
    finally:
        subprocess.run(["umount", str(folder)], check=True)
