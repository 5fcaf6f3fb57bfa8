"""Integrity of results: no result is used that its record does not describe, or that is not the one the plan asks for.

The checks run before anything starts. Where Snakemake has its memory (.snakemake/metadata) it reruns what changed. Then
memory and record must agree, or one of them came from elsewhere. Without memory, after a clone, Snakemake takes every
file for up to date. Then the record must hold the settings and the code of the plan.
"""

import os
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from reproof.provenance.records import RECORD_FORMAT, Record, format_settings_of, is_record, sha256
from reproof.provenance.snakemake_internals import decode_entry, locate_entry
from reproof.storage.files import ReproofError, read_json, write_json

MOST_NAMED = 3
AGAIN = "snakemake --cores 1 --"
TIMES = ("starttime", "endtime")


@dataclass(frozen=True)
class ExpectedRecord:
    """What the record of a result has to say: the plan's settings, as one canonical line, and the code."""

    record: str
    settings: str
    code: str


@dataclass(frozen=True)
class Memory:
    """What Snakemake remembers in its folder, and our hashes of files that have not changed since."""

    folder: Path = Path(".snakemake")
    fresh: dict[str, list[Any]] = field(default_factory=dict)

    def read_entry(self, result: str) -> dict[str, Any] | None:
        """Return what Snakemake remembers of a result, if it does."""
        path = locate_entry(self.folder / "metadata", result)
        try:
            return dict(read_json(path)) if path.exists() else None
        except (ReproofError, TypeError, ValueError) as error:
            raise _damaged_memory([path], f"cannot be read as what Snakemake remembers of {result}") from error

    def read_job_entry(self, results: Iterable[str]) -> dict[str, Any] | None:
        """Return what Snakemake remembers of the job that made these results: one entry for all, apart from times.

        Raises ReproofError if the entries differ: Snakemake would follow one of them and never notice the others.
        """
        known = {one: remembered for one in results if (remembered := self.read_entry(one)) is not None}
        facts = {one: {k: v for k, v in each.items() if k not in TIMES} for one, each in known.items()}
        for one, each in facts.items():
            same = [other for other in facts if facts[other] == each]
            if 2 * len(same) <= len(facts) > 1:
                odd = [one] if 2 * len(same) < len(facts) else facts
                files = [locate_entry(self.folder / "metadata", result) for result in odd]
                raise _damaged_memory(files, f"names another job for {one} than for what was made with it")
        return next(iter(known.values()), None)

    def is_incomplete(self, result: str) -> bool:
        """Return whether Snakemake was killed while it made the result: it will make it again."""
        return locate_entry(self.folder / "incomplete", result).exists()

    def compute_sha256(self, path: str) -> str:
        """Return the hash of a file, computed only if its size, time or inode have changed."""
        stat = os.stat(path)
        facts = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        known = self._hashes.get(path, [])
        self.fresh[path] = known if known[:3] == facts else [*facts, sha256(path)]
        return str(self.fresh[path][3])

    def forget_absent(self, *, but: Container[str] = ()) -> None:
        """Drop what Snakemake remembers of absent files, except those in some folders: the memory takes room.

        Where the weights of a paper are here, the memory of all its other results is needed: it holds what these were
        made of. Without it Snakemake goes by times.
        """
        metadata = self.folder / "metadata"
        for path in (one for one in metadata.rglob("*") if one.is_file()):
            result = Path(decode_entry(metadata, path))
            if not result.exists() and str(result.parent) not in but:
                path.unlink()

    def keep(self) -> None:
        """Keep the hashes for the next start; a read-only folder keeps none."""
        if self.fresh != self._hashes:
            with suppress(ReproofError):
                write_json(self.folder / "reproof_hashes.json", self.fresh)

    @cached_property
    def _hashes(self) -> dict[str, list[Any]]:
        try:
            return dict(read_json(self.folder / "reproof_hashes.json"))
        except (ReproofError, TypeError, ValueError):
            return {}


def refuse_unplanned(expected: Iterable[ExpectedRecord], *, again: str = AGAIN, memory: Memory | None = None) -> None:
    """Raise ReproofError naming results that are damaged, have no record, or were made otherwise than planned.

    The error holds the command that mends it; `again` is the part of it that makes a result again.
    """
    memory = memory or Memory()
    wanted = {one.record: one for one in expected}
    unplanned = {}
    for folder in map(Path, filter(os.path.isdir, sorted({os.path.dirname(record) for record in wanted}))):
        records = _records(folder, wanted, memory, again)
        _refuse_unrecorded(folder, records, memory)
        for path, content in records.items():
            if path in wanted and not memory.is_incomplete(path):
                _refuse_damaged(path, content, memory, again)
                if not _is_planned(content, wanted[path], memory.read_job_entry(_made(path, content))):
                    unplanned[path] = content
    memory.keep()
    if unplanned:
        raise _unplanned_error(unplanned, again)


