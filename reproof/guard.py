"""The guard: after a clone or a pull Snakemake has no memory of how a result was made; then its record must speak.

With its memory (.snakemake/metadata) Snakemake itself reruns what changed. Without, it takes whatever lies there for
fresh. So a result that it does not remember is compared with the plan by its record, before anything starts.
"""

import os
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from reproof.files import ReproofError, read_json
from reproof.provenance import RECORD_FORMAT, settings_of

SHOWN = 3


@dataclass(frozen=True)
class Expected:
    """What the record of a result has to say for the result to be the plan's."""

    record: str
    settings: str
    code: str


def refuse_strangers(expected: Iterable[Expected], *, metadata: Path = Path(".snakemake/metadata")) -> None:
    """Raise ReproofError naming results that Snakemake does not remember and whose records are not the plan's."""
    remembered = {path.name for path in metadata.iterdir()} if metadata.is_dir() else set()
    strangers = [
        one.record for one in expected
        if Path(one.record).exists() and _memory(one.record) not in remembered and not _agrees(one)
    ]  # fmt: skip
    if strangers:
        more = f" and {len(strangers) - SHOWN} more" if len(strangers) > SHOWN else ""
        raise ReproofError(
            f"{', '.join(strangers[:SHOWN])}{more}: made with other settings or code than this plan's, and not on this "
            "machine; remove the results beside these records to make them anew, or check out the code that made them"
        )


def refuse_read_only(*folders: str) -> None:
    """Raise ReproofError naming the first of these folders in which nothing can be written."""
    for folder in folders:
        there = next(path for path in (Path(folder), *Path(folder).absolute().parents) if path.exists())
        if not os.access(there, os.W_OK):
            raise ReproofError(f"{folder}: is read-only; mend its rights, or work in a copy of this folder")


def _memory(result: str) -> str:
    """Return the name under which Snakemake remembers a result."""
    return urlsafe_b64encode(result.encode()).decode()


def _agrees(one: Expected) -> bool:
    try:
        record = read_json(one.record)
        return (record["format"], settings_of(record), record["code"]) == (RECORD_FORMAT, one.settings, one.code)
    except (ReproofError, KeyError, TypeError):
        return False
