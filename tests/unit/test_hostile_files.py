"""The boundary for files that others made: whatever is in them, one line names the file; no crash, no endless wait."""

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pytest
import torch
from pyarrow import parquet

from reproof.data.dataset import load_dataset
from reproof.pruning.masks import read_masks
from reproof.storage import files
from reproof.storage.checkpoints import read_checkpoint, read_kinds
from reproof.storage.files import (
    ReproofError,
    read_json,
    read_metadata,
    read_parquet,
    read_tensors,
    write_json,
    write_parquet,
    write_tensors,
    write_text,
)
from reproof.storage.reading import guard_reading, show

READERS: dict[str, Callable[[Path], object]] = {
    "json": read_json,
    "table": read_parquet,
    "tensors": read_tensors,
    "metadata": read_metadata,
    "checkpoint": lambda path: read_checkpoint(path, "final"),
    "kinds": read_kinds,
    "masks": read_masks,
    "data set": lambda path: load_dataset(path, validation=0),
}
TENSORS = ("tensors", "metadata", "checkpoint", "kinds", "masks", "data set")
every_reader = pytest.mark.parametrize("read", READERS.values(), ids=READERS)


def refuse(read: Callable[[Path], object], path: Path) -> str:
    """Return the one line about a file that cannot be read."""
    with pytest.raises(ReproofError) as caught:
        read(path)
    assert str(caught.value).isprintable()
    assert str(caught.value).startswith(f"{show(path)}: ")
    assert len(str(caught.value)) < 700
    return str(caught.value)


def pack(tensors: dict[str, object], about: object, body: bytes = b"") -> bytes:
    """Return a file in the format of safetensors."""
    text = json.dumps({"__metadata__": about, **tensors}).encode()
    return len(text).to_bytes(8, "little") + text + body


def entry(kind: str, shape: list[int], end: int) -> dict[str, object]:
    return {"dtype": kind, "shape": shape, "data_offsets": [0, end]}


@every_reader
@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "link to nothing", "absent"])
def test_what_is_no_regular_file_is_refused_without_a_wait(
    tmp_path: Path, read: Callable[[Path], object], kind: str
) -> None:
    path = tmp_path / "file"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "device":
            path.symlink_to("/dev/zero")
        case "link to nothing":
            path.symlink_to(tmp_path / "nothing")
    reason = "it is not a regular file" if kind in ("pipe", "folder", "device") else "No such file or directory"
    assert f"cannot be read ({reason}); delete it" in refuse(read, path)


@every_reader
@pytest.mark.parametrize("name", [b"a\nb", b"\xff", b"a\x1b[31mb", b"\xed\xa0\x80", b"a" * 200])
def test_the_line_stays_one_printable_line(tmp_path: Path, read: Callable[[Path], object], name: bytes) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    path.write_bytes(b"\x80\x04 something else")
    refuse(read, path)


JSON = {
    "nested lists": b"[" * 100_000 + b"]" * 100_000,
    "nested mappings": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "open lists": b"[" * 1_000_000,
    "half a pair": b'{"a": "\\ud800"}',
    "half a pair as key": b'{"\\uDFFF": 1}',
    "half a pair in a list": b'[["a", "b\\uD83Dc"]]',
    "long integer": b"1" * 10_000,
    "latin-1": '"é"'.encode("latin-1"),
    "utf-16": '"a"'.encode("utf-16"),
    "mark of order": b'\xef\xbb\xbf"a"',
    "surrogates as bytes": b'"\xed\xa0\x80"',
    "zeros": bytes(1000),
    "two values": b"1 2",
}


@pytest.mark.parametrize("content", JSON.values(), ids=JSON)
def test_hostile_json_is_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    refuse(read_json, tmp_path / "a.json")


def test_json_that_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_JSON", 1000)
    write_text(tmp_path / "a.json", '"' + "x" * 998 + '"')
    assert len(read_json(tmp_path / "a.json")) == 998
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(1 << 40)
    assert "it holds more than 1,000 bytes" in refuse(read_json, tmp_path / "a.json")


@pytest.mark.parametrize("text", ["😀", "\\ud83d", "C:\\udata", "é"])
def test_whole_characters_and_backslashes_come_back(tmp_path: Path, text: str) -> None:
    write_json(tmp_path / "a.json", text)
    assert read_json(tmp_path / "a.json") == text
    write_text(tmp_path / "b.json", json.dumps(text))  # as pairs of surrogates
    assert read_json(tmp_path / "b.json") == text


DTYPES = (
    *("F4", "F6_E2M3", "F6_E3M2", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "BF16", "C64"),
    *("U16", "U32", "U64", "I8", "BOOL", "F128", "", "f32"),
)


