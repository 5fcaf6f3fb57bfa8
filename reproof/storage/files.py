"""Files of results: every write is atomic, and every error of reading names the file and the remedy."""

import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reproof.storage.errors import ReproofError as ReproofError  # most modules import it from here

Array = npt.NDArray[Any]
LONGEST_JSON = 100_000_000  # bytes; the longest that the project writes, all records of a paper, has a few million
ROOT = Path(__file__).parent.parent.parent  # the folder of the project


@contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` on success, remove it on any error.

    Raises ReproofError if the file system refuses.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _sync_to_disk(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise ReproofError(
            f"{path}: cannot be written ({error.strerror or error}); free space or mend rights"
        ) from error
    finally:
        with suppress(OSError):  # absent; or its folder is a file or read-only, which is reported above
            temporary.unlink()


def _sync_to_disk(path: Path) -> None:
    """Wait until the bytes are on the disk: a power cut after the renaming must not leave an empty file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def remove_temporaries(path: str | Path) -> None:
    """Remove the temporary files of killed writers of `path`; no other process may write `path` meanwhile."""
    path = Path(path)
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, atomically."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read JSON; raise ReproofError naming the file if it is absent, damaged, nested too deeply or no regular file."""
    try:
        check_regular_file(path, longest=LONGEST_JSON)
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise make_unreadable_error(path, error) from error


def check_regular_file(path: str | Path, *, longest: int | None = None) -> None:
    """Raise OSError unless `path` is a regular file of at most `longest` bytes.

    A pipe or a device has no end: reading it would wait for ever or fill the memory.
    """
    about = os.stat(path)
    if not stat.S_ISREG(about.st_mode):
        raise OSError("it is no regular file")
    if longest is not None and about.st_size > longest:
        raise OSError(f"it has {about.st_size:,} bytes, more than {longest:,}")


def write_parquet(path: str | Path, table: Any) -> None:
    """Write a pandas DataFrame (without its index) or {column: array [rows]} as parquet, with reproducible bytes."""
    import pyarrow  # noqa: PLC0415 (late: the rule `prune` needs no pyarrow)
    from pyarrow import parquet  # noqa: PLC0415

    rows = pyarrow.table(table) if isinstance(table, dict) else pyarrow.Table.from_pandas(table, preserve_index=False)
    with write_atomically(path) as temporary:
        # Without the schema metadata, which hold versions of libraries: equal tables give equal bytes.
        parquet.write_table(rows.replace_schema_metadata(None), temporary, compression="zstd")


def read_parquet(path: str | Path) -> Any:
    """Read a parquet file into a pandas DataFrame; raise ReproofError naming the file if it is absent or damaged."""
    import pyarrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    try:
        return parquet.read_table(path).to_pandas()
    except (OSError, pyarrow.ArrowException) as error:
        raise make_unreadable_error(path, error) from error


def write_tensors(path: str | Path, tensors: Mapping[str, Array], metadata: Mapping[str, str] | None = None) -> None:
    """Write {name: array} as safetensors, atomically. Keys and metadata are sorted for reproducible bytes."""
    from safetensors.numpy import save  # noqa: PLC0415

    ordered = {
        key: np.asarray(tensors[key], order="C") for key in sorted(tensors)
    }  # ascontiguousarray adds an axis to scalars
    content = _sort_metadata(save(ordered), metadata or {})
    with write_atomically(path) as temporary:
        temporary.write_bytes(content)


def read_tensors(path: str | Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Return ({name: array}, metadata) of a safetensors file; raise ReproofError with its name if unreadable."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    try:
        with safe_open(path, framework="numpy") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (OSError, SafetensorError, TypeError) as error:  # TypeError: a dtype that numpy lacks
        raise make_unreadable_error(path, error) from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return the metadata of a safetensors file without reading its arrays; raise ReproofError if it is unreadable."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise make_unreadable_error(path, error) from error


def _sort_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return a serialised file with sorted metadata: the order of the library changes from run to run."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    if metadata:
        header = {"__metadata__": dict(sorted(metadata.items())), **header}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns tensors to 8 bytes
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def make_unreadable_error(path: str | Path, error: Exception) -> ReproofError:
    """Return the error for an unreadable file, with the reason and the remedy."""
    reason = " ".join(str(error).split())
    return ReproofError(f"{path}: cannot be read ({reason}); delete it and run Snakemake again")
