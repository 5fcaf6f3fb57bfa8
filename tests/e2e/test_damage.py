"""A bit flipped or a tail cut in any kind of file: refused by name, repaired by the command in the message."""

import json
import os
import shlex
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path

import numpy as np
import pytest

from reproof.provenance.records import seal_record, sha256
from reproof.storage.files import read_json, read_tensors, write_json, write_tensors

FIGURE = "results/figures/smoke/lottery_ticket/figure_4"
KINDS = {  # of the files that fit a pattern the first is damaged
    "data": "results/data/*/data.safetensors",
    "dense checkpoint": "results/dense/*/*/checkpoint.safetensors",
    "ticket checkpoint": "results/tickets/*/*/level1/checkpoint.safetensors",
    "mask": "results/tickets/*/*/level2/mask.safetensors",
    "curves": "results/controls/*/*/*/curves.parquet",
    "movement": "results/movement/*/*/histograms.parquet",
    "table": "results/tables/*/*/measurements.parquet",
    "records of a paper": "results/tables/*/*/runs.json",
    "verdicts": "results/tables/*/*/verdicts.parquet",
    "svg": f"{FIGURE}.svg",
    "png": f"{FIGURE}.png",
    "caption": f"{FIGURE}.json",
    "gallery page": "results/figures/all/index.html",
    "record of a training": "results/dense/*/*/record.json",
    "record of a mask": "results/tickets/*/*/level1/mask.json",
    "record of a figure": f"{FIGURE}.record.json",
    "record of the gallery": "results/figures/all.record.json",
}
REMEMBERED = ("results/dense/*/*/checkpoint.safetensors", "results/tickets/*/*/level1/mask.json", f"{FIGURE}.png")
QUICK = ["mask", "verdicts", "record of a figure"]  # the others take longer


