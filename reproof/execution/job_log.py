"""Output of a job, on the terminal and in its log: mistakes of users in one line, other errors with traceback."""

import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO

from reproof.storage.files import ReproofError


class Tee(io.TextIOBase):
    """A text stream that writes to a terminal and to logs and flushes each write: a killed job leaves a complete log.

    The terminal may be gone (closed, or a pipe that nobody reads): a job does not fail for that.
    """

    def __init__(self, terminal: TextIO, *logs: TextIO) -> None:
        self._terminal, self._logs = terminal, logs

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._terminal.write(text)
            self._terminal.flush()
        for log in self._logs:
            log.write(text)
            log.flush()
        return len(text)

    def flush(self) -> None:
        """Do nothing, because every write is flushed."""


@contextmanager
def log_output(path: str | Path) -> Iterator[None]:
    """Copy the output of the body to the file `path`; end the process with exit code 1 on an error.

    A ReproofError becomes one line, `error: ...`. Any other exception is a fault of the program and is printed with
    its traceback.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("w", encoding="utf-8", errors="backslashreplace") as log:
        tee: TextIO = Tee(sys.stderr, log)  # type: ignore[assignment]
        with redirect_stdout(tee), redirect_stderr(tee):
            try:
                yield
            except ReproofError as error:
                print(f"error: {error}")
                sys.exit(1)
            except Exception:
                traceback.print_exc()
                sys.exit(1)