@pytest.mark.parametrize("reader", TENSORS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [4, 8, 16, 32, 64])
def test_a_tensor_of_an_unknown_type_is_one_line_or_whole(tmp_path: Path, reader: str, dtype: str, size: int) -> None:
    """Each size fits some of the types; what numpy can hold may be read."""
    about = {"seeds": "[0]", "kinds": "{}", "shapes": '{"final/w": [8]}', "members": "1", "name": "a", "label": "a"}
    about |= {"classes": "[]", "mean": "[]", "std": "[]"}
    keys = ("final/w", "train_images", "train_labels", "test_images", "test_labels")
    start, tensors = 0, {}
    for key in keys:
        tensors[key] = {"dtype": dtype, "shape": [1, 8], "data_offsets": [start, start + size]}
        start += size
    (tmp_path / "a").write_bytes(pack(tensors, about, bytes(start)))
    try:
        READERS[reader](tmp_path / "a")
    except ReproofError as error:
        assert str(error).startswith(f"{tmp_path}/a: ")


METADATA: dict[str, object] = {
    "no text": {"seeds": 1},
    "a list": ["seeds"],
    "nested seeds": {"seeds": "[" * 100_000},
    "long seeds": {"seeds": "1" * 10_000},
    "kinds of numbers": {"seeds": "[0]", "kinds": '{"w": 1}', "shapes": "{}", "members": "1"},
    "kinds as a list": {"seeds": "[0]", "kinds": "[1]", "shapes": "[]", "members": "1"},
    "kinds as text": {"seeds": '"0"', "kinds": '"a"', "shapes": '"a"', "members": "one"},
    "kinds as null": {"seeds": "null", "kinds": "null", "shapes": "null", "members": "null"},
    "shapes of text": {"seeds": "[0]", "kinds": "{", "shapes": '{"final/w": "ab"}', "members": "1"},
    "shapes of lists": {"seeds": "[0]", "kinds": "{", "shapes": '{"final/w": [[1]]}', "members": "1"},
    "shapes of fractions": {"seeds": "[0]", "kinds": "{", "shapes": '{"final/w": [0.5]}', "members": "1"},
    "shapes without end": {"seeds": "[0]", "kinds": "{", "shapes": '{"final/w": [Infinity]}', "members": "1"},
    "many members": {"seeds": "[0,1]", "kinds": "{", "shapes": '{"final/w": [1]}', "members": "9" * 5000},
}


@pytest.mark.parametrize("reader", ["checkpoint", "kinds", "masks", "data set"])
@pytest.mark.parametrize("about", METADATA.values(), ids=METADATA)
def test_hostile_metadata_is_one_line(tmp_path: Path, reader: str, about: object) -> None:
    (tmp_path / "a").write_bytes(pack({"final/v|places": entry("U8", [1], 1)}, about, bytes(1)))
    refuse(READERS[reader], tmp_path / "a")


DATA = {
    "train_images": np.zeros((2, 1, 2, 2), np.uint8), "train_labels": np.array([0, 1]),
    "test_images": np.zeros((2, 1, 2, 2), np.uint8), "test_labels": np.array([0, 1]),
}  # fmt: skip
ABOUT = {"name": "a", "label": "a", "classes": '["a", "b"]', "mean": "[0.5]", "std": "[0.5]"}


@pytest.mark.parametrize(
    "change",
    [
        {"classes": "3"}, {"classes": "["}, {"classes": "[" * 100_000}, {"classes": "null"}, {"mean": "[null]"},
        {"mean": '["a"]'}, {"mean": "[NaN]"}, {"mean": "[1e400]"}, {"mean": "{}"}, {"mean": "[[0.5]]"}, {"std": "[0]"},
        {"std": "[-1]"}, {"std": "[Infinity]"}, {"std": '"a"'}, {"mean": "[" + "1" * 5000 + "]"}, {"std": ""},
    ],
)  # fmt: skip
def test_a_data_set_with_other_metadata_is_one_line(tmp_path: Path, change: dict[str, str]) -> None:
    write_tensors(tmp_path / "a", DATA, ABOUT)
    assert len(load_dataset(tmp_path / "a", validation=0).train) == 2
    write_tensors(tmp_path / "a", DATA, ABOUT | change)
    assert "delete it and run Snakemake again to fetch it again" in refuse(READERS["data set"], tmp_path / "a")


PANDAS = {
    "no json": b"{",
    "other keys": b"{}",
    "a list": b"[1]",
    "no unicode": b"\xff",
    "other columns": b'{"index_columns": ["zzz"], "columns": [{"name": "q"}], "column_indexes": [{"name": 1}]}',
    "types": b'{"index_columns": [{"kind": "range", "start": "a", "stop": null, "step": 0, "name": 1}], "columns": '
    b'[{"name": "a", "field_name": "a", "pandas_type": "datetimetz", "numpy_type": "what", "metadata": '
    b'{"timezone": "no/where"}}], "column_indexes": [{"name": null, "field_name": null, "pandas_type": "unicode", '
    b'"numpy_type": "object", "metadata": {"encoding": "no"}}]}',
}


