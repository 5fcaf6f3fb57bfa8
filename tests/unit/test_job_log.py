"""What a failing job says: a mistake in one line, a surprise with its traceback, on the terminal and in the log."""

import subprocess
import sys
import textwrap

import pytest
from workspace import ROOT

from reproof.execution.job_log import Tee, log_output
from reproof.storage.files import ReproofError


def run(tmp_path, body):
    """Run a body under `log_output` in a process of its own; return (exit code, terminal, log)."""
    script = tmp_path / "script.py"
    script.write_text(
        "from reproof.execution.job_log import log_output\nfrom reproof.storage.files import ReproofError\n"
        + f"with log_output({str(tmp_path / 'logs' / 'job.log')!r}):\n"
        + textwrap.indent(textwrap.dedent(body), "    ")
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.stdout == "", "a job speaks on stderr, so that what Snakemake prints stays apart"
    return done.returncode, done.stderr, (tmp_path / "logs" / "job.log").read_text()


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


def test_what_a_job_prints_is_on_the_terminal_and_in_its_log(tmp_path):
    code, terminal, log = run(tmp_path, "import sys; print('step 1'); print('careful', file=sys.stderr)")
    assert (code, terminal, log) == (0, "step 1\ncareful\n", "step 1\ncareful\n")


def test_a_mistake_is_one_line_in_both_places_and_exit_code_1(tmp_path):
    code, terminal, log = run(tmp_path, "raise ReproofError('a.yaml: lr: too high')")
    assert (code, terminal, log) == (1, "error: a.yaml: lr: too high\n", "error: a.yaml: lr: too high\n")


def test_a_surprise_leaves_its_traceback_in_both_places(tmp_path):
    code, terminal, log = run(tmp_path, "[][1]")
    assert code == 1
    assert terminal == log
    assert log.startswith("Traceback (most recent call last):")
    assert log.endswith("IndexError: list index out of range\n")


def test_a_failed_import_is_logged_as_well(tmp_path):
    code, _, log = run(tmp_path, "import reproof.no_such_module")
    assert code == 1
    assert "No module named 'reproof.no_such_module'" in log


def test_the_log_can_be_read_while_the_job_runs(tmp_path):
    with log_output(tmp_path / "job.log"):
        print("under way", end="")
        assert (tmp_path / "job.log").read_text() == "under way"


def test_the_streams_are_given_back(tmp_path, capsys):
    before = sys.stdout, sys.stderr
    with pytest.raises(SystemExit) as caught, log_output(tmp_path / "job.log"):
        raise ReproofError("x")
    assert caught.value.code == 1
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().err == "error: x\n"


def test_libraries_may_ask_the_stream_whether_it_is_a_terminal():
    assert Tee(sys.stderr).isatty() is False
