"""Reading and writing results: every write is atomic, and every unreadable file is named with its remedy."""

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

from reproof.storage.errors import ReproofError as ReproofError  # most of the library knows it from here

Array = npt.NDArray[Any]
ROOT = Path(__file__).parent.parent.parent  # the folder of the project


@contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on any error."""
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
        with suppress(OSError):  # absent; or its folder is a file or read-only, which was said above
            temporary.unlink()


def _sync_to_disk(path: Path) -> None:
    """Wait until the file's bytes are on the disk: a power cut after the renaming must not leave an empty file."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def remove_temporaries(path: str | Path) -> None:
    """Remove what killed writers of `path` left half-written beside it; nobody else may be writing it now."""
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
    """Read JSON; raise ReproofError naming the file if it is absent or damaged."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise make_unreadable_error(path, error) from error


def write_parquet(path: str | Path, table: Any) -> None:
    """Write a pandas DataFrame (without its index) or a dict of columns as parquet; equal tables give equal bytes."""
    import pyarrow  # noqa: PLC0415 (late: the masks are pruned without it)
    from pyarrow import parquet  # noqa: PLC0415

    rows = pyarrow.table(table) if isinstance(table, dict) else pyarrow.Table.from_pandas(table, preserve_index=False)
    with write_atomically(path) as temporary:
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
    """Write arrays as safetensors, atomically; keys and metadata are sorted: equal content gives equal bytes."""
    from safetensors.numpy import save  # noqa: PLC0415

    ordered = {
        key: np.asarray(tensors[key], order="C") for key in sorted(tensors)
    }  # ascontiguousarray adds an axis to scalars
    content = _sort_metadata(save(ordered), metadata or {})
    with write_atomically(path) as temporary:
        temporary.write_bytes(content)


def read_tensors(path: str | Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Return (arrays, metadata) of a safetensors file; raise ReproofError naming it if it is absent or damaged."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    try:
        with safe_open(path, framework="numpy") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (OSError, SafetensorError, TypeError) as error:  # TypeError: a type that numpy does not have
        raise make_unreadable_error(path, error) from error


def read_metadata(path: str | Path) -> dict[str, str]:
    """Return the metadata of a safetensors file without reading its arrays."""
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    try:
        with safe_open(path, framework="numpy") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError) as error:
        raise make_unreadable_error(path, error) from error


def _sort_metadata(content: bytes, metadata: Mapping[str, str]) -> bytes:
    """Put metadata into a serialised file in sorted order: the library's own order changes from run to run."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    if metadata:
        header = {"__metadata__": dict(sorted(metadata.items())), **header}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + size :]


def make_unreadable_error(path: str | Path, error: Exception) -> ReproofError:
    """Return the error that names a damaged file, the reason, and the remedy."""
    reason = " ".join(str(error).split())
    return ReproofError(f"{path}: cannot be read ({reason}); delete it and run Snakemake again to make it anew")
