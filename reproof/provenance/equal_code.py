"""Code that was shown to compute the same as earlier code: results of the earlier code stay valid under it.

`python -m workflow.vouch` writes the file, and says in it how equality was shown; nobody writes it by hand.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reproof.storage.files import ROOT, ReproofError, read_json, write_json

FILE = ROOT / "workflow" / "equal_code.json"


@dataclass(frozen=True)
class EqualCode:
    """{fingerprint of code: code that records of its results state}, and statements of how equality was shown."""

    recorded: Mapping[str, str]
    statements: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def read(cls, file: Path = FILE) -> "EqualCode":
        """Read the file; without it no code is equal to any other."""
        if not file.exists():
            return cls({})
        content = read_json(file)
        try:
            statements = tuple(content["statements"])
            return cls({new: old for one in statements for new, old in one["code"].items()}, statements)
        except (KeyError, TypeError, AttributeError) as error:
            raise ReproofError(f"{file}: is not what `python -m workflow.vouch` writes; restore it from git") from error

    def find_code(self, fingerprint: str) -> str:
        """Return what records state as the code of a result: that of the oldest code which computes the same."""
        return self.recorded.get(fingerprint, fingerprint)

    def add_statement(self, *, commit: str, shown_by: str, about: str, code: Mapping[str, str]) -> "EqualCode":
        """Return this with one statement more."""
        new = {"commit": commit, "shown_by": shown_by, "about": about, "code": dict(sorted(code.items()))}
        return EqualCode({**self.recorded, **code}, (*self.statements, new))

    def select(self, fingerprints: Iterable[str]) -> "EqualCode":
        """Return what is still of use: statements about these fingerprints alone."""
        kept = set(fingerprints)
        codes = [{new: old for new, old in one["code"].items() if new in kept} for one in self.statements]
        pairs = zip(self.statements, codes, strict=True)
        statements = tuple({**one, "code": code} for one, code in pairs if code)
        return EqualCode({new: old for new, old in self.recorded.items() if new in kept}, statements)

    def write(self, file: Path = FILE) -> None:
        """Write the file."""
        write_json(file, {"statements": list(self.statements)})
