"""Verification: every file that a record names is hashed again. A start trusts hashes of files that look unchanged."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reproof.provenance.integrity import find_other_input, list_unrecorded, refuse_no_folder
from reproof.provenance.memory import Memory
from reproof.provenance.records import Record, is_record, make_damage_error
from reproof.provenance.refusals import make_mixed_error, make_unrecorded_error
from reproof.storage.files import ReproofError, is_of_system, read_json
from reproof.storage.reading import list_files_below, show

NAMES = ("record.json", "mask.json", "verdicts.json")  # of records; those of figures have the figure's name before


@dataclass(frozen=True)
class Recorded:
    """All records below a folder, by path, and the paths of those that cannot be read as one."""

    records: Mapping[str, Record]
    broken: tuple[str, ...]

    @classmethod
    def read(cls, results: Path) -> "Recorded":
        """Read all records below a folder; raise ReproofError if it is no folder, or one in it cannot be listed."""
        refuse_no_folder(str(results))
        records, broken = {}, []
        for path in (one for one in list_files_below(results) if one.suffix == ".json" and not is_of_system(one)):
            try:
                content = read_json(path)
            except ReproofError:
                content = None
            if is_record(path, content):
                records[str(path)] = content
            elif path.name in NAMES or path.name.endswith(f".{NAMES[0]}"):
                broken.append(str(path))
        listed = {file for record in records.values() for file in record["outputs"]}  # a figure may be named "mask"
        return cls(records, tuple(path for path in broken if path not in listed))

    def list_files(self) -> list[str]:
        """Return the files that the records name as made, those that exist."""
        return [file for record in self.records.values() for file in record["outputs"] if os.path.exists(file)]

    def find_differences(self, memory: Memory) -> Iterator[str]:
        """Yield a line for each file that is not as recorded: what is wrong, and the remedy.

        `memory` must not trust kept hashes. What is absent or unfinished is no difference: Snakemake makes it again.
        """
        for path in self.broken:
            if not memory.is_incomplete(path):
                yield f"{show(path)}: cannot be read as a record; run Snakemake, which says how to mend it"
        whole = {path: record for path, record in self.records.items() if not memory.is_incomplete(path)}
        damaged: set[str] = set()
        for path, record in whole.items():
            for file, error in _find_damaged(path, record, memory):
                damaged.add(file)
                yield str(error)
        for path, record in whole.items():
            # What cannot be read or is damaged is named already, where it was made.
            with suppress(ReproofError):
                if (other := find_other_input(path, record, memory)) and other not in damaged:
                    yield str(make_mixed_error({path: record}, [other], "", memory))
        for folder in sorted({Path(path).parent for path in self.records}):
            for path in map(str, list_unrecorded(folder, self.records)):
                if path not in self.broken and not memory.is_incomplete(path):
                    yield str(make_unrecorded_error(path))


def _find_damaged(path: str, record: Record, memory: Memory) -> Iterator[tuple[str, ReproofError]]:
    """Yield the files of a record whose bytes are not those that it holds, each with its error."""
    for file, stated in record["outputs"].items():
        try:
            if os.path.exists(file) and memory.compute_sha256(file) != stated:
                yield file, make_damage_error(file, Path(path), record)
        except ReproofError as error:
            yield file, error
