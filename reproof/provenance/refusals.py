"""The errors by which results are refused: each names the files, and ends with the command that mends it."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from reproof.provenance.memory import Memory
from reproof.provenance.records import Record
from reproof.storage.files import ReproofError, write_text
from reproof.storage.reading import show
from reproof.storage.shell import quote_paths

MOST_NAMED = 3
MOST_TYPED = 100  # files that a command names; of more, a file holds the names
REMOVED = "reproof_remove"  # that file, in Snakemake's folder


def make_unplanned_error(records: Mapping[str, Record], again: str, memory: Memory) -> ReproofError:
    """Return the error for results, by record, that other settings or code made; `again` makes a result again."""
    return ReproofError(
        f"{_name_some(records)}: made with other settings, code or inputs than this plan's, and not here; check out "
        f"the code that made them, or {mend(_list_files(records), again, records, memory)}"
    )


def make_mixed_error(records: Mapping[str, Record], inputs: Iterable[str], again: str, memory: Memory) -> ReproofError:
    """Return the error for results, by record, that were made from other files than those at the paths `inputs`."""
    return ReproofError(
        f"{_name_some(dict.fromkeys(inputs))}: not the file that {_name_some(records)} was made from; put back the one "
        f"that it was made from, or {mend(_list_files(records), again, records, memory)}"
    )


def make_misremembered_error(records: Mapping[str, Record], memory: Memory) -> ReproofError:
    """Return the error for a false memory: record, files and plan agree, as after `snakemake --touch` and back."""
    entries = [memory.locate(one) for path, record in records.items() for one in list_made(path, record)]
    files = [str(file) for file in entries if file.exists()]
    return ReproofError(
        f"{show(memory.folder / 'metadata')}: Snakemake remembers other settings, code or inputs of "
        f"{_name_some(records)} than the records hold, as after --touch; the results are as planned and stay, only "
        f"this memory has to go; mend it with: {_remove(files, memory)}"
    )


def make_unrecorded_error(path: str) -> ReproofError:
    """Return the error for a file in no record, which may be the user's own."""
    return ReproofError(
        f"{show(path)}: has no record of how it was made; move it elsewhere, or delete it with: "
        f"rm -f {quote_paths([path])}"
    )


def mend(files: Iterable[str], again: str, targets: Iterable[str], memory: Memory) -> str:
    """Return the words that tell which files to remove and what to make again; `again` is "" if it is not known how."""
    named = list(targets)
    make = f"{again} {quote_paths(named)}" if len(named) <= MOST_TYPED else again.removesuffix(" --")
    return f"mend it with: {_remove(list(files), memory)}; {make if again else 'then run Snakemake again as you did'}"


def list_made(record: str, content: Record) -> list[str]:
    """Return all that Snakemake may remember of a job: its record, its files, the folder of files if it made one."""
    folders = [str(folder) for file in content["outputs"] for folder in Path(file).parents]
    return list(dict.fromkeys([record, *content["outputs"], *folders]))


def _list_files(records: Mapping[str, Record]) -> list[str]:
    return [file for path, record in records.items() for file in [*record["outputs"], path]]


def _name_some(paths: Iterable[str]) -> str:
    """Return the first paths, and the number of the others."""
    every = list(map(show, paths))
    more = f" and {len(every) - MOST_NAMED} more" if len(every) > MOST_NAMED else ""
    return ", ".join(every[:MOST_NAMED]) + more


def _remove(files: list[str], memory: Memory) -> str:
    """Return the command that removes files."""
    if len(files) <= MOST_TYPED:
        return f"rm -f {quote_paths(files)}"
    names = memory.folder / REMOVED
    write_text(names, "\0".join(files))
    return f"xargs -0 rm -f < {quote_paths([names])}"
