"""What a job says: on the terminal and in its log at once, mistakes in one line, surprises with their traceback."""

import io
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

from reproof.storage.files import ReproofError


class Tee(io.TextIOBase):
    """A text stream that writes to several others, line by line on disk as well."""

    def __init__(self, *streams: TextIO) -> None:
        self._streams = streams

    def write(self, text: str) -> int:
        for stream in self._streams:
            stream.write(text)
            stream.flush()
        return len(text)

    def flush(self) -> None:
        """Nothing waits: every write is flushed."""


@contextmanager
def log_output(path: str | Path) -> Iterator[None]:
    """Copy what the body prints to the file `path`; end the job with exit code 1 on an error.

    A ReproofError is one line, `error: ...`; anything else is a fault of the program and leaves its traceback.
    """
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with Path(path).open("w", encoding="utf-8") as log:
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
