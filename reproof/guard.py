"""The guard: no result is used whose bytes are not those that its record tells, or whose record is not the plan's.

With its memory (.snakemake/metadata) Snakemake itself reruns what changed; then memory and record must tell the same
story, or one of them came from elsewhere. Without memory, after a clone, it takes whatever lies there for fresh; then
the record must say what the plan says. Both before anything starts.
"""

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from reproof.files import ReproofError, read_json, write_json
from reproof.records import RECORD_FORMAT, Record, damaged, records_in, settings_of, sha256

SHOWN = 3
NAME_MAX = 255


@dataclass(frozen=True)
class Expected:
    """What the record of a result has to say for the result to be the plan's."""

    record: str
    settings: str
    code: str


@dataclass(frozen=True)
class Memory:
    """What Snakemake remembers in its folder, and our hashes of files that have not changed since."""

    folder: Path = Path(".snakemake")
    fresh: dict[str, list[Any]] = field(default_factory=dict)

    def of(self, result: str) -> dict[str, Any] | None:
        """Return what Snakemake remembers of a result, if it does."""
        path = _place(self.folder / "metadata", result)
        return dict(read_json(path)) if path.exists() else None

    def is_incomplete(self, result: str) -> bool:
        """Return whether Snakemake was killed while it made the result: it will make it anew."""
        return _place(self.folder / "incomplete", result).exists()

    def sha256(self, path: str) -> str:
        """Return the hash of a file, computed only if its size, time or place on disk have changed."""
        stat = os.stat(path)
        facts = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        known = self._hashes.get(path, [])
        self.fresh[path] = known if known[:3] == facts else [*facts, sha256(path)]
        return str(self.fresh[path][3])

    def keep(self) -> None:
        """Keep the hashes for the next start, where that is possible."""
        if self.fresh != self._hashes:
            with suppress(ReproofError):
                write_json(self.folder / "reproof_hashes.json", self.fresh)

    @cached_property
    def _hashes(self) -> dict[str, list[Any]]:
        try:
            return dict(read_json(self.folder / "reproof_hashes.json"))
        except (ReproofError, TypeError, ValueError):
            return {}


def refuse_strangers(expected: Iterable[Expected], *, memory: Memory | None = None) -> None:
    """Raise ReproofError naming results that are damaged, have no record, or were made otherwise than planned."""
    memory = memory or Memory()
    wanted = {one.record: one for one in expected}
    strangers = []
    for folder in sorted({Path(record).parent for record in wanted}):
        records = {str(path): content for path, content in records_in(folder)}
        _refuse_unrecorded(folder, records, memory)
        for path, content in records.items():
            if path in wanted and not memory.is_incomplete(path):
                _refuse_damaged(path, content, memory)
                strangers += [path] * (not _is_planned(content, wanted[path], memory.of(path)))
    memory.keep()
    if strangers:
        more = f" and {len(strangers) - SHOWN} more" if len(strangers) > SHOWN else ""
        raise ReproofError(
            f"{', '.join(strangers[:SHOWN])}{more}: made with other settings, code or inputs than this plan's, and not "
            "here; remove the results beside these records to make them anew, or check out the code that made them"
        )


def refuse_read_only(*folders: str) -> None:
    """Raise ReproofError naming the first of these folders in which nothing can be written."""
    for folder in folders:
        there = next(path for path in (Path(folder), *Path(folder).absolute().parents) if path.exists())
        if not os.access(there, os.W_OK):
            raise ReproofError(f"{folder}: is read-only; mend its rights, or work in a copy of this folder")


def _refuse_unrecorded(folder: Path, records: dict[str, Record], memory: Memory) -> None:
    """Raise ReproofError if a file in a folder of results is spoken of by no record, and is not being made."""
    told = {file for content in records.values() for file in content["outputs"]} | set(records)
    for path in map(str, _results(folder)):
        if path not in told and not memory.is_incomplete(path):
            raise ReproofError(f"{path}: has no record of how it was made; remove it: rm -f {path}")


def _results(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that are results: neither a job's resumable state nor half-written."""
    files = (path for path in sorted(folder.iterdir()) if path.is_file()) if folder.is_dir() else ()
    return (path for path in files if not path.name.startswith((".", "state.")))


def _refuse_damaged(record: str, content: Record, memory: Memory) -> None:
    for path, told in content["outputs"].items():
        if os.path.exists(path) and memory.sha256(path) != told:
            raise damaged(path, Path(record), content)


def _is_planned(record: Record, plan: Expected, remembered: dict[str, Any] | None) -> bool:
    """Return whether a record fits what Snakemake remembers of its job, or else what the plan says."""
    try:
        told = (settings_of(record), record["code"])
        if record["format"] != RECORD_FORMAT:
            return False
        if remembered is None:
            return told == (plan.settings, plan.code)
        inputs = {path: told.removeprefix("sha256:") for path, told in remembered["input_checksums"].items()}
        same = all(inputs.get(path, hashed) == hashed for path, hashed in record["inputs"].items())
        return same and set(map(repr, told)) <= set(remembered["params"])
    except (KeyError, TypeError, AttributeError):
        return False


def _place(folder: Path, result: str) -> Path:
    """Return where Snakemake's file persistence keeps what it knows of a result: longer names become folders."""
    name = urlsafe_b64encode(result.encode()).decode()
    parts = [name[start : start + NAME_MAX - 1] for start in range(0, len(name), NAME_MAX - 1)]
    return folder.joinpath(*(f"@{part}" for part in parts[:-1]), parts[-1])
