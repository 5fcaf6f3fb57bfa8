"""What surrounds the work of every rule: the manners of its process, its log, its record."""

import ctypes
import gc
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from reproof.execution.job_log import logged
from reproof.provenance.records import Record, write_record
from reproof.registry import changes_no_result

PR_SET_PDEATHSIG = 1
RARELY = (200_000, 50, 100)  # garbage collected as often as usual makes importing torch take an eighth longer


@changes_no_result
@contextmanager
def job(rule: Any, *packages: str) -> Iterator[Record]:
    """Do a rule's work in the body; `rule` has its `input`, `output`, `params` and `log`.

    What the body prints goes to the rule's log as well, and its record, with the versions of `packages`, is written
    when it is done. The body may add facts to the mapping that it is given, and must be all that the script does.
    """
    _die_with_parent()
    gc.set_threshold(*RARELY)
    record = rule.output.record
    about = {"settings": rule.params.settings, "code": rule.params.code, "inputs": rule.input, "packages": packages}
    outputs = [one for one in rule.output if one != record]
    with logged(rule.log[0]), write_record(record, outputs=outputs, **about) as facts:
        yield facts
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)  # everything is written; taking torch down again would cost a third of a second


def _die_with_parent() -> None:
    """Let Linux kill this process when Snakemake is killed: an orphan must not go on writing."""
    with suppress(AttributeError, OSError, TypeError):  # not Linux
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
