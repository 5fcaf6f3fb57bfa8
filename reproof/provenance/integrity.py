"""Integrity of results: no result is used that its record does not describe, or that is not the one the plan asks for.

The checks run before anything starts. Where Snakemake has its memory (.snakemake/metadata) it reruns what changed. Then
memory and record must agree, or one of them came from elsewhere. Without memory, after a clone, Snakemake takes every
file for up to date. Then the record must hold the settings and the code of the plan. In both cases the inputs that the
record names must be those that are here, unless Snakemake makes the result again.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reproof.provenance.memory import Memory
from reproof.provenance.records import RECORD_FORMAT, Record, format_settings_of, is_record, list_json, read_state
from reproof.provenance.refusals import (
    list_made,
    make_misremembered_error,
    make_mixed_error,
    make_unplanned_error,
    make_unrecorded_error,
    mend,
)
from reproof.storage.files import ReproofError, is_of_system, read_json
from reproof.storage.reading import list_folder, show

AGAIN = "snakemake --cores 1 --"


@dataclass(frozen=True)
class ExpectedRecord:
    """What the record of a result has to say: the plan's settings, as one canonical line, and the code.

    `outputs` are the files that its job makes.
    """

    record: str
    settings: str
    code: str
    outputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Refused:
    """The records of results that are refused, by reason."""

    unplanned: dict[str, Record] = field(default_factory=dict)
    misremembered: dict[str, Record] = field(default_factory=dict)
    mixed: dict[str, Record] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)  # the inputs that are not those that `mixed` was made from


def refuse_unplanned(expected: Iterable[ExpectedRecord], *, again: str = AGAIN, memory: Memory | None = None) -> None:
    """Raise ReproofError naming results that are damaged, have no record, or were made otherwise than planned.

    The error holds the command that mends it; `again` is the part of it that makes a result again.
    """
    memory = memory or Memory()
    wanted = {one.record: one for one in expected}
    refused = _Refused()
    for folder in map(Path, filter(os.path.isdir, sorted({os.path.dirname(record) for record in wanted}))):
        records = _records(folder, wanted, memory, again)
        _refuse_unrecorded(folder, records, memory)
        for path, content in records.items():
            if path in wanted and not memory.is_incomplete(path):
                _refuse_damaged(path, content, memory, again)
                _judge(path, content, wanted[path], memory, refused)
    memory.keep()
    if refused.unplanned:
        raise make_unplanned_error(refused.unplanned, again, memory)
    if refused.mixed:
        raise make_mixed_error(refused.mixed, refused.others, again, memory)
    if refused.misremembered:
        raise make_misremembered_error(refused.misremembered, memory)


def _judge(path: str, record: Record, planned: ExpectedRecord, memory: Memory, refused: _Refused) -> None:
    """Sort a record into `refused` unless it fits the plan, what Snakemake remembers, and its inputs."""
    remembered = memory.read_job_entry(list_made(path, record))
    is_remembered = remembered is not None and _agrees(record, remembered)
    if not _fits(record, planned):
        if not is_remembered:
            refused.unplanned[path] = record
    elif other := find_other_input(path, record, memory):
        if remembered is not None and not is_remembered:
            refused.unplanned[path] = record
        else:
            refused.mixed[path] = record
            refused.others.append(other)
    elif remembered is not None and not is_remembered:
        refused.misremembered[path] = record


def _fits(record: Record, planned: ExpectedRecord) -> bool:
    """Return whether a record holds the settings and the code of the plan."""
    try:
        stated = (record["format"], format_settings_of(record), record["code"])
    except (KeyError, ValueError):
        return False
    return stated == (RECORD_FORMAT, planned.settings, planned.code)


def _agrees(record: Record, remembered: dict[str, Any]) -> bool:
    """Return whether Snakemake remembers the settings, the code and the inputs that a record holds."""
    try:
        stated = {repr(format_settings_of(record)), repr(record["code"])}
        inputs = {path: hashed.removeprefix("sha256:") for path, hashed in remembered["input_checksums"].items()}
        known = record["format"] == RECORD_FORMAT and stated <= set(remembered["params"])
        return known and inputs == record["inputs"]
    except (KeyError, TypeError, AttributeError, ValueError):
        return False


def find_other_input(path: str, record: Record, memory: Memory) -> str:
    """Return an input of a record that is not the file that it was made from; "" if there is none.

    An absent input says nothing. One that is newer than a result, or is being made, says nothing either: Snakemake then
    makes the result again.
    """
    for one, stated in record["inputs"].items():
        is_here = _lies_among_results(one, path) and os.path.exists(one)
        is_other = is_here and memory.compute_sha256(one) != stated and not memory.is_incomplete(one)
        if is_other and read_state(one).st_mtime <= _find_oldest_time(path, record):
            return str(one)
    return ""


def _lies_among_results(path: str, record: str) -> bool:
    """Return whether a path lies in the folder of all results, as the record does: nothing else is ever read."""
    return os.path.normpath(path) == path and path.partition("/")[0] == record.partition("/")[0]


def _find_oldest_time(path: str, record: Record) -> float:
    """Return the time by which Snakemake compares a result with its inputs, in seconds: that of its oldest file."""
    folder = Path(path).parent  # files deeper down belong to a folder that Snakemake takes as one result
    files = [path, *(one for one in record["outputs"] if Path(one).parent == folder and os.path.exists(one))]
    return min(read_state(one).st_mtime for one in files)


def refuse_no_folder(folder: str) -> Path:
    """Return this folder, or the first above it that exists; raise ReproofError if there is something else.

    A link to a disk that is not there is no folder either: what it holds would count as not made yet.
    """
    there = next(path for path in (Path(folder), *Path(folder).absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        raise ReproofError(f"{show(there)}: is no folder, or a link to one that is not here; put the folder back")
    return there


def refuse_read_only(*folders: str) -> None:
    """Raise ReproofError naming the first of these folders in which nothing can be written."""
    for folder in folders:
        there = refuse_no_folder(folder)
        if not os.access(there, os.W_OK):
            raise ReproofError(f"{folder}: is read-only; mend its rights, or work in a copy of this folder")


def _records(folder: Path, wanted: Mapping[str, ExpectedRecord], memory: Memory, again: str) -> dict[str, Record]:
    """Return the records that lie in a folder; raise ReproofError if one that is wanted cannot be read as one."""
    records, broken = {}, []
    for path in map(str, list_json(folder)):
        try:
            content = read_json(path)
        except ReproofError:  # for instance a damaged caption: its record will show that
            content = None
        if is_record(path, content):
            records[path] = content
        elif path in wanted and not memory.is_incomplete(path):
            broken.append(path)
    for path in broken:
        its = [*filter(os.path.isfile, wanted[path].outputs), path]  # nothing else: it may be the user's own
        raise ReproofError(f"{show(path)}: cannot be read as a record; {mend(its, again, [path], memory)}")
    return records


def _refuse_unrecorded(folder: Path, records: Mapping[str, Record], memory: Memory) -> None:
    """Raise ReproofError if a file in a folder of results is in no record, and is not being made."""
    for path in map(str, list_unrecorded(folder, records)):
        if not memory.is_incomplete(path):
            raise make_unrecorded_error(path)


def list_unrecorded(folder: Path, records: Mapping[str, Record]) -> Iterator[Path]:
    """Yield files of a folder that no record lists, except those of systems, and states and half-written files."""
    listed = {file for content in records.values() for file in content["outputs"]} | set(records)
    for path in filter(os.path.isfile, list_folder(folder)):
        if not path.name.startswith("state.") and not is_of_system(path) and str(path) not in listed:
            yield path


def _refuse_damaged(record: str, content: Record, memory: Memory, again: str) -> None:
    for path, recorded in content["outputs"].items():
        if os.path.exists(path) and memory.compute_sha256(path) != recorded:
            raise ReproofError(
                f"{show(path)}: is damaged or was edited: its bytes are not those recorded in "
                f"{show(record)}; {mend([*content['outputs'], record], again, [record], memory)}"
            )
