"""Tests of the bench: it runs all parts, pairs the times of ratios, and draws bounds and curves."""

import importlib
import os
import runpy
import subprocess
import sys

import pytest
from workspace import ROOT

from bench.__main__ import PARTS, main
from bench.demo import TRACING
from bench.drawing import draw
from bench.memory import measure_peak
from bench.rows import Row, compute_rate, compute_ratio, summarise_repeats


def test_every_part_is_measured_by_default():
    found = {path.stem for path in (ROOT / "bench").glob("*.py") if "\ndef measure(" in path.read_text()}
    assert set(PARTS) == found
    assert len(PARTS) == len(found)


def test_the_demo_is_traced_by_a_file_that_python_imports_at_its_start():
    assert (TRACING / "sitecustomize.py").is_file()


def test_an_unknown_part_is_named_in_the_error(capsys):
    with pytest.raises(SystemExit, match="bench has no part 'stepps'; choose from steps, "):
        main(["stepps"])


def test_a_ratio_is_the_median_over_pairs_of_times():
    row = compute_ratio("ours over theirs", [1, 2, 9], [2, 2, 3], "at most 1.5", curve="c", line="l", axis="a", at=0.1)
    assert row == Row("ours over theirs", 1.0, "at most 1.5", 0.5, 3.0, "c", "l", "a", 0.1)
    assert compute_rate("steps", [0.5, 0.25, 2], "steps/s", count=3)[1:5] == (6.0, "steps/s", 1.5, 12.0)
    with pytest.raises(ValueError, match="shorter"):
        compute_ratio("uneven", [1, 2], [1])


def test_the_picture_has_a_line_for_each_bound_and_a_panel_for_each_curve(tmp_path):
    rows = [
        summarise_repeats("kept bound", [0.1, 0.2, 0.3], "at most 0.25"),
        Row("missed bound", 0.5, "share, at least 0.65"),
        Row("no bound", 3.0, "s"),
        *(
            summarise_repeats(f"{x}", [x, 2 * x, 3 * x], "ratio", curve="cost", line="LeNet", axis="kept", at=x)
            for x in (0.1, 1)
        ),
    ]
    figure = draw(rows, tmp_path / "bench.png")
    bounds, curve = figure.axes
    assert [one.get_text() for one in bounds.get_yticklabels()] == ["missed bound", "kept bound"]
    assert "0.2  (at most 0.25)" in [one.get_text() for one in bounds.texts]
    assert (curve.get_xlabel(), curve.get_ylabel()) == ("kept", "cost")
    assert [one.get_text() for one in curve.get_legend().get_texts()] == ["LeNet"]
    (line,) = (one for one in curve.lines if len(one.get_xdata()) == 2 and one.get_marker() == "o")
    assert line.get_ydata().tolist() == pytest.approx([0.2, 2.0])
    assert (tmp_path / "bench.png").stat().st_size > 1000


def test_peak_memory_excludes_the_parent_process():
    """The bench process itself holds more memory at this point."""
    held = b"x" * 300_000_000
    assert 0.005 < measure_peak("pass") < 0.1
    assert 0.2 < measure_peak("held = bytearray(200_000_000)") < 0.3
    assert held[-1] == ord("x")


SCRIPT = """
from reproof.storage.checkpoints import read_checkpoint
from reproof.storage.files import read_json, write_json
write_json("made.json", 1)
read_json("made.json")
try:
    read_checkpoint("none.safetensors")  # calls read_tensors itself, which must count once
except Exception:
    pass
"""


@pytest.mark.parametrize(("place", "lines"), [(".snakemake/scripts", ["writing", "reading", "reading"]), ("other", [])])
def test_a_job_of_a_demo_run_writes_its_spans_and_another_process_does_not(tmp_path, place, lines):
    script = tmp_path / place / "job.py"
    script.parent.mkdir(parents=True)
    script.write_text(SCRIPT)
    spans = tmp_path / "spans"
    spans.mkdir()
    paths = f"{ROOT / 'bench/tracing'}:{ROOT}"
    environment = os.environ | {"PYTHONPATH": paths, "REPROOF_BENCH": str(spans)}
    subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, check=True)
    written = [line.split() for path in spans.iterdir() for line in path.read_text().splitlines()]
    assert [what for what, _ in written if what != "importing"] == lines
    assert any(what == "importing" for what, _ in written) == bool(lines)
    assert all(0 < float(seconds) < 10 for _, seconds in written)


def test_every_traced_function_exists():
    """The bench would silently stop counting a function that is renamed in the library."""
    traced = runpy.run_path(str(ROOT / "bench/tracing/sitecustomize.py"))
    for which in ("READING", "WRITING"):
        for module, names in traced[which].items():
            for name in names:
                assert callable(getattr(importlib.import_module(module), name)), (module, name)
