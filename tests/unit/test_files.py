"""Results on disk: atomic, the same bytes for the same content, and unreadable files named with their remedy."""

import resource
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from reproof.storage.files import (
    ReproofError,
    read_json,
    read_metadata,
    read_parquet,
    read_tensors,
    write_atomically,
    write_json,
    write_parquet,
    write_tensors,
    write_text,
)

TENSORS = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "step": np.array(7),
    "bytes": np.array([[1, 2]], dtype=np.uint8),
    "none": np.zeros((0, 4), dtype=np.float64),
}


@contextmanager
def no_file_larger_than(size):
    """Let every write beyond `size` bytes fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_tensors_come_back_with_shape_type_and_metadata(tmp_path):
    write_tensors(tmp_path / "a.safetensors", TENSORS, {"b": "2", "a": "1"})
    tensors, metadata = read_tensors(tmp_path / "a.safetensors")
    assert metadata == {"a": "1", "b": "2"} == read_metadata(tmp_path / "a.safetensors")
    assert set(tensors) == set(TENSORS)
    for name, value in TENSORS.items():
        assert tensors[name].dtype == value.dtype
        assert tensors[name].shape == value.shape, name
        np.testing.assert_array_equal(tensors[name], value)


def test_a_view_in_another_order_is_written_as_it_reads(tmp_path):
    turned = np.arange(6).reshape(2, 3).T
    write_tensors(tmp_path / "a.safetensors", {"turned": turned})
    np.testing.assert_array_equal(read_tensors(tmp_path / "a.safetensors")[0]["turned"], turned)


def test_equal_tensors_give_equal_bytes_in_whatever_order_they_come(tmp_path):
    metadata = {letter: letter * 3 for letter in "hgfedcba"}
    write_tensors(tmp_path / "one", TENSORS, metadata)
    write_tensors(tmp_path / "two", dict(reversed(TENSORS.items())), dict(reversed(metadata.items())))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_equal_tables_give_equal_bytes_whatever_their_index(tmp_path):
    table = pd.DataFrame({"level": np.array([1, 2], dtype=np.int16), "metric": ["a", "b"], "value": [0.1, np.nan]})
    write_parquet(tmp_path / "one", table)
    write_parquet(tmp_path / "two", table.set_axis([7, 3]))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    back = read_parquet(tmp_path / "one")
    assert back["level"].dtype == np.int16
    assert back["metric"].tolist() == ["a", "b"]


def test_json_comes_back_sorted_and_readable(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n "a": "é",\n "b": 1\n}\n'
    assert read_json(tmp_path / "a.json") == {"a": "é", "b": 1}


def test_a_write_makes_its_folder_and_leaves_nothing_but_the_file(tmp_path):
    write_text(tmp_path / "deep" / "er" / "a.txt", "text")
    assert names(tmp_path / "deep" / "er") == ["a.txt"]


def test_an_error_in_the_middle_leaves_the_former_file_and_nothing_else(tmp_path):
    write_text(tmp_path / "a.txt", "former")
    with pytest.raises(ZeroDivisionError), write_atomically(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        assert 1 / 0
    assert names(tmp_path) == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "former"


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text(path, "x" * 20_000),
        lambda path: write_tensors(path, {"a": np.zeros(20_000)}),
        lambda path: write_parquet(path, pd.DataFrame({"a": np.random.default_rng(0).random(20_000)})),
    ],
    ids=["text", "tensors", "parquet"],
)
def test_a_write_that_does_not_fit_leaves_the_former_file_and_says_so_in_one_line(tmp_path, write):
    write_text(tmp_path / "a", "former")
    with no_file_larger_than(9000), pytest.raises(ReproofError) as caught:
        write(tmp_path / "a")
    assert str(caught.value).startswith(f"{tmp_path / 'a'}: cannot be written (")
    assert str(caught.value).endswith("); free space or mend rights")
    assert "\n" not in str(caught.value)
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "former"


def test_a_folder_that_is_a_file_is_named(tmp_path):
    write_text(tmp_path / "results", "no folder")
    with pytest.raises(ReproofError, match=r"results/a\.txt: cannot be written \(.*\); free space or mend rights$"):
        write_text(tmp_path / "results" / "a.txt", "text")


READERS = {"safetensors": read_tensors, "metadata": read_metadata, "parquet": read_parquet, "json": read_json}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("state", ["absent", "empty", "truncated", "other"])
def test_an_unreadable_file_is_named_with_its_remedy(tmp_path, reader, state):
    path = tmp_path / "result"
    if state == "truncated":
        writers = {
            "parquet": lambda: write_parquet(path, pd.DataFrame({"a": [1]})),
            "json": lambda: write_json(path, [1]),
        }
        writers.get(reader, lambda: write_tensors(path, TENSORS))()
        path.write_bytes(path.read_bytes()[:-3])
    elif state != "absent":
        path.write_bytes(b"" if state == "empty" else b"\x80\x04 something else")
    with pytest.raises(ReproofError) as caught:
        READERS[reader](path)
    assert str(caught.value).startswith(f"{path}: cannot be read (")
    assert str(caught.value).endswith("); delete it and run Snakemake again")
    assert "\n" not in str(caught.value)