def cut(content):
    return content[: -max(1, len(content) // 10)]


def flip(content):
    """Flip a bit in the middle of a file; in a record, a bit of its wall time, which no other file states."""
    place = content.find(b'"wall_s": ') + 10 if b'"wall_s": ' in content else len(content) // 2
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


DAMAGES = {"a bit flipped": flip, "a tail cut": cut}


@pytest.fixture(scope="module")
def damaged(smoke, tmp_path_factory):
    """A finished smoke run whose files are damaged one at a time, and restored."""
    return smoke.copy(tmp_path_factory.mktemp("damaged") / "reproof")


def one_of(workspace, pattern):
    found = sorted(workspace.folder.glob(pattern))
    assert found, pattern
    return found[0].relative_to(workspace.folder)


def remembered(workspace, pattern):
    """Return where Snakemake keeps what it remembers of a result."""
    name = urlsafe_b64encode(str(one_of(workspace, pattern)).encode()).decode()
    return Path(".snakemake/metadata", name)


def with_damage(workspace, path, damage):
    """Damage a file in place and restore its times; let Snakemake plan, restore the file.

    Return the one line that refuses it.
    """
    content, times = (workspace / path).read_bytes(), (workspace / path).stat()
    (workspace / path).write_bytes(damage(content))
    os.utime(workspace / path, ns=(times.st_atime_ns, times.st_mtime_ns))
    before = stamps(workspace)
    try:
        ran = workspace.snakemake("-n", "results/figures/all", code=1)
        assert stamps(workspace) == before
    finally:
        (workspace / path).write_bytes(content)
        os.utime(workspace / path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert "Traceback" not in ran.text
    return ran.line("error:")


def stamps(workspace):
    files = [path for path in (workspace / "results").rglob("*") if path.is_file()]
    return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in files}


@pytest.mark.parametrize("damage", ["a bit flipped", pytest.param("a tail cut", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_refused_by_name_with_its_remedy(damaged, kind, damage):
    path = one_of(damaged, KINDS[kind])
    error = with_damage(damaged, path, DAMAGES[damage])
    assert error.startswith(f"error: {path}: ")
    assert "mend it with: rm -f " in error
    assert str(path) in shlex.split(error.partition("mend it with: ")[2].partition(";")[0])


@pytest.mark.parametrize("damage", ["a bit flipped", pytest.param("a tail cut", marks=pytest.mark.slow)])
@pytest.mark.parametrize("pattern", REMEMBERED)
def test_damage_to_what_snakemake_remembers_is_refused_as_well(damaged, pattern, damage):
    path = remembered(damaged, pattern)
    error = with_damage(damaged, path, DAMAGES[damage])
    assert str(path) in error
    assert "mend it with: rm -f " in error


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]
)
def test_the_command_that_a_refusal_tells_mends_it(finished, smoke, kind):
    """As typed, whatever the scale in the configuration; figures that show what was made again may be redrawn."""
    path = one_of(finished, KINDS[kind])
    (finished / path).write_bytes(flip((finished / path).read_bytes()))
    error = finished.snakemake("-n", "results/figures/all", code=1).line("error:")
    mended = finished.typed(error.partition("mend it with: ")[2])
    assert mended.code == 0, mended.text
    finished.snakemake("results/figures/all")
    assert finished.planned("results/figures/all") == {}
    for pattern in ("*.parquet", "*.safetensors", "*.svg", "*.png", "*.pdf"):
        files = smoke.find(pattern)
        assert finished.find(pattern) == files
        assert [one for one in files if sha256(finished / one) != sha256(smoke / one)] == []


def test_damage_after_planning_is_refused_by_the_job(finished):
    """What a job reads is compared with its record once more: here the checkpoint is damaged as the run begins."""
    checkpoint = one_of(finished, "results/dense/*/*/checkpoint.safetensors")
    movement = one_of(finished, "results/movement/*/*/metrics.parquet")
    finished.edit("reproof/operations/measure_movement.py", "BINS = 40", "BINS = 41")
    finished.edit("rules/common.smk", "onstart:\n", f"onstart:\n    open({str(checkpoint)!r}, 'ab').write(b'x')\n")
    ran = finished.snakemake(str(movement), code=1)
    assert ran.line("error:").startswith(f"error: {checkpoint}: is damaged or was edited")
    assert "Traceback" not in ran.text
    assert not (finished / movement).exists(), "and nothing is computed from it"


def test_a_damaged_state_is_named_and_the_training_starts_anew(finished, smoke):
    checkpoint = one_of(finished, "results/dense/*/*/checkpoint.safetensors")
    (finished / checkpoint).unlink()
    (finished / checkpoint).with_name("state.dense").write_bytes(cut((smoke / checkpoint).read_bytes()))
    ran = finished.snakemake(str(checkpoint))
    assert "state.dense: is damaged and is not used; the training starts over" in ran.text
    assert sha256(finished / checkpoint) == sha256(smoke / checkpoint)
    assert finished.find("state*") == []


def copy_in_another_dense(workspace):
    """Put another dense checkpoint, with the record of its own, in the place of the one that was trained here."""
    path = one_of(workspace, "results/dense/*/*/checkpoint.safetensors")
    tensors, metadata = read_tensors(workspace / path)
    smaller = {key: one * np.float32(0.9) if one.dtype == np.float32 else one for key, one in tensors.items()}
    write_tensors(workspace / path, smaller, metadata)
    record = read_json(workspace / path.with_name("record.json"))
    record["outputs"][str(path)] = sha256(workspace / path)
    write_json(workspace / path.with_name("record.json"), seal_record(record))
    for file in filter(Path.is_file, (workspace / "results").rglob("*")):
        os.utime(file, (1.7e9, 1.7e9))
    return path


def test_parts_that_do_not_belong_together_are_refused_with_and_without_memory(finished):
    """Each file fits its record and the plan, and all times are equal: only records of what was made from it tell."""
    dense = copy_in_another_dense(finished)
    error = finished.snakemake("-n", "results/figures/all", code=1).line("error:")
    assert error.startswith(f"error: {dense}: not the file that results/controls/")
    shutil.rmtree(finished / ".snakemake")
    assert finished.snakemake("-n", "results/figures/all", code=1).line("error:") == error
    told = [line for line in finished.python("-m", "workflow.verify").text.splitlines() if line.startswith("error:")]
    assert len(told) == 7 and all(line.startswith(f"error: {dense}: not the file that ") for line in told)


def test_after_touching_under_other_code_and_back_only_the_memory_has_to_go(finished):
    """The results are as planned: no checkpoint is to be deleted for what Snakemake remembers wrongly."""
    before, target = stamps(finished), "results/figures/all"
    finished.edit("reproof/operations/measure_movement.py", "BINS = 40", "BINS = 41")
    finished.snakemake("--touch", target)
    finished.edit("reproof/operations/measure_movement.py", "BINS = 41", "BINS = 40")
    error = finished.snakemake("-n", target, code=1).line("error:")
    remedy = error.partition("mend it with: ")[2]
    assert "results/movement/" in error and "results/" not in remedy
    finished.typed(remedy).check()
    assert finished.planned(target) == {}
    assert stamps(finished).keys() == before.keys()


def test_what_a_start_does_not_see_is_seen_by_a_full_verification(finished):
    """A disk that returns another byte leaves size, times and inode: a start trusts the hash that it knows."""
    path = one_of(finished, "results/tickets/*/*/level2/mask.safetensors")
    kept = finished / ".snakemake/reproof_hashes.json"
    assert finished.planned("results/figures/all") == {}, "and the hashes are kept"
    times = (finished / path).stat()
    (finished / path).write_bytes(flip((finished / path).read_bytes()))
    os.utime(finished / path, ns=(times.st_atime_ns, times.st_mtime_ns))
    hashes, stat = json.loads(kept.read_text()), (finished / path).stat()
    recorded = read_json(finished / path.with_name("mask.json"))["outputs"][str(path)]
    hashes[str(path)] = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, recorded]
    kept.write_text(json.dumps(hashes))
    assert finished.planned("results/figures/all") == {}
    ran = finished.shell("make -o install verify")
    assert ran.code != 0
    assert ran.line("error:").startswith(f"error: {path}: is damaged or was edited")
    assert ran.line("error:").endswith(
        f"rm -f {path} {path.with_name('mask.json')}; then run Snakemake again as you did"
    )
    assert f"{path}: is damaged" in finished.snakemake("-n", "results/figures/all", code=1).line("error:")


def test_files_that_are_as_recorded_pass_the_full_verification(smoke):
    ran = smoke.python("-m", "workflow.verify")
    assert (ran.code, ran.text.count("\n")) == (0, 1), ran.text
    assert "all as recorded" in ran.text


@pytest.mark.parametrize("closed", ["2>&-", "2>&- >&-", "<&- 2>&-"])
def test_with_closed_streams_a_result_is_made_and_stays(finished, closed):
    for path in finished.find("figure_4.*"):
        (finished / path).unlink()
    finished.shell(f"snakemake --cores 1 {FIGURE}.svg --config scale=smoke {closed}").check()
    assert len(finished.find("lottery_ticket/figure_4.*")) == 6
