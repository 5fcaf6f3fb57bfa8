"""A bit flipped or a tail cut in any kind of file: refused by name, repaired by the command in the message."""

import os
import shlex
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from reproof.provenance.records import sha256

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
    """Damage a file, let Snakemake plan, restore the file with its times; return the one line that refuses it."""
    content, times = (workspace / path).read_bytes(), (workspace / path).stat()
    (workspace / path).write_bytes(damage(content))
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
