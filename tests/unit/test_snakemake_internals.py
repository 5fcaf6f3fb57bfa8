"""What is used of Snakemake's internals is there, in the version that it was written for, and does what is expected."""

import inspect
import os
import sys
from importlib.metadata import version
from types import SimpleNamespace

import pytest
from snakemake.api import Workflow
from snakemake.persistence.file import FilePersistence
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.script import PythonScript
from snakemake.shell import shell

from reproof.provenance.snakemake_internals import (
    decode_entry,
    locate_entry,
    plan_without_rate_limit,
    prepare_jobs,
    quote_interpreter,
)

WRITTEN_FOR = "9.27.1"
NAMES = {
    "shell._process_args": lambda: isinstance(shell._process_args, dict),
    "PythonScript._execute_cmd": lambda: (
        '_execute_cmd(\n            "{py_exec} {fname:q}"' in inspect.getsource(PythonScript.execute_script)
    ),
    "Workflow.overwrite_configfiles": lambda: isinstance(Workflow.overwrite_configfiles, property),
    "Workflow.scheduler": lambda: isinstance(Workflow.scheduler, property),
    "JobScheduler.job_rate_limiter": lambda: "if self.job_rate_limiter is None:" in inspect.getsource(JobScheduler),
    "FilePersistence._record_path": lambda: callable(FilePersistence._record_path),
}
RESULTS = ("results/short.json", "results/" + 30 * "a-long-folder/" + "record.json")


def test_snakemake_has_the_version_that_its_internals_were_read_in():
    found = version("snakemake")
    assert found == WRITTEN_FOR, (
        f"this is Snakemake {found}; reproof/provenance/snakemake_internals.py was written for {WRITTEN_FOR}: "
        "read what it uses in the new version, then change WRITTEN_FOR"
    )


@pytest.mark.parametrize("name", NAMES)
def test_each_private_name_is_there(name):
    try:
        found = NAMES[name]()
    except AttributeError:
        found = False
    assert found, (
        f"Snakemake {version('snakemake')} has no {name} as {WRITTEN_FOR} has it: "
        "change reproof/provenance/snakemake_internals.py"
    )


def test_what_is_prepared_runs_in_each_process_that_snakemake_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(shell, "_process_args", dict(shell._process_args))
    prepare_jobs(shell, lambda: (tmp_path / "parent").write_text(str(os.getppid())))
    shell("true")
    assert (tmp_path / "parent").read_text() == str(os.getpid()), "it ran in the child"


class Quoting(PythonScript):
    """A class of scripts to change, so that Snakemake's own remains as it is."""


@pytest.mark.parametrize(
    "folder", ["plain", "a b", "it's", "$HOME", "semi;colon", "a&b", "(p)", "#", "~", "back`tick`"]
)
def test_a_script_starts_wherever_its_python_lies(folder, tmp_path, monkeypatch):
    python = tmp_path / folder / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setattr(Quoting, "_execute_cmd", PythonScript._execute_cmd)
    quote_interpreter(Quoting)
    quote_interpreter(Quoting)  # a workflow may be read twice in a process
    script = Quoting.__new__(Quoting)
    absent = ("conda_env", "conda_base_path", "container_img", "env_modules", "shadow_dir", "bench_record")
    vars(script).update(dict.fromkeys((*absent, "singularity_args", "runtime_paths")), resources={}, threads=1)
    (tmp_path / "script.py").write_text("import pathlib; pathlib.Path(__file__).with_name('ran').touch()")
    script.execute_script(str(tmp_path / "script.py"))
    assert (tmp_path / "ran").exists()


def test_without_a_rate_limit_the_scheduler_has_none():
    workflow = SimpleNamespace(scheduler=SimpleNamespace(job_rate_limiter=object()))
    plan_without_rate_limit(workflow)
    assert workflow.scheduler.job_rate_limiter is None


@pytest.mark.parametrize("result", RESULTS, ids=["short", "long"])
def test_an_entry_is_where_snakemake_keeps_it_and_names_its_result(tmp_path, result):
    own = FilePersistence.__new__(FilePersistence)
    own._max_len = None
    entry = locate_entry(tmp_path, result)
    assert str(entry) == own._record_path(str(tmp_path), result)
    assert decode_entry(tmp_path, entry) == result
