"""Output of a job, on the terminal and in its log: mistakes of users in one line, other errors with traceback."""

import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

from reproof.storage.files import ReproofError


class Tee(io.TextIOBase):
    """A text stream that writes to several others and flushes each write: a killed job leaves a complete log."""

    def __init__(self, *streams: TextIO) -> None:
        self._streams = streams

    def write(self, text: str) -> int:
        for stream in self._streams:
            stream.write(text)
            stream.flush()
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
