"""Integrity: what is damaged, has no record, or was made otherwise than planned is refused by name."""

import json
from pathlib import Path

import pytest

from reproof.provenance.integrity import ExpectedRecord, refuse_unplanned
from reproof.provenance.memory import Memory
from reproof.provenance.records import seal_record, sha256, write_record
from reproof.provenance.snakemake_internals import locate_entry
from reproof.storage.files import ReproofError

AB = ("results/a", "results/b")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, as Snakemake would: paths are relative."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    return tmp_path


@pytest.fixture
def expected(here):
    """A result and its record as a job of the plan writes them."""
    (here / "data").write_text("input")
    one = ExpectedRecord("results/record.json", '{"lr":0.1}', "abc", ("results/a",))
    about = {"inputs": ["data"], "outputs": ["results/a"]}
    with write_record(one.record, settings=one.settings, code=one.code, **about):
        (here / "results/a").write_text("content")
    return one


def remember(one, inputs, *, settings=None, of=None):
    """Let Snakemake remember the job of a record, as its metadata of one result would."""
    file = locate_entry(Memory().folder / "metadata", of or one.record)
    file.parent.mkdir(parents=True, exist_ok=True)
    params = [repr(one.code), repr("results/state"), repr(settings or one.settings)]
    file.write_text(json.dumps({"params": params, "input_checksums": inputs}))


def incomplete(*results):
    for result in results:
        file = locate_entry(Memory().folder / "incomplete", result)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_the_plans_own_result_passes_and_what_is_not_made_yet_as_well(expected):
    refuse_unplanned([expected, ExpectedRecord("results/later/record.json", "{}", "")])


@pytest.mark.parametrize(("settings", "code"), [('{"lr":0.2}', "abc"), ('{"lr":0.1}', "other")])
def test_without_memory_other_settings_or_code_are_refused_by_name(expected, settings, code):
    with pytest.raises(ReproofError, match=r"results/record\.json: made with other settings, code or inputs") as error:
        refuse_unplanned([ExpectedRecord(expected.record, settings, code)])
    assert "\n" not in str(error.value)


def test_what_snakemake_remembers_is_left_to_snakemake(expected):
    remember(expected, {"data": f"sha256:{sha256('data')}"})
    refuse_unplanned([ExpectedRecord(expected.record, '{"lr":0.2}', "new")])


def test_memory_of_other_settings_is_not_memory_of_this_result(expected):
    """A partial checkout: the record is an older version's, Snakemake's memory the newer one's."""
    remember(expected, {"data": f"sha256:{sha256('data')}"}, settings='{"lr":0.2}')
    with pytest.raises(ReproofError, match="made with other settings, code or inputs"):
        refuse_unplanned([ExpectedRecord(expected.record, '{"lr":0.2}', "abc")])


def test_memory_of_other_inputs_is_not_memory_of_this_result(expected):
    remember(expected, {"data": "sha256:00"})
    with pytest.raises(ReproofError, match=r"remembers other settings, code or inputs of results/record\.json"):
        refuse_unplanned([expected])


def test_a_record_of_an_input_that_is_not_remembered_is_not_the_jobs(expected, here):
    remember(expected, {"data": f"sha256:{sha256('data')}"})
    (here / expected.record).write_text((here / expected.record).read_text().replace('"data"', '"eata"'))
    with pytest.raises(ReproofError, match=r"mend it with: rm -f results/a results/record\.json; snakemake"):
        refuse_unplanned([expected])


def test_an_edited_result_is_refused_with_the_command_that_mends_it(expected, here):
    remember(expected, {"data": f"sha256:{sha256('data')}"})
    (here / "results/a").write_text("contenT")
    mend = "rm -f results/a results/record.json; snakemake --cores 1 -- results/record.json"
    with pytest.raises(ReproofError, match=f"^results/a: is damaged or was edited.*mend it with: {mend}$"):
        refuse_unplanned([expected])


def test_a_missing_result_is_no_damage(expected, here):
    (here / "results/a").unlink()
    refuse_unplanned([expected])


def test_a_result_without_a_record_is_refused(expected, here):
    (here / expected.record).unlink()
    with pytest.raises(
        ReproofError,
        match=r"^results/a: has no record of how it was made; move it elsewhere, or delete it with: rm -f results/a$",
    ):
        refuse_unplanned([expected])


