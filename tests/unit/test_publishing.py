"""What travels: of every scale that is published its tables, and the weights of the runs it names; never too much."""

from pathlib import Path

import pytest
import yaml
from small_paper import SCALE, plan
from workspace import ROOT

from reproof.configuration import available, read_configuration
from reproof.files import ReproofError
from reproof.inventory import upstream_records
from reproof.plan import Plan
from reproof.publishing import (
    MEMORY,
    PublishedCode,
    compute_code,
    describe_stage,
    list_published,
    list_targets,
    refuse_older,
    refuse_too_much,
    write_stage,
)
from workflow.vouch import main as vouch


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
    plans = [Plan(read_configuration(config | {"scale": scale})) for scale in available(ROOT / "config/scales")]
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
    record = tmp_path / one.tables("one") / "record.json"
    record.parent.mkdir(parents=True)
    record.touch()
    return one


OTHER = "0123456789abcdef"


def tell(one, code, same=()):
    file = Path("dvc.yaml")
    write_stage(describe_stage(["results/x"], {one.tables("one"): code}, same), file)
    refuse_older(one)


def test_tables_alone_that_other_code_made_are_refused(pulled):
    with pytest.raises(ReproofError, match=r"^results/tables/tiny/one: pulled .*: rm -r results/tables/tiny/one$"):
        tell(pulled, OTHER)


def test_tables_that_this_code_made_are_taken(pulled):
    tell(pulled, compute_code(pulled, "one"))


def vouched(one, code):
    return {"because": "the same bits", "code": {one.tables("one"): code}}


def test_tables_that_somebody_vouched_this_code_makes_are_taken(pulled):
    tell(pulled, OTHER, [vouched(pulled, "beef"), vouched(pulled, compute_code(pulled, "one"))])
    with pytest.raises(ReproofError, match="made by other code"):
        tell(pulled, OTHER, [vouched(pulled, "beef")])


def test_to_vouch_writes_why_and_leaves_the_rest(pulled, monkeypatch):
    monkeypatch.setattr("workflow.vouch._plan", lambda scale: pulled)
    with pytest.raises(ReproofError):
        tell(pulled, OTHER)
    before = yaml.safe_load(Path("dvc.yaml").read_text())
    vouch("tiny", "trained LeNet by both: the same bits")
    refuse_older(pulled)
    text = Path("dvc.yaml").read_text()
    assert text.startswith("# Written by `make publish`")
    after = yaml.safe_load(text)
    (same,) = after["stages"]["published"]["meta"].pop("same")
    assert after == before
    code = {pulled.tables("one"): compute_code(pulled, "one")}
    assert same == {"because": "trained LeNet by both: the same bits", "code": code}


def test_to_vouch_takes_a_reason_and_tables_that_would_be_refused(pulled, monkeypatch):
    monkeypatch.setattr("workflow.vouch._plan", lambda scale: pulled)
    with pytest.raises(ReproofError):
        tell(pulled, OTHER)
    with pytest.raises(SystemExit, match="error: say why"):
        vouch("tiny", " ")
    tell(pulled, compute_code(pulled, "one"))
    with pytest.raises(SystemExit, match="error: results/tables/tiny: nothing"):
        vouch("tiny", "no reason")


def test_published_again_pulled_tables_keep_what_was_told_of_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = plan(tmp_path, scale=SCALE | {"publish": {"one": []}})
    tables = one.tables("one")
    gone = {"because": "gone", "code": {"results/tables/tiny/two": "f"}}
    old = PublishedCode({tables: OTHER}, [vouched(one, "beef"), gone])
    assert old.update([one]) == PublishedCode({tables: compute_code(one, "one")}, [])
    Path(tables).mkdir(parents=True)
    Path(tables, "record.json").touch()
    assert old.update([one]) == PublishedCode({tables: OTHER}, [vouched(one, "beef")])


def test_of_tables_beside_what_they_were_made_of_snakemake_knows_itself(pulled):
    record = next(Path(one.record) for one in upstream_records(pulled, "one"))
    record.parent.mkdir(parents=True)
    record.touch()
    tell(pulled, OTHER)


def test_tables_that_are_not_there_are_made_anew(pulled):
    Path(pulled.tables("one"), "record.json").unlink()
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
