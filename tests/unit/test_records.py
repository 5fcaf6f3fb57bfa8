"""Records: what they say, and what they refuse."""

import json
import os
import shutil

import pytest

from reproof.provenance.records import sha256, verify_inputs, write_record
from reproof.storage.files import ReproofError

NOTHING = {"settings": "{}", "code": "", "inputs": [], "outputs": []}


@pytest.fixture
def made(tmp_path):
    """A file and a folder with their record."""
    paths = [str(tmp_path / "file"), str(tmp_path / "folder")]
    with write_record(tmp_path / "record.json", **NOTHING | {"outputs": paths}):
        (tmp_path / "file").write_bytes(b"abc")
        (tmp_path / "folder/deep").mkdir(parents=True)
        (tmp_path / "folder/deep/page").write_bytes(b"abcd")
    return tmp_path


def test_the_record_of_a_result_says_what_it_came_from(tmp_path):
    (tmp_path / "input").write_text("abc")
    about = {"settings": '{"lr":0.1}', "code": "12ab", "inputs": [str(tmp_path / "input")], "packages": ["numpy"]}
    with write_record(tmp_path / "record.json", **NOTHING | about) as facts:
        facts["training_s"] = 1.5
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["settings"] == {"lr": 0.1}
    assert record["code"] == "12ab"
    assert record["inputs"][about["inputs"][0]].startswith("ba7816bf8f01cfea")  # SHA-256 of "abc"
    assert set(record["versions"]) == {"python", "numpy"}
    assert record["wall_s"] >= 0
    assert record["training_s"] == 1.5
    assert record["device"]


def test_the_record_tells_the_bytes_of_every_file_that_was_made(made):
    outputs = json.loads((made / "record.json").read_text())["outputs"]
    assert outputs == {str(made / name): sha256(made / name) for name in ("file", "folder/deep/page")}


def test_a_result_that_was_not_made_has_no_record(tmp_path):
    with pytest.raises(ZeroDivisionError), write_record(tmp_path / "record.json", **NOTHING):
        assert 1 / 0
    assert not (tmp_path / "record.json").exists()


@pytest.mark.parametrize("damage", [lambda content: content[:-1], lambda content: b"b" + content[1:]])
def test_an_input_whose_bytes_are_not_its_records_is_refused_before_the_body(made, damage):
    inputs = [str(made / "file")]
    assert list(verify_inputs(inputs)) == inputs
    (made / "file").write_bytes(damage(b"abc"))
    entered = False
    with (
        pytest.raises(ReproofError, match=rf"^{inputs[0]}: is damaged or was edited.*rm -f .*record\.json; then run"),
        write_record(made / "other.json", **NOTHING | {"inputs": inputs}),
    ):
        entered = True
    assert not entered


def test_a_record_that_was_edited_is_refused_by_name(made):
    record = json.loads((made / "record.json").read_text())
    (made / "record.json").write_text(json.dumps(record | {"wall_s": record["wall_s"] + 1}))
    with pytest.raises(ReproofError, match=r"^.*record\.json: is damaged or was edited"):
        verify_inputs([str(made / "file")])


def test_what_a_killed_job_left_half_written_is_swept_its_record_as_well(made):
    left = [made / ".record.json.17.abcd.tmp", made / ".file.17.abcd.tmp", made / ".folder.17.abcd.tmp/page"]
    for one in left:
        one.parent.mkdir(exist_ok=True)
        one.write_text("half")
    outputs = [str(made / "file"), str(made / "folder")]
    with write_record(made / "record.json", **NOTHING | {"outputs": outputs}):
        assert not any(one.exists() for one in left)


def test_an_input_without_a_record_is_taken_as_it_is(tmp_path):
    (tmp_path / "alone").write_bytes(b"abc")
    assert verify_inputs([str(tmp_path / "alone")]) == {str(tmp_path / "alone"): sha256(tmp_path / "alone")}


def test_an_absent_input_is_named(tmp_path):
    with pytest.raises(ReproofError, match=r"gone: cannot be read \(No such file or directory\)"):
        verify_inputs([str(tmp_path / "gone")])


def test_what_a_killed_writer_left_is_swept_away(tmp_path):
    (tmp_path / ".out.77.abcd.tmp").touch()
    (tmp_path / ".another.77.abcd.tmp").touch()
    with write_record(tmp_path / "record.json", **NOTHING | {"outputs": [str(tmp_path / "out")]}):
        (tmp_path / "out").touch()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".another.77.abcd.tmp", "out", "record.json"]


def test_a_file_is_hashed_by_its_bytes(tmp_path):
    (tmp_path / "one").write_bytes(b"abc")
    shutil.copy(tmp_path / "one", tmp_path / "two")
    assert sha256(tmp_path / "one") == sha256(tmp_path / "two")
    assert sha256(tmp_path / "one").startswith("ba7816bf8f01cfea")


@pytest.mark.parametrize("name", ["._record.json", "._file", "Thumbs.db", "desktop.ini"])
def test_what_a_system_drops_is_neither_read_nor_recorded(made, name):
    for folder in (made, made / "folder"):
        (folder / name).write_bytes(b"\x00\x05")
    assert verify_inputs([str(made / "file")])
    with write_record(made / "record.json", **NOTHING | {"outputs": [str(made / "folder")]}):
        pass
    assert [*json.loads((made / "record.json").read_text())["outputs"]] == [str(made / "folder/deep/page")]


def test_the_body_of_a_job_knows_the_hashes_of_its_inputs(made):
    inputs = [str(made / "file")]
    with write_record(made / "other.json", **NOTHING | {"inputs": inputs}) as facts:
        assert facts["inputs"] == {inputs[0]: sha256(inputs[0])}
        facts["inputs"] = {}
    assert json.loads((made / "other.json").read_text())["inputs"] == {inputs[0]: sha256(inputs[0])}


def test_the_command_that_repairs_an_input_is_quoted(tmp_path):
    name = str(tmp_path / "my file; touch pwned")
    with write_record(tmp_path / "record.json", **NOTHING | {"outputs": [name]}):
        (tmp_path / "my file; touch pwned").write_text("content")
    (tmp_path / "my file; touch pwned").write_text("other")
    with pytest.raises(ReproofError, match=f"mend it with: rm -f '{name}' {tmp_path}/record.json; then run"):
        verify_inputs([name])


@pytest.mark.timeout(20)
def test_a_pipe_is_no_input(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ReproofError, match=r"pipe: cannot be read \(it is not a regular file\)"):
        verify_inputs([str(tmp_path / "pipe")])
