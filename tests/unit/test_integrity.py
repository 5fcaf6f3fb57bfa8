"""Integrity: what is damaged, has no record, or was made otherwise than planned is refused by name."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reproof.provenance.integrity import ExpectedRecord, refuse_unplanned
from reproof.provenance.memory import Memory
from reproof.provenance.records import seal_record, sha256, write_record
from reproof.provenance.snakemake_internals import locate_entry
from reproof.provenance.verification import Recorded
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
    """The command removes what the job makes, and nothing else that lies beside it."""
    (here / expected.record).write_text(damage)
    (here / "results/my notes.txt").touch()
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
    """The wall time is in no other file, so only the hash of the record itself protects it."""
    record = json.loads(Path(expected.record).read_text())
    Path(expected.record).write_text(json.dumps(record | {"wall_s": 1e9}))
    with pytest.raises(ReproofError, match=rf"^{expected.record}: cannot be read as a record; mend it with: rm -f"):
        refuse_unplanned([expected])


# Records that a stranger may have written: each has a seal of its own.


@pytest.fixture
def hostile(here, expected):
    """Return a function that changes the record of the result, its seal as well, and returns the refusal."""

    def refused(**changed):
        record = json.loads((here / expected.record).read_text())
        (here / expected.record).write_text(json.dumps(seal_record(record | changed)))
        with pytest.raises(ReproofError) as caught:
            refuse_unplanned([expected])
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refused


@pytest.mark.parametrize(
    "name",
    [
        "/dev/zero",
        "/etc/passwd",
        "../a",
        "results/../a",
        "a",
        "results",
        "results//a",
        "./results/a",
        "results/a\n",
        "",
    ],
)
def test_a_record_that_speaks_of_files_elsewhere_is_no_record(hostile, name):
    said = hostile(outputs={name: sha256("results/a")})
    assert said == (
        "results/record.json: cannot be read as a record; mend it with: rm -f results/a results/record.json; "
        "snakemake --cores 1 -- results/record.json"
    )


@pytest.mark.parametrize(
    "changed",
    [
        *({"outputs": one} for one in (None, [], "a", 1, {"results/a": 1}, {"results/a": None}, {"results/a": "12"})),
        *({"inputs": one} for one in (None, [], "a", {"data": 1}, {"data": ["x"]}, {"data\n": "0" * 64})),
        *({"code": one} for one in (None, 1, [], {})),
        *({"settings": one} for one in (None, [], 1.5, "x")),
        *({"format": one} for one in (None, "3", [3])),
    ],
)
def test_a_record_of_wrong_types_is_refused_in_one_line(hostile, changed):
    assert hostile(**changed).startswith("results/record.json: ")


@pytest.mark.parametrize(
    "content",
    [
        "[" * 100_000, '{"a":' * 100_000, '{"outputs": ' + "[" * 900 + "]" * 900 + ', "sha256": "x"}',
        '{"outputs": {}, "inputs": {}, "label": "\\ud800", "sha256": ""}',
        '{"sha256": ' + "9" * 10_000 + "}", "\xff", "NaN",
        '{"outputs": {}, "inputs": {}, "wall_s": 1e999, "sha256": ""}',
    ],
    ids=["lists", "mappings", "deep in a part", "half a character", "a long number", "no text", "NaN", "infinite"],
)  # fmt: skip
def test_a_record_that_is_no_sound_json_is_refused_in_one_line(expected, here, content):
    (here / expected.record).write_bytes(content.encode("latin-1"))
    with pytest.raises(ReproofError, match=r"^results/record\.json: cannot be read as a record; mend it with: [^\n]*$"):
        refuse_unplanned([expected])


@pytest.mark.timeout(20)
@pytest.mark.parametrize("place", ["results/a", "results/record.json", "results/other.json"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(expected, here, place):
    (here / place).unlink(missing_ok=True)
    os.mkfifo(here / place)
    if place == "results/other.json":
        refuse_unplanned([expected])
    else:
        with pytest.raises(ReproofError, match=f"^{place}: cannot be read"):
            refuse_unplanned([expected])


def test_a_name_that_is_a_command_is_quoted(here):
    """What is typed removes the files of that name, and runs nothing."""
    names = ["results/x; touch pwned #", "results/$(touch pwned)", "results/my notes (1).txt", "results/a'b"]
    one = ExpectedRecord("results/record.json", "{}", "abc", tuple(names))
    with write_record(one.record, settings="{}", code="abc", inputs=[], outputs=names):
        for name in names:
            (here / name).write_text("content")
    (here / names[0]).write_text("other")
    with pytest.raises(ReproofError) as caught:
        refuse_unplanned([one], again="true")
    subprocess.run(["bash", "-c", str(caught.value).partition("mend it with: ")[2]], check=True)
    assert not [path for path in here.rglob("*") if path.is_file()]


# Files that somebody else put into a folder of results


@pytest.mark.parametrize("name", ["Thumbs.db", "thumbs.db", "desktop.ini", ".DS_Store", "._record.json", "Icon\r"])
def test_what_systems_drop_is_ignored(expected, here, name):
    (here / "results" / name).write_bytes(b"\x00\x01")
    refuse_unplanned([expected])


@pytest.mark.parametrize("name", ["my notes (1).txt", "two\nlines", "a'b", "$(x)", "-f", "\udcff"])
def test_a_stray_file_is_named_and_only_it_goes(expected, here, name):
    stray = here / "results" / name
    stray.touch()
    with pytest.raises(ReproofError, match=r"^[^\n]*has no record of how it was made; move it elsewhere, or") as caught:
        refuse_unplanned([expected])
    subprocess.run(["bash", "-c", str(caught.value).partition("delete it with: ")[2]], check=True)
    assert not stray.exists()
    refuse_unplanned([expected])


# Inputs that are not those that a result was made from


@pytest.fixture
def chain(here):
    """Two results of which the second was made from the first, as the plan asks, all of one time."""
    (here / "results/up").mkdir()
    up = ExpectedRecord("results/up/record.json", "{}", "abc", ("results/up/a",))
    down = ExpectedRecord("results/record.json", "{}", "abc", ("results/b",))
    for one, inputs in ((up, []), (down, ["results/up/a"])):
        with write_record(one.record, settings="{}", code="abc", inputs=inputs, outputs=one.outputs):
            (here / one.outputs[0]).write_text("content")
    set_times(here, 1e9)
    return [up, down]


def set_times(folder, seconds):
    for path in folder.rglob("*"):
        os.utime(path, (seconds, seconds))


def replace_first(here):
    """Put another first result, with its own record, in the place of the one that the second was made from."""
    with write_record("results/up/record.json", settings="{}", code="abc", inputs=[], outputs=["results/up/a"]):
        (here / "results/up/a").write_text("another")


MIXED = "^results/up/a: not the file that results/record.json was made from; put back .* rm -f results/b results/record"


@pytest.mark.parametrize("has_memory", [False, True])
def test_an_input_that_is_another_is_refused(chain, here, has_memory):
    if has_memory:
        remember(chain[1], {"results/up/a": f"sha256:{sha256('results/up/a')}"})
    refuse_unplanned(chain)
    replace_first(here)
    set_times(here, 1e9)
    with pytest.raises(ReproofError, match=MIXED):
        refuse_unplanned(chain)


def test_a_newer_or_unfinished_or_absent_input_is_left_to_snakemake(chain, here):
    """It makes the result again, as after a run that was broken off."""
    replace_first(here)
    refuse_unplanned(chain)
    set_times(here, 1e9)
    incomplete("results/up/a")
    refuse_unplanned(chain)
    shutil.rmtree(".snakemake")
    Path("results/up/a").unlink()
    refuse_unplanned(chain)


def test_inputs_outside_of_results_are_not_read(expected, here):
    record = json.loads((here / expected.record).read_text())
    inputs = {name: "0" * 64 for name in ("/dev/zero", "data", "results/../data")}
    (here / expected.record).write_text(json.dumps(seal_record(record | {"inputs": inputs})))
    refuse_unplanned([expected])


def test_of_many_refused_results_a_file_holds_the_names(here):
    expected = [ExpectedRecord(f"results/{n}/record.json", "{}", "x", (f"results/{n}/a b",)) for n in range(150)]
    for one in expected:
        with write_record(one.record, settings="{}", code="", inputs=[], outputs=one.outputs):
            Path(one.outputs[0]).parent.mkdir()
            Path(one.outputs[0]).write_text("content")
    with pytest.raises(ReproofError, match="and 147 more: made") as caught:
        refuse_unplanned(expected, again="true --")
    subprocess.run(["bash", "-c", str(caught.value).partition("mend it with: ")[2]], check=True)
    assert not [path for path in (here / "results").rglob("*") if path.is_file()]


# A memory that is false


def test_a_memory_that_is_false_is_to_go_and_not_the_result(expected, here):
    remember(expected, {"data": f"sha256:{sha256('data')}"}, settings='{"lr":0.2}')
    entry = Memory().locate(expected.record)
    with pytest.raises(ReproofError, match=f"^.snakemake/metadata: .* mend it with: rm -f {entry}$"):
        refuse_unplanned([expected])
    entry.unlink()
    refuse_unplanned([expected])


# Kept hashes


def test_an_edit_in_place_that_restores_the_time_is_seen(expected, here):
    refuse_unplanned([expected])
    stat = (here / "results/a").stat()
    (here / "results/a").write_text("contenT")
    os.utime(here / "results/a", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(ReproofError, match=r"^results/a: is damaged or was edited"):
        refuse_unplanned([expected])


@pytest.mark.parametrize(
    "content",
    ["[]", "1", "null", '"x"', "{", '{"results/a": 1}', '{"results/a": []}', '{"results/a": [1, 2, 3, 4]}',
     '{"results/a": [1, 2, 3, 4, 5]}', '{"results/a": [1, 2, 3, 4, "x"]}', '{"results/a": [1, 2, 3, "4", "HASH"]}',
     '{"results/a": {"0": 1}}', '{"results/a": null}', '{"results/a": [true, 2, 3, 4, "HASH"]}', "[" * 100_000],
)  # fmt: skip
def test_kept_hashes_of_a_wrong_type_are_computed_again(expected, here, content):
    kept = here / ".snakemake/reproof_hashes.json"
    kept.parent.mkdir()
    kept.write_text(content.replace("HASH", sha256("results/a")))
    refuse_unplanned([expected])
    assert json.loads(kept.read_text())["results/a"][-1] == sha256("results/a")


def differences():
    return [*Recorded.read(Path("results")).find_differences(Memory(trusts_kept=False))]


def test_files_that_are_named_as_records_are_told_from_them(here):
    """A figure may be called "mask": its caption is no record."""
    with write_record("results/mask.record.json", settings="{}", code="", inputs=[], outputs=["results/mask.json"]):
        (here / "results/mask.json").write_text('{"says": "which weights stay"}')
    assert differences() == []
    (here / "results/figure_mask.json").write_text("{}")
    assert [line.partition(":")[0] for line in differences()] == ["results/figure_mask.json"]


def test_a_full_verification_names_all_that_differs(chain, here):
    assert differences() == []
    (here / "results/up/a").write_text("another")
    (here / "results/stray").touch()
    set_times(here, 1e9)
    damaged, stray = differences()
    assert damaged.startswith("results/up/a: is damaged or was edited") and stray.startswith("results/stray: has no")
    Path("results/up/record.json").write_text("{")
    said = differences()
    assert [line.partition(":")[0] for line in said] == ["results/up/record.json", "results/up/a", "results/stray"]
    assert all("\n" not in line for line in said)