def test_what_was_being_made_is_made_anew_by_snakemake(expected, here):
    (here / expected.record).unlink()
    incomplete("results/a")
    refuse_unplanned([expected])


def test_a_jobs_state_and_temporary_files_are_no_results(expected, here):
    for name in ("state.dense", ".a.12.ab.tmp"):
        (here / "results" / name).touch()
    refuse_unplanned([expected])


@pytest.mark.parametrize("damage", ["{", '{"outputt": {}}', "[]", ""])
def test_a_damaged_record_is_refused_with_the_command_that_mends_it(expected, here, damage):
    (here / expected.record).write_text(damage)
    mend = "rm -f results/a results/record.json; make again -- results/record.json"
    with pytest.raises(ReproofError, match=f"^results/record.json: cannot be read as a record; mend it with: {mend}$"):
        refuse_unplanned([expected], again="make again --")


@pytest.mark.parametrize(("old", "new"), [("results/state", "results/statf"), ('"params"', '"paramt"'), ("{", "[")])
def test_a_damaged_memory_is_refused_with_the_command_that_mends_it(expected, here, old, new):
    """Of one of three results that one job made: Snakemake would follow it, or see no change ever again."""
    (here / "results/b").write_text("content")
    record = json.loads((here / expected.record).read_text())
    (here / expected.record).write_text(json.dumps(seal_record(record | {"outputs": {one: sha256(one) for one in AB}})))
    for one in (expected.record, *AB):
        remember(expected, {"data": f"sha256:{sha256('data')}"}, of=one)
    refuse_unplanned([expected])
    file = locate_entry(Memory().folder / "metadata", "results/b")
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(ReproofError, match=f"^{file}: is damaged: it .*; mend it with: rm -f {file}$"):
        refuse_unplanned([expected])
    file.unlink()
    refuse_unplanned([expected])


def test_of_two_memories_that_differ_both_go(expected, here):
    files = [locate_entry(Memory().folder / "metadata", one) for one in (expected.record, "results/a")]
    for number, one in enumerate((expected.record, "results/a")):
        remember(expected, {"data": f"sha256:{number}"}, of=one)
    with pytest.raises(ReproofError, match=f"^{files[0]}: is damaged: .*mend it with: rm -f {files[0]} {files[1]}$"):
        refuse_unplanned([expected])


def test_a_record_of_another_format_is_refused(expected, here):
    record = json.loads((here / expected.record).read_text())
    (here / expected.record).write_text(json.dumps(seal_record(record | {"format": 1})))
    with pytest.raises(ReproofError, match="made with other"):
        refuse_unplanned([expected])


def test_many_unplanned_results_are_counted(expected, here):
    for number in range(5):
        about = {"settings": "{}", "code": "", "inputs": [], "outputs": []}
        with write_record(f"results/{number}/record.json", **about):
            pass
    others = [ExpectedRecord(f"results/{number}/record.json", "{}", "x") for number in range(5)]
    with pytest.raises(ReproofError, match="and 2 more: made"):
        refuse_unplanned(others)


def test_a_hash_is_kept_as_long_as_the_file_is_the_same(expected, here):
    refuse_unplanned([expected])
    kept = here / ".snakemake/reproof_hashes.json"
    assert json.loads(kept.read_text())["results/a"][-1] == sha256("results/a")
    before = kept.stat().st_mtime_ns
    refuse_unplanned([expected])
    assert kept.stat().st_mtime_ns == before, "nothing new, nothing written"


@pytest.mark.parametrize("gone", ["results/gone", "results/" + "x/" * 200 + "gone"])
def test_what_is_remembered_of_a_file_that_is_not_there_is_forgotten(expected, gone):
    remember(expected, {}, of="results/a")
    remember(expected, {}, of=gone)
    known = Memory().read_entry("results/a")
    Memory().forget_absent(but={str(Path(gone).parent)})
    assert Memory().read_entry(gone)
    Memory().forget_absent()
    assert known and Memory().read_entry("results/a") == known
    assert Memory().read_entry(gone) is None


def test_a_record_that_says_something_else_than_was_recorded_is_refused_by_name(expected):
    """Of what it tells, nothing else tells the wall time."""
    record = json.loads(Path(expected.record).read_text())
    Path(expected.record).write_text(json.dumps(record | {"wall_s": 1e9}))
    with pytest.raises(ReproofError, match=rf"^{expected.record}: cannot be read as a record; mend it with: rm -f"):
        refuse_unplanned([expected])
