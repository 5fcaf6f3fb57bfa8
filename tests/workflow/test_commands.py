"""The commands of workflow/: wrong arguments give one line that shows how the command is typed."""

import os
import shlex
import subprocess
import sys

import pandas as pd
import pytest
from workspace import ROOT

from reproof.storage.files import write_parquet

USAGE = {
    "codes": "python -m workflow.codes SCALE",
    "forecast": "python -m workflow.forecast SCALE",
    "verdicts": "python -m workflow.verdicts PAPER SCALE",
    "vouch": "python -m workflow.vouch COMMIT [SCALE ...]",
}


def run(module, *arguments, folder=ROOT):
    """Return (exit code, text) of a command run in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", f"workflow.{module}", *arguments], cwd=folder, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def test_every_module_of_the_folder_is_tried():
    modules = {path.stem for path in (ROOT / "workflow").glob("*.py")}
    assert modules == {*USAGE, "publish", "verify", "shorten", "start", "command"}


@pytest.mark.parametrize("module", USAGE)
def test_a_command_without_its_arguments_shows_how_it_is_typed(module):
    assert run(module) == (1, f"error: no argument given; type: {USAGE[module]}\n")


def test_a_command_with_too_many_arguments_shows_how_it_is_typed():
    code, text = run("codes", "smoke", "demo")
    assert (code, text) == (1, f"error: 2 arguments given; type: {USAGE['codes']}\n")
    for module in ("publish", "verify"):
        assert run(module, "smoke") == (1, f"error: 1 argument given; type: python -m workflow.{module}\n")


def test_a_module_that_is_no_command_says_so():
    for module in ("shorten", "start"):
        assert run(module)[1].startswith(f"error: python -m workflow.{module}: is no command;")


def test_publishing_outside_a_clone_is_one_line(tmp_path):
    code, text = run("publish", folder=tmp_path)
    assert code == 1 and text.startswith(f"error: {tmp_path}: is no repository that git can read; ")
    assert text.endswith("work in a clone (git clone ...), not in a download\n") and text.count("\n") == 1


def test_make_finds_the_commands_whatever_the_shell_says_of_safe_paths():
    """With PYTHONSAFEPATH, `python -m` looks into no folder of the project."""
    show = "show: ; @python -c 'import os; print(os.environ.get(\"PYTHONSAFEPATH\"))'"
    done = subprocess.run(
        ["make", "--no-print-directory", f"--eval={show}", "show"], cwd=ROOT, env=os.environ | {"PYTHONSAFEPATH": "1"},
        text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout == "None\n"


def test_verdicts_of_a_scale_that_was_not_run_say_how_they_are_made(tmp_path):
    code, text = run("verdicts", "attacks", "mnist", folder=tmp_path)
    path = "results/tables/mnist/attacks/verdicts.parquet"
    command = f"snakemake --cores all --config scale=mnist 'papers=[attacks]' -- {path} or: make pull"
    assert code == 1
    assert text == f"error: {path}: is not there, because it was not run here; make it with: {command}\n"


def test_verdicts_in_a_foreign_table_are_one_line(tmp_path):
    path = tmp_path / "results/tables/mnist/attacks/verdicts.parquet"
    write_parquet(path, pd.DataFrame({"a": [1, 2]}))
    code, text = run("verdicts", "attacks", "mnist", folder=tmp_path)
    assert code == 1 and text.count("\n") == 1
    assert text.startswith("error: results/tables/mnist/attacks/verdicts.parquet: cannot be read (KeyError: ")


def test_a_reader_that_leaves_is_no_fault(tmp_path):
    """As after `| head -1`: the lines that nobody reads are no traceback."""
    program = (
        "from workflow.command import run_command\n"
        "def main():\n    for number in range(100_000):\n        print(number, flush=True)\n"
        "run_command(main, 'usage')"
    )
    command = f"{shlex.quote(sys.executable)} -c {shlex.quote(program)} | head -1"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, text=True, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_an_interrupted_command_ends_without_a_traceback(tmp_path):
    program = (
        "from workflow.command import run_command\nimport os, signal, time\n"
        # A shell starts what runs in the background with interrupts ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def main():\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(60)\n"
        "run_command(main, 'usage')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
