"""The boundary for files that others made: regular files, a bounded number of bytes, and one line for what is wrong.

Whatever a library raises on such a file becomes the one ReproofError that names it.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from reproof.storage.errors import ReproofError

LONGEST_REASON = 300  # characters: a library may repeat the content of a hostile file
MakeError = Callable[[str | Path, str], ReproofError]  # (path, reason)


def make_unreadable_error(path: str | Path, reason: str) -> ReproofError:
    """Return the error for an unreadable file, with the reason and the remedy."""
    return ReproofError(f"{show(path)}: cannot be read ({reason}); delete it and run Snakemake again")


@contextmanager
def guard_reading(path: str | Path, make_error: MakeError = make_unreadable_error) -> Iterator[None]:
    """Turn every exception of the body into the ReproofError of `path`; a ReproofError passes unchanged.

    Libraries document few of the exceptions that a hostile file can cause (MemoryError and RecursionError among them),
    so none is listed here. Keep the body to reading, parsing and checking: its faults count as the file's.
    """
    try:
        yield
    except ReproofError:
        raise
    except Exception as error:
        raise make_error(path, describe_reason(error)) from error


def describe_reason(error: BaseException) -> str:
    """Return the reason of a failure in one short line of printable text."""
    if isinstance(error, OSError) and error.strerror:
        return show(error.strerror)
    text = show(" ".join(str(error).split()))
    kind = type(error).__name__
    whole = text if text and isinstance(error, OSError | ValueError) else f"{kind}: {text}" if text else kind
    return whole if len(whole) <= LONGEST_REASON else f"{whole[:LONGEST_REASON]} ..."


def show(name: str | Path) -> str:
    """Return a name as one line that any stream can print: line feeds, surrogates and controls become escapes."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(name))


def open_regular(path: str | Path) -> BufferedReader:
    """Open a regular file for reading. Raise OSError for anything else: a pipe blocks, `/dev/zero` never ends."""
    # Without O_NONBLOCK, `open` itself waits for the writer of a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return open(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is not a regular file")


def list_folder(folder: Path) -> list[Path]:
    """Return what a folder holds, sorted; nothing if there is none. Raise ReproofError if it cannot be listed."""
    with guard_reading(folder, _make_listing_error):
        try:
            return sorted(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


def list_files_below(folder: Path) -> list[Path]:
    """Return the regular files below a folder, sorted, those in folders that are links as well; each folder once.

    Raises ReproofError if a folder cannot be listed: what is left out would count as sound.
    """
    files: list[Path] = []
    folders, links, seen = [folder], list[Path](), set[str]()
    while folders or links:
        # Links come last, so that a folder has its own path, and a link to a folder around it ends.
        place = folders.pop() if folders else links.pop()
        if (real := os.path.realpath(place)) in seen:
            continue
        seen.add(real)
        with guard_reading(place, _make_listing_error):
            for path in list_folder(place):
                if path.is_dir():
                    (links if path.is_symlink() else folders).append(path)
                elif path.is_file():
                    files.append(path)
    return sorted(files)


def _make_listing_error(folder: str | Path, reason: str) -> ReproofError:
    return ReproofError(f"{show(folder)}: cannot be listed ({reason}); mend its rights")


def check_regular(path: str | Path) -> None:
    """Raise OSError unless `path` is a regular file that can be opened. Call it before a library opens the path."""
    open_regular(path).close()


def read_at_most(file: BinaryIO, most: int) -> bytes:
    """Return the rest of a stream; raise ValueError if it holds more than `most` bytes, without reading on."""
    content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it holds more than {most:,} bytes")
    return content
