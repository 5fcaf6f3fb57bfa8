"""Code that was shown equal to earlier code: what is kept of it, and what a damaged file says."""

import pytest

from reproof.provenance.equal_code import FILE, EqualCode
from reproof.storage.files import ReproofError

SHOWN = {"commit": "abc", "shown_by": "runs", "about": "Both ran."}


def test_code_that_was_shown_equal_stands_for_the_earlier_code():
    equal = EqualCode({}).add_statement(**SHOWN, code={"new": "old"})
    assert equal.find_code("new") == "old"
    assert equal.find_code("other") == "other"


def test_it_is_written_and_read_again(tmp_path):
    equal = EqualCode({}).add_statement(**SHOWN, code={"b": "1", "a": "2"})
    equal.write(tmp_path / "equal.json")
    assert EqualCode.read(tmp_path / "equal.json") == equal
    assert EqualCode.read(tmp_path / "absent.json") == EqualCode({})


def test_statements_about_code_that_is_gone_are_dropped():
    equal = EqualCode({}).add_statement(**SHOWN, code={"a": "1", "b": "2"}).add_statement(**SHOWN, code={"c": "3"})
    kept = equal.select(["b", "other"])
    assert kept.recorded == {"b": "2"}
    assert [one["code"] for one in kept.statements] == [{"b": "2"}]


@pytest.mark.parametrize("content", ["[]", "{}", '{"statements": [{}]}', '{"statements": 3}'])
def test_what_is_no_such_file_is_named(tmp_path, content):
    (tmp_path / "equal.json").write_text(content)
    with pytest.raises(ReproofError, match=r"equal.json: is not what .*restore it from git"):
        EqualCode.read(tmp_path / "equal.json")


def test_every_statement_of_the_project_says_how_equality_was_shown():
    for one in EqualCode.read(FILE).statements:
        assert one["shown_by"] in ("fingerprints", "runs")
        assert one["commit"] and one["about"] and one["code"]
