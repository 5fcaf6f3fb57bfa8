"""Processes: no job outlives its Snakemake, and no Snakemake starts in a folder where another one runs."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from reproof.storage.files import ReproofError

PR_SET_PDEATHSIG = 1


def bind_to_parent(parent: int) -> Callable[[], None] | None:
    """Return a `preexec_fn` for new processes that makes Linux kill them with `parent`; None on other systems.

    Each job asks for this itself as well, but only half a second later, after Python has started. It could become an
    orphan in between.
    """
    try:
        prctl = ctypes.CDLL(None).prctl
    except (AttributeError, OSError, TypeError):  # not Linux
        return None

    def prepare() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent was killed before the request
            os._exit(1)

    return prepare


def check_no_other_jobs(folder: Path) -> None:
    """Raise ReproofError if a Snakemake or one of its jobs runs in the folder on this machine."""
    for process, what in _find_others(folder):
        raise ReproofError(
            f"{folder}: process {process} is still at work here ({what}); wait for it, or end it: kill {process}"
        )


def _find_others(folder: Path) -> Iterator[tuple[int, str]]:
    # All processes, not only children: the other Snakemake may have been started in another terminal.
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # the process has ended, or belongs to another user
            words = process.cmdline()[:3]
            if any(_belongs_to_snakemake(word) for word in words) and Path(process.cwd()) == folder:
                yield process.pid, " ".join(words)


def _belongs_to_snakemake(word: str) -> bool:
    return Path(word).name == "snakemake" or "/.snakemake/scripts/" in word


if __name__ == "__main__":
    try:
        check_no_other_jobs(Path.cwd())
    except ReproofError as error:
        sys.exit(f"error: {error}")
