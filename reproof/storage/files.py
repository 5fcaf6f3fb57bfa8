"""Files of results: every write is atomic, and every error of reading names the file and the remedy."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reproof.storage.errors import ReproofError as ReproofError  # most modules import it from here
from reproof.storage.reading import check_regular, guard_reading, open_regular, read_at_most

Array = npt.NDArray[Any]
ROOT = Path(__file__).parent.parent.parent  # the folder of the project
OF_SYSTEMS = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"})  # what systems put into folders
MOST_JSON = 1 << 28  # bytes of a JSON file; the records of a whole scale take a few million
MOST_CELLS = 1 << 28  # rows times columns of a table: a few kilobytes of parquet can claim billions
MOST_TABLE = 1 << 31  # bytes of a table in memory
MOST_ROWS = 512  # of a table, read at a time


def is_of_system(path: Path) -> bool:
    """Return whether a system or an editor may have put a file into a folder: hidden files, pictures, settings."""
    return path.name.startswith(".") or path.name.lower() in OF_SYSTEMS


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
    """Read JSON; raise ReproofError naming the file if it is absent, damaged, nested too deeply, or not Unicode."""
    with guard_reading(path):
        with open_regular(path) as file:
            text = read_at_most(file, MOST_JSON).decode()
        value = json.loads(text)
        # JSON can spell half of a surrogate pair, which no later write or hash can encode.
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
        return value


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

    with guard_reading(path), open_regular(path) as source, parquet.ParquetFile(source) as file:
        if (cells := file.metadata.num_rows * file.metadata.num_columns) > MOST_CELLS:
            raise ValueError(f"it claims {cells:,} values, more than {MOST_CELLS:,}")
        table = pyarrow.Table.from_batches(_read_batches(file), file.schema_arrow)
        # A foreign file may carry instructions for pandas, which our writer leaves out.
        return table.replace_schema_metadata(None).to_pandas()


def _read_batches(file: Any) -> Iterator[Any]:
    """Yield the rows of a parquet file, MOST_ROWS at a time; raise ValueError if all of them are too many bytes.

    A few hundred bytes can repeat one text of a million characters in every row. What the file states of the sizes of
    its parts is not read: pyarrow crashes where it is false.
    """
    size = 0
    for batch in file.iter_batches(batch_size=MOST_ROWS):
        size += batch.nbytes
        if size > MOST_TABLE:
            raise ValueError(f"it unpacks to more than {MOST_TABLE:,} bytes")
        yield batch


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
    from safetensors import safe_open  # noqa: PLC0415

    with guard_reading(path):
        check_regular(path)
        with safe_open(path, framework="numpy") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return the metadata of a safetensors file without reading its arrays; raise ReproofError if it is unreadable."""
    from safetensors import safe_open  # noqa: PLC0415

    with guard_reading(path):
        check_regular(path)
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})


def _sort_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Return a serialised file with sorted metadata: the order of the library changes from run to run."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    if metadata:
        header = {"__metadata__": dict(sorted(metadata.items())), **header}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # the format aligns tensors to 8 bytes
    return len(text).to_bytes(8, "little") + text + content[8 + size :]
