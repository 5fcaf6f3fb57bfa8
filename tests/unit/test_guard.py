"""The guard: a result that Snakemake does not remember must have the plan's record."""

from base64 import urlsafe_b64encode

import pytest

from reproof.files import ReproofError
from reproof.guard import Expected, refuse_strangers
from reproof.provenance import recorded


@pytest.fixture
def expected(tmp_path):
    """A record as a job of the plan writes it."""
    one = Expected(str(tmp_path / "record.json"), '{"lr":0.1}', "abc")
    with recorded(one.record, settings=one.settings, code=one.code, inputs=[]):
        pass
    return one


def test_the_plans_own_result_passes(expected, tmp_path):
    refuse_strangers([expected, Expected(str(tmp_path / "not yet made.json"), "{}", "")], metadata=tmp_path / "none")


@pytest.mark.parametrize(("settings", "code"), [('{"lr":0.2}', "abc"), ('{"lr":0.1}', "other")])
def test_other_settings_or_code_are_refused_by_name(expected, tmp_path, settings, code):
    with pytest.raises(ReproofError, match=r"record\.json: made with other settings or code") as error:
        refuse_strangers([Expected(expected.record, settings, code)], metadata=tmp_path / "none")
    assert "\n" not in str(error.value)


def test_a_damaged_record_is_refused(expected, tmp_path):
    (tmp_path / "record.json").write_text("{")
    with pytest.raises(ReproofError, match="record"):
        refuse_strangers([expected], metadata=tmp_path / "none")


def test_what_snakemake_remembers_is_left_to_snakemake(expected, tmp_path):
    metadata = tmp_path / "metadata"
    metadata.mkdir()
    (metadata / urlsafe_b64encode(expected.record.encode()).decode()).touch()
    refuse_strangers([Expected(expected.record, '{"lr":0.2}', "abc")], metadata=metadata)


def test_many_strangers_are_counted(expected, tmp_path):
    with pytest.raises(ReproofError, match="and 2 more: made"):
        refuse_strangers([Expected(expected.record, "{}", "x")] * 5, metadata=tmp_path / "none")
