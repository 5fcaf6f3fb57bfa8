"""What one start finds out for the next: fingerprints of code.

Reading all sources takes longer than the rest of a start, and on a cluster each job starts Snakemake again.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from reproof.files import ReproofError, read_json, write_json
from reproof.provenance import ROOT, Registered, canonical, fingerprint

SOURCES = ("reproof", "workflow/scripts")


@dataclass(frozen=True)
class Fingerprints:
    """What `fingerprint` returned since any source file changed in size, time or place on disk."""

    file: Path = Path(".snakemake/reproof_code.json")
    fresh: dict[str, str] = field(default_factory=dict)

    def of(self, script: str, registered: tuple[Registered, ...] = ()) -> str:
        """Return the fingerprint of a script and of what it picks by name."""
        key = canonical([script, sorted(set(registered))])
        if key not in self.fresh:
            self.fresh[key] = self._kept.get(key) or fingerprint(script, registered)
        return self.fresh[key]

    def keep(self) -> None:
        """Keep them for later starts; one that cannot write reads the sources again."""
        known = self._kept | self.fresh
        if known != self._kept:
            with suppress(ReproofError, OSError):
                write_json(self.file, {"sources": self._sources, "code": known})

    @cached_property
    def _kept(self) -> dict[str, str]:
        try:
            content = read_json(self.file)
            return dict(content["code"]) if content["sources"] == self._sources else {}
        except (ReproofError, TypeError, KeyError, ValueError):
            return {}

    @cached_property
    def _sources(self) -> list[list[str | int]]:
        return state(*(ROOT / place for place in SOURCES))


def state(*places: Path) -> list[list[str | int]]:
    """Return what tells if any file below has changed: an edit that keeps size and time still changes `ctime`."""
    files = ((path, os.stat(path)) for place in places for path in _files(place))
    return [[path, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino] for path, s in sorted(files)]


def _files(place: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (os.path.join(folder, name) for name in names)
