"""What this project uses of Snakemake that Snakemake does not document: all of it is here.

A new version of Snakemake may change any of it. `tests/unit/test_snakemake_internals.py` names the version that it was
written for and checks each name. Snakemake's own objects are passed in: the library imports no Snakemake.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAME_MAX = 255  # bytes of a file's name, on every file system that this project was run on


def prepare_jobs(shell: Any, prepare: Callable[[], None] | None) -> None:
    """Let every job that Snakemake starts by its `shell` call `prepare` in its own process, before it begins."""
    shell._process_args["preexec_fn"] = prepare


def quote_interpreter(script: Any) -> None:
    """Let Snakemake's class of Python scripts quote the path of Python in the command of a job.

    Snakemake quotes the name of the script only: if Python lies in a folder with a space in its name, no job starts.
    """
    execute = script._execute_cmd

    def execute_quoted(self: Any, command: str, **values: Any) -> Any:
        return execute(self, command.replace("{py_exec}", "{py_exec:q}"), **values)

    script._execute_cmd = execute_quoted


def plan_without_rate_limit(workflow: Any) -> None:
    """Switch off the limit of jobs per timespan, for which Snakemake selects jobs every second as long as it runs.

    It does so once more for each job that has ended. The scheduler exists from `onstart` on.
    """
    workflow.scheduler.job_rate_limiter = None


def list_config_files(workflow: Any) -> list[Path]:
    """Return the configuration files named by --configfile, which Snakemake has read before the workflow begins."""
    return [Path(file) for file in workflow.overwrite_configfiles or ()]


def locate_entry(folder: Path, result: str) -> Path:
    """Return where Snakemake's file persistence keeps what it knows of a result, below one of its folders.

    The folders are `metadata` and `incomplete` in `.snakemake`. The name is the path in URL-safe base64; a long name is
    cut into folders, each of which starts with "@".
    """
    name = urlsafe_b64encode(os.fsencode(result)).decode()  # of any name that a file may have
    parts = [name[start : start + NAME_MAX - 1] for start in range(0, len(name), NAME_MAX - 1)]
    return folder.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])


def decode_entry(folder: Path, entry: Path) -> str:
    """Return the path of the result that an entry below the folder is about: the inverse of `locate_entry`."""
    return urlsafe_b64decode("".join(part.removeprefix("@") for part in entry.relative_to(folder).parts)).decode()
