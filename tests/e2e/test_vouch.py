"""What makes code equal: fingerprints, or runs of both versions with the same bits; and nobody's word."""

import json

import pytest

SCHEDULE = "reproof/training/schedule.py"
OLD = "(step + 1) / settings.warmup"


@pytest.fixture
def project(pristine, tmp_path):
    """A clone with one paper and a first commit."""
    one = pristine.copy(tmp_path / "reproof")
    (one / "workflow/equal_code.json").unlink(missing_ok=True)
    one.commit("first")
    return one


def vouch(project, code=0):
    ran = project.python("-m", "workflow.vouch", "HEAD~1", "smoke")
    assert ran.code == code, ran.text
    return ran


def statements(project):
    return json.loads((project / "workflow/equal_code.json").read_text())["statements"]


def test_a_renamed_function_is_equal_by_its_fingerprint(project):
    project.edit("reproof/seeding.py", "def derive(", "def derive_seed(")
    project.edit("reproof/seeding.py", 'e.g. derive("order"', 'e.g. derive_seed("order"')
    project.shell("sed -i 's/\\bderive\\b/derive_seed/g' $(grep -rl 'import derive' reproof)").check()
    project.commit("renamed")
    vouch(project)
    assert {one["shown_by"] for one in statements(project)} == {"fingerprints"}


def test_code_that_is_not_committed_shows_nothing(project):
    project.edit(SCHEDULE, OLD, "(1 + step) / settings.warmup")
    assert "schedule.py: is not committed" in vouch(project, code=1).line("error:")


@pytest.mark.slow
def test_other_code_is_equal_if_both_versions_give_the_same_bits(project):
    project.edit(SCHEDULE, OLD, "(1 + step) / settings.warmup")
    project.commit("the same sum")
    vouch(project)
    by = {one["shown_by"]: set(one["code"]) for one in statements(project)}
    assert len(by["runs"]) >= 3  # dense networks, tickets, controls
    assert not by["runs"] & by["fingerprints"]


@pytest.mark.slow
def test_code_that_gives_other_bits_is_refused_and_nothing_is_written(project):
    project.edit("reproof/seeding.py", ">> 1", ">> 2")
    project.commit("other seeds")
    error = vouch(project, code=1).line("error:")
    assert "differ" in error and "so the code is not equal" in error
    assert not (project / "workflow/equal_code.json").exists()


@pytest.mark.slow
def test_verdicts_that_would_be_others_are_named_and_left_to_be_judged_again(project):
    project.edit("reproof/judging/claims.py", 'NOT_JUDGED = "not judged', 'NOT_JUDGED = "not yet judged')
    project.edit(SCHEDULE, OLD, "(1 + step) / settings.warmup")
    project.commit("another word, the same sum")
    ran = vouch(project)
    assert "judged otherwise" in ran.text and "verdicts.json" in ran.text
    codes = json.loads(project.python("-m", "workflow.codes", "smoke").text)
    (judging,) = {about["fingerprint"] for record, about in codes.items() if record.endswith("verdicts.json")}
    shown = {fingerprint for one in statements(project) for fingerprint in one["code"]}
    assert judging not in shown and {about["fingerprint"] for about in codes.values()} & shown
