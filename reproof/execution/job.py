"""The frame of every rule: the settings of its process, its log, its record."""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from reproof.execution.job_log import log_output
from reproof.provenance.records import Record, write_record
from reproof.registry import changes_no_result

PR_SET_PDEATHSIG = 1
RARELY = (200_000, 50, 100)  # with the default thresholds of garbage collection, importing torch takes an eighth longer


@changes_no_result
@contextmanager
def run_job(rule: Any, *packages: str) -> Iterator[Record]:
    """Run the work of a rule in the body; `rule` has `input`, `output`, `params` and `log`.

    Prints of the body go to the terminal and to the log of the rule. After the body, the record is written, with the
    versions of `packages`. The body gets a mapping that holds the hashes of its inputs, and may add facts to it. The
    process ends after the body.
    """
    _open_closed_streams()
    _die_with_parent()
    gc.set_threshold(*RARELY)
    record = rule.output.record
    about = {"settings": rule.params.settings, "code": rule.params.code, "inputs": rule.input, "packages": packages}
    outputs = [one for one in rule.output if one != record]
    with log_output(rule.log[0]), write_record(record, outputs=outputs, **about) as facts:
        yield facts
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more; the result is whole
            stream.flush()
    os._exit(0)  # everything is written; the shutdown of torch would cost a third of a second


def _open_closed_streams() -> None:
    """Lead standard streams that were closed before the start into nothing.

    The next file that is opened would get the number of a closed stream, and with it what libraries print there.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number, which is this one
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (for the whole process)


def _die_with_parent() -> None:
    """Ask Linux to kill this process when Snakemake is killed: an orphan must not write on."""
    with suppress(AttributeError, OSError, TypeError):  # not Linux
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
