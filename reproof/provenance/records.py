"""Records: how a result was made, and the hashes by which a changed byte is detected."""

import hashlib
import json
import os
import platform
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeGuard

from reproof.provenance.identity import format_canonical
from reproof.storage.files import ReproofError, is_of_system, read_json, remove_temporaries, write_json
from reproof.storage.reading import guard_reading, list_folder, open_regular, show
from reproof.storage.shell import quote_paths

RECORD_FORMAT = 3
Record = dict[str, Any]
SEAL = "sha256"  # of the rest of a record
SHA256 = re.compile("[0-9a-f]{64}")


@contextmanager
def write_record(
    path: str | Path, *, settings: str, code: str, inputs: Iterable[str], outputs: Iterable[str],
    packages: Iterable[str] = (),
) -> Iterator[Record]:  # fmt: skip
    """Write, once the body has made `outputs`, their record: settings, code, versions, device, hashes, wall time.

    Before the body, `inputs` are compared with the records in the same folders. The body gets a mapping that holds
    their hashes as "inputs", {path: SHA-256}, and may add facts of its own to it.
    """
    began, made = time.monotonic(), list(outputs)
    for one in [*made, path]:
        remove_temporaries(one)
    read = verify_inputs(inputs)
    facts: Record = {"inputs": dict(read)}
    yield facts
    about: Record = {
        "format": RECORD_FORMAT,
        "settings": json.loads(settings),
        "code": code,
        "inputs": read,
        "outputs": {str(file): sha256(file) for one in made for file in _files(Path(one))},
        "versions": {"python": platform.python_version()} | {name: version(name) for name in packages},
        "device": _device(),
        "wall_s": round(time.monotonic() - began, 3),
    }
    write_json(path, seal_record(facts | about))


def verify_inputs(paths: Iterable[str]) -> dict[str, str]:
    """Return {path: SHA-256}; raise ReproofError naming the first whose bytes differ from its record."""
    hashes = {str(path): sha256(path) for path in paths}
    for folder in sorted({Path(path).parent for path in hashes}):
        for record, content in read_records(folder):
            for path, stated in content["outputs"].items():
                if hashes.get(path, stated) != stated:
                    raise make_damage_error(path, record, content)
    return hashes


def seal_record(content: Record) -> Record:
    """Return a record with the hash of its content."""
    said = {key: value for key, value in content.items() if key != SEAL}
    return said | {SEAL: hashlib.sha256(format_canonical(said).encode()).hexdigest()}


def is_record(path: str | Path, content: Any) -> bool:
    """Return whether the content of the JSON file `path` is a record, unchanged since it was written.

    A record speaks only of files in its own folder: its names enter commands that remove files.
    """
    if not isinstance(content, dict) or SEAL not in content:
        return False
    outputs, inputs, folder = content.get("outputs"), content.get("inputs"), Path(path).parent
    try:
        sealed = seal_record(content) == content
    except (ValueError, RecursionError):  # text that is no Unicode, a nesting too deep
        return False
    return sealed and _are_hashes(inputs) and _are_hashes(outputs) and all(_lies_in(folder, one) for one in outputs)


def _are_hashes(content: Any) -> TypeGuard[dict[str, str]]:
    """Return whether a part of a record maps names of files to hashes."""
    return isinstance(content, dict) and all(
        name.isprintable() and isinstance(stated, str) and SHA256.fullmatch(stated) for name, stated in content.items()
    )


def _lies_in(folder: Path, name: str) -> bool:
    """Return whether a file name, as a record states it, lies in a folder or below."""
    # Compared as text: a start asks this for every file, and a Path costs ten times as much.
    if os.path.normpath(name) != name or name.partition("/")[0] == "..":
        return False
    return name.startswith(f"{folder}/") if folder.parts else not name.startswith("/")


def read_records(folder: Path) -> Iterator[tuple[Path, Record]]:
    """Yield (path, content) of the records that lie in a folder; raise ReproofError naming one that is damaged."""
    for path in list_json(folder):
        content = read_json(path)
        if is_record(path, content):
            yield path, content
        elif isinstance(content, dict) and SEAL in content:
            raise ReproofError(
                f"{show(path)}: is damaged or was edited: it is not what was recorded; run Snakemake again, which "
                "says how to mend it"
            )


def list_json(folder: Path) -> list[Path]:
    """Return the JSON files of a folder, some of which are records; hidden ones are a system's own."""
    return [path for path in list_folder(folder) if path.suffix == ".json" and not path.name.startswith(".")]


def make_damage_error(path: str, record: Path, content: Mapping[str, Any]) -> ReproofError:
    """Return the error that names a file whose bytes differ from its record, and the command that repairs it."""
    return ReproofError(
        f"{show(path)}: is damaged or was edited: its bytes are not those that {show(record)} holds; "
        f"mend it with: rm -f {quote_paths([*content['outputs'], record])}; then run Snakemake again as you did"
    )


def sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, as hex."""
    with guard_reading(path, _make_unreadable_error), open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_state(path: str | Path) -> os.stat_result:
    """Return size and times of a file; raise ReproofError if it is absent: another process may remove files."""
    with guard_reading(path, _make_unreadable_error):
        return os.stat(path)


def _make_unreadable_error(path: str | Path, reason: str) -> ReproofError:
    return ReproofError(f"{show(path)}: cannot be read ({reason}); mend or delete it, and run Snakemake again")


def format_settings_of(record: Mapping[str, Any]) -> str:
    """Return a record's settings in canonical form."""
    return format_canonical(record["settings"])


def _files(result: Path) -> list[Path]:
    """Return the file, or all files of a folder."""
    if not result.is_dir():
        return [result]
    return sorted(path for path in result.rglob("*") if path.is_file() and not is_of_system(path))


def _device() -> str:
    """Return what the job computed on, without importing torch for it."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name() if torch and torch.cuda.is_available() else platform.processor() or "cpu"
