"""What travels: of every scale that is published its tables, and the weights of the runs it names; never too much."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from small_paper import SCALE, plan
from workspace import ROOT

from reproof.experiments.configuration import list_names, read_configuration
from reproof.planning.inventory import list_upstream_records
from reproof.planning.plan import Plan
from reproof.provenance.equal_code import EqualCode
from reproof.publishing.publication import (
    MEMORY,
    choose_code_to_publish,
    compute_code,
    describe_stage,
    list_published,
    list_targets,
    refuse_older,
    refuse_too_much,
    refuse_uncommitted,
    write_stage,
)
from reproof.storage.files import ReproofError
from reproof.storage.reading import show


def test_tables_and_labels_of_the_papers_that_are_named_travel_and_weights_of_their_runs(tmp_path):
    nothing, without, with_weights = (
        plan(tmp_path / str(place), scale=SCALE | {"publish": what})
        for place, what in enumerate(({}, {"one": []}, {"one": ["small"]}))
    )
    assert list_published(nothing) == list_targets(nothing) == []
    assert list_published(without) == ["results/tables/tiny/one", "results/data/mnist5k/record.json"]
    run = with_weights.runs["one"]["small"]
    weights = [f"results/dense/{run.dense}", f"results/tickets/{run.tickets}"]
    assert list_published(with_weights) == [*list_published(without), *weights]


@pytest.mark.parametrize(
    ("publish", "told"), [({"one": ["large"]}, r"publish\.one: 'large'"), ({"two": []}, "publish: 'two'")]
)
def test_a_run_or_paper_that_is_not_there_is_named(tmp_path, publish, told):
    with pytest.raises(ReproofError, match=rf"scales/tiny\.yaml: {told} is unknown"):
        list_published(plan(tmp_path, scale=SCALE | {"publish": publish}))


def test_every_scale_names_runs_that_it_has():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    plans = [Plan(read_configuration(config | {"scale": scale})) for scale in list_names(ROOT / "config/scales")]
    named = [one for one in plans if one.configuration.publish is not None]
    assert {one.scale for one in named if list_published(one)} == {"demo", "mnist"}


def test_what_must_be_up_to_date_are_the_numbers_and_the_verdicts(tmp_path):
    named = plan(tmp_path, scale=SCALE | {"publish": {"one": []}})
    assert list_targets(named) == [f"results/tables/tiny/one/{file}.parquet" for file in ("measurements", "verdicts")]


def test_one_stage_binds_code_results_and_memory():
    outputs, code = ["results/b", "results/a", "results/a"], {"results/tables/tiny/one": "code"}
    (only,) = describe_stage(outputs, code)["stages"].values()
    assert only["meta"] == {"code": {"results/tables/tiny/one": "code"}}
    assert only["outs"] == [{path: {"persist": True}} for path in (MEMORY, "results/a", "results/b")]
    assert {"reproof", "workflow", "rules", "Snakefile", "requirements.txt"} <= set(only["deps"])


def test_more_than_there_is_room_for_is_refused_with_the_largest_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, size in (("small", 100_000), ("large", 2_000_000), (MEMORY, 300_000)):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").write_bytes(bytes(size))
    assert refuse_too_much(["small", "large"], limit_mb=2.5) == pytest.approx(2.4)
    told = r"^2\.4 MB are more than the 2 MB .* large \(2\.0 MB\), \.snakemake/metadata \(0\.3 MB\), small"
    with pytest.raises(ReproofError, match=told):
        refuse_too_much(["small", "large"], limit_mb=2)


@pytest.fixture
def pulled(tmp_path, monkeypatch):
    """A plan and its tables, pulled without anything else."""
    monkeypatch.chdir(tmp_path)
    one = plan(tmp_path)
    record = tmp_path / one.locate_tables("one") / "record.json"
    record.parent.mkdir(parents=True)
    record.touch()
    return one


OTHER = "0123456789abcdef"


def tell(one, code):
    write_stage(describe_stage(["results/x"], {one.locate_tables("one"): code}), Path("dvc.yaml"))
    refuse_older(one)


def test_tables_alone_that_other_code_made_are_refused(pulled):
    with pytest.raises(ReproofError, match=r"^results/tables/tiny/one: pulled .*: rm -r results/tables/tiny/one$"):
        tell(pulled, OTHER)


def test_tables_that_this_code_made_are_taken(pulled):
    tell(pulled, compute_code(pulled, "one"))


def test_tables_of_earlier_code_that_was_shown_equal_are_taken(pulled):
    pulled.equal_code = EqualCode({})
    earlier = {one.code: f"earlier {one.code}" for one in list_upstream_records(pulled, "one")}
    pulled.equal_code = EqualCode(earlier)
    code = compute_code(pulled, "one")
    tell(pulled, code)
    for fewer in ({}, dict(list(earlier.items())[1:])):
        pulled.equal_code = EqualCode(fewer)
        with pytest.raises(ReproofError, match="made by other code"):
            tell(pulled, code)


def test_published_again_pulled_tables_keep_their_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = plan(tmp_path, scale=SCALE | {"publish": {"one": []}})
    tables = one.locate_tables("one")
    assert choose_code_to_publish([one], {tables: OTHER}) == {tables: compute_code(one, "one")}
    Path(tables).mkdir(parents=True)
    Path(tables, "record.json").touch()
    assert choose_code_to_publish([one], {tables: OTHER}) == {tables: OTHER}


def test_of_tables_beside_what_they_were_made_of_snakemake_knows_itself(pulled):
    record = next(Path(one.record) for one in list_upstream_records(pulled, "one"))
    record.parent.mkdir(parents=True)
    record.touch()
    tell(pulled, OTHER)


def test_tables_that_are_not_there_are_made_anew(pulled):
    Path(pulled.locate_tables("one"), "record.json").unlink()
    tell(pulled, OTHER)


@pytest.mark.parametrize("content", [None, "stages: {}", "stages: {published: {outs: []}}"])
def test_what_an_earlier_version_published_is_taken(pulled, content):
    if content:
        Path("dvc.yaml").write_text(content)
    refuse_older(pulled)


def test_the_code_of_what_tables_are_made_of_counts_and_not_their_settings(tmp_path):
    one, more, other = (
        plan(tmp_path / str(place), scale=SCALE | {"papers": {"one": {"runs": {"small": patch}}}})
        for place, patch in enumerate(({}, {"seeds": 1}, {"network": {"name": "lenet_300_100", "width": 0.5}}))
    )
    assert compute_code(one, "one") == compute_code(more, "one") == compute_code(other, "one")


def test_a_download_without_git_is_not_published(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ReproofError, match=f"^{tmp_path}: is no repository that git can read; .* work in a clone"):
        refuse_uncommitted()


@pytest.mark.parametrize("name", ["config/papers/one more.yaml", "Snakefile", "reproof/two\nlines"])
def test_code_that_is_not_committed_is_named(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).touch()
    subprocess.run(["git", "add", "-A"], check=True)
    with pytest.raises(ReproofError, match=rf"^{re.escape(show(name))}: is not committed[^\n]*$"):
        refuse_uncommitted()
