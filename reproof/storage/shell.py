"""Paths in commands to type: on one line, and quoted for the shell."""

import os
import shlex
from collections.abc import Iterable


def quote_paths(paths: Iterable[str | os.PathLike[str]]) -> str:
    """Return paths as words of a command: the shell hands each on as it is, whatever characters it holds.

    >>> quote_paths(["results/a", "my notes (1).txt"])
    "results/a 'my notes (1).txt'"
    """
    return " ".join(_quote(os.fspath(path)) for path in paths)


def _quote(path: str) -> str:
    if path.isprintable():
        return shlex.quote(path)
    # A line break, or a byte that is no text: bash, zsh and ksh read such characters in $'...'.
    plain = (chr(one) if 32 <= one < 127 and chr(one) not in "'\\" else f"\\{one:03o}" for one in os.fsencode(path))
    return f"$'{''.join(plain)}'"