@pytest.mark.parametrize("about", PANDAS.values(), ids=PANDAS)
def test_a_table_gives_no_instructions_to_pandas(tmp_path: Path, about: bytes) -> None:
    table = pyarrow.table({"a": [1, 2]}).replace_schema_metadata({b"pandas": about})
    parquet.write_table(table, tmp_path / "a")
    assert read_parquet(tmp_path / "a")["a"].tolist() == [1, 2]


def test_a_table_that_claims_too_much_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of equal values takes a few bytes, however long it is."""
    monkeypatch.setattr(files, "MOST_CELLS", 2_000_000)
    column = pyarrow.repeat(1, 1_000_000)
    parquet.write_table(pyarrow.table({"a": column, "b": column}), tmp_path / "a", compression="zstd")
    assert len(read_parquet(tmp_path / "a")) == 1_000_000
    parquet.write_table(pyarrow.table({"a": column, "b": column, "c": column}), tmp_path / "a", compression="zstd")
    assert (tmp_path / "a").stat().st_size < 1 << 16
    assert "it claims 3,000,000 values, more than 2,000,000" in refuse(read_parquet, tmp_path / "a")


@pytest.mark.parametrize("groups", [1, 50])
@pytest.mark.parametrize("kind", ["text", "bytes", "text in lists", "categories"])
def test_a_table_that_repeats_a_long_text_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, groups: int
) -> None:
    monkeypatch.setattr(files, "MOST_TABLE", 50_000_000)
    text = "x" * 1_000_000
    values: object = {"bytes": [text.encode()] * 200, "text in lists": [[text]] * 200}.get(kind, [text] * 200)
    table = pyarrow.table({"a": values})
    if kind == "categories":
        table = pyarrow.table({"a": pyarrow.array(values).dictionary_encode()})
    parquet.write_table(table, tmp_path / "a", compression="zstd", store_schema=False, row_group_size=200 // groups)
    assert (tmp_path / "a").stat().st_size < 20_000
    assert "it unpacks to more than 50,000,000 bytes" in refuse(read_parquet, tmp_path / "a")
    monkeypatch.setattr(files, "MOST_TABLE", 1 << 32)
    assert len(read_parquet(tmp_path / "a")) == 200


def test_a_table_read_in_parts_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = pd.DataFrame({"a": np.arange(5000), "b": ["x", "yy"] * 2500, "c": [None, 1.5] * 2500, "d": [True] * 5000})
    table["e"] = pd.Categorical(table["b"])
    write_parquet(tmp_path / "a", table)
    whole = read_parquet(tmp_path / "a")
    monkeypatch.setattr(files, "MOST_ROWS", 7)
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "a"), whole)
    write_parquet(tmp_path / "b", table[:0].drop(columns="e"))
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "b"), whole[:0].drop(columns="e"))


@pytest.mark.parametrize("kind", ["table", "tensors", "masks", "checkpoint", "data set"])
def test_no_changed_byte_escapes_the_boundary(tmp_path: Path, kind: str) -> None:
    """300 files with one to four other bytes: read, or one line; any other exception fails."""
    path, chance = tmp_path / "a", random.Random(0)
    about = ABOUT | {"seeds": "[0, 1]", "kinds": "{}", "shapes": '{"train_labels": [16]}', "members": "2"}
    if kind == "table":
        write_parquet(path, pd.DataFrame({"a": np.arange(50), "b": ["x", "y"] * 25, "c": np.linspace(0, 1, 50)}))
    else:
        write_tensors(path, DATA | {"final/w": np.ones((2, 3), np.float32)}, about)
    content, refused = path.read_bytes(), 0
    for _ in range(300):
        changed = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        try:
            READERS[kind](path)
        except ReproofError as error:
            refused += 1
            assert str(error).startswith(f"{path}: ")
            assert str(error).isprintable()
    assert refused > 30


@pytest.mark.parametrize(
    "error", [MemoryError(), RecursionError("deep"), KeyError("a"), OverflowError("big"), UnicodeError("u"), OSError()]
)
def test_every_exception_becomes_the_line(error: Exception) -> None:
    with pytest.raises(ReproofError, match=r"^a/b: cannot be read \(.+\); delete it") as caught, guard_reading("a/b"):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, ReproofError])
def test_what_is_no_fault_of_the_file_passes(error: type[BaseException]) -> None:
    with pytest.raises(error, match=r"^as it was$"), guard_reading("a/b"):
        raise error("as it was")


def test_a_mapped_file_is_not_copied(tmp_path: Path) -> None:
    """The check that a file is regular does not read it."""
    write_tensors(tmp_path / "a", DATA, ABOUT)
    assert torch.equal(load_dataset(tmp_path / "a", validation=0).test.labels, torch.tensor([0, 1]))