def _unplanned_error(unplanned: Mapping[str, Record], again: str) -> ReproofError:
    named = list(unplanned)[:MOST_NAMED]
    more = f" and {len(unplanned) - MOST_NAMED} more" if len(unplanned) > MOST_NAMED else ""
    files = [file for path in named for file in [*unplanned[path]["outputs"], path]]
    return ReproofError(
        f"{', '.join(named)}{more}: made with other settings, code or inputs than this plan's, and not here; check out "
        f"the code that made them, or {_mend(files, again, ' '.join(named))}"
    )


def refuse_read_only(*folders: str) -> None:
    """Raise ReproofError naming the first of these folders in which nothing can be written."""
    for folder in folders:
        there = next(path for path in (Path(folder), *Path(folder).absolute().parents) if path.exists())
        if not os.access(there, os.W_OK):
            raise ReproofError(f"{folder}: is read-only; mend its rights, or work in a copy of this folder")


def _records(folder: Path, wanted: Mapping[str, ExpectedRecord], memory: Memory, again: str) -> dict[str, Record]:
    """Return the records that lie in a folder; raise ReproofError if one that is wanted cannot be read as one."""
    records, broken = {}, []
    for path in sorted(map(str, folder.glob("*.json"))):
        try:
            content = read_json(path)
        except ReproofError:  # for instance a damaged caption: its record will show that
            content = None
        if is_record(content):
            records[path] = content
        elif path in wanted and not memory.is_incomplete(path):
            broken.append(path)
    for path in broken:
        its = [*map(str, _unrecorded(folder, records)), path]
        raise ReproofError(f"{path}: cannot be read as a record; {_mend(dict.fromkeys(its), again, path)}")
    return records


def _refuse_unrecorded(folder: Path, records: Mapping[str, Record], memory: Memory) -> None:
    """Raise ReproofError if a file in a folder of results is in no record, and is not being made."""
    for path in map(str, _unrecorded(folder, records)):
        if not memory.is_incomplete(path):
            raise ReproofError(f"{path}: has no record of how it was made; mend it with: rm -f {path}")


def _unrecorded(folder: Path, records: Mapping[str, Record]) -> Iterator[Path]:
    """Yield results of a folder that no record lists, except resumable states of jobs and half-written files."""
    listed = {file for content in records.values() for file in content["outputs"]} | set(records)
    files = (path for path in sorted(folder.iterdir()) if path.is_file()) if folder.is_dir() else ()
    return (path for path in files if not path.name.startswith((".", "state.")) and str(path) not in listed)


def _refuse_damaged(record: str, content: Record, memory: Memory, again: str) -> None:
    for path, recorded in content["outputs"].items():
        if os.path.exists(path) and memory.compute_sha256(path) != recorded:
            raise ReproofError(
                f"{path}: is damaged or was edited: its bytes are not those recorded in {record}; "
                f"{_mend([*content['outputs'], record], again, record)}"
            )


def _mend(files: Iterable[str], again: str, targets: str) -> str:
    return f"mend it with: rm -f {' '.join(files)}; {again} {targets}"


def _damaged_memory(files: Iterable[Path], what: str) -> ReproofError:
    """Return the error that names a damaged memory; without it, a record has to say what the plan says."""
    first, *more = map(str, files)
    return ReproofError(f"{first}: is damaged: it {what}; mend it with: rm -f {' '.join([first, *more])}")


def _made(record: str, content: Record) -> list[str]:
    """Return all that Snakemake may remember of a job: its record, its files, the folder of files if it made one."""
    folders = [str(folder) for file in content["outputs"] for folder in Path(file).parents]
    return list(dict.fromkeys([record, *content["outputs"], *folders]))


def _is_planned(record: Record, planned: ExpectedRecord, remembered: dict[str, Any] | None) -> bool:
    """Return whether a record fits what Snakemake remembers of its job, or else what the plan says."""
    try:
        recorded = (format_settings_of(record), record["code"])
        if record["format"] != RECORD_FORMAT:
            return False
        if remembered is None:
            return recorded == (planned.settings, planned.code)
        inputs = {path: hashed.removeprefix("sha256:") for path, hashed in remembered["input_checksums"].items()}
        return inputs == record["inputs"] and set(map(repr, recorded)) <= set(remembered["params"])
    except (KeyError, TypeError, AttributeError):
        return False
