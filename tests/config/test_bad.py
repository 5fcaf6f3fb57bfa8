"""Bad configuration: each mistake gives one line that names file and key and says what would be right."""

import shutil

import pytest
import yaml
from small_paper import CONFIG, DROP, PAPER, SCALE, changed, write
from workspace import ROOT

from reproof.experiments.configuration import read_configuration
from reproof.planning.plan import Plan
from reproof.storage.files import ReproofError

EXAMPLES = yaml.safe_load((ROOT / "tests/config/bad.yaml").read_text())
SOUND = {"papers/one": PAPER, "scales/tiny": SCALE, "config": CONFIG}
FILES = {name: f"{name}.yaml" for name in SOUND}


def message(folder, config=CONFIG):
    """Return the one line that this configuration gives, without the folder."""
    with pytest.raises(ReproofError) as caught:
        Plan(read_configuration(config, folder=folder))
    text = str(caught.value)
    assert "\n" not in text
    assert len(text.removeprefix(f"{folder}/")) < 160, "it fits a line of a terminal or two"
    assert text.startswith(f"{folder}/")
    return text.removeprefix(f"{folder}/")


def test_the_configuration_without_a_mistake_is_accepted(tmp_path):
    assert Plan(read_configuration(CONFIG, folder=write(tmp_path))).papers


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["slip"])
def test_a_mistake_is_told_in_one_line(tmp_path, example):
    changes = example.get("set", {}) | ({example["drop"]: DROP} if "drop" in example else {})
    files = SOUND | {example["in"]: changed(SOUND[example["in"]], changes)}
    folder = write(tmp_path, {"one": files["papers/one"]}, files["scales/tiny"])
    assert message(folder, files["config"]) == f"{FILES[example['in']]}: {example['says']}"


def test_no_mistake_is_listed_twice():
    assert len({example["slip"] for example in EXAMPLES}) == len({example["says"] for example in EXAMPLES}) + 1
    # two ways to prune and none give the same line


def test_what_the_paper_has_wrong_is_not_the_scales_mistake(tmp_path):
    paper = changed(PAPER, {"runs.small.training.lr": "fast"})
    scale = changed(SCALE, {"papers.one.runs.small.training.lr": 0.1})
    folder = write(tmp_path, {"one": paper}, scale)
    assert message(folder) == "papers/one.yaml: runs.small.training.lr: 'fast' is not of type 'number'"


def test_a_claim_twice(tmp_path):
    folder = write(tmp_path, {"one": PAPER | {"claims": PAPER["claims"] * 2}})
    assert (
        message(folder) == "papers/one.yaml: claims[1].id: 'A1' is the id of an earlier claim; give each claim its own"
    )


RAW = {
    "a key twice": ("seeds: 3\n", "seeds: 3\n    seeds: 4\n", "line 27: the key 'seeds' is given twice; drop one"),
    "a key that is no text": ("  small:\n", "  on:\n", "line 6: YAML does not read 'on' as text; quote it"),
    "not a number": ("lr: 0.01", "lr: .nan", "line 16: runs.small.training.lr: .nan is not a finite number"),
    "a number without end": ("lr: 0.01", "lr: -.INF", "line 16: runs.small.training.lr: -.INF is not a finite number"),
}


@pytest.mark.parametrize("name", RAW)
def test_what_yaml_takes_without_a_word(tmp_path, name):
    old, new, says = RAW[name]
    file = write(tmp_path) / "papers/one.yaml"
    assert file.read_text().count(old) == 1
    file.write_text(file.read_text().replace(old, new))
    assert message(tmp_path) == f"papers/one.yaml: {says}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty or no mapping; see workflow/schemas for its keys"),
        ("- a\n- b\n", "is empty or no mapping; see workflow/schemas for its keys"),
        ("runs: [1,\n", "line 2: is not readable YAML: did not find expected node content"),
        (
            "runs:\n\t- 1\n",
            "line 2: is not readable YAML: found character that cannot start any token; indent with spaces",
        ),
    ],
    ids=["empty", "list", "broken", "tab"],
)
def test_a_file_that_is_no_configuration(tmp_path, text, says):
    (write(tmp_path) / "papers/one.yaml").write_text(text)
    with pytest.raises(ReproofError) as caught:
        read_configuration(CONFIG, folder=tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}/papers/one.yaml: {says}")
    assert "\n" not in str(caught.value)


def test_a_long_value_does_not_bury_the_complaint(tmp_path):
    folder = write(tmp_path, {"one": PAPER | {"claims": {str(number): PAPER["claims"][0] for number in range(9)}}})
    assert message(folder).endswith("is not of type 'array'")


def files(folder):
    return {path for path in folder.rglob("*") if "__pycache__" not in path.parts}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["scale=nosuch"],
            "config/config.yaml: scale: 'nosuch' is unknown; choose one of cifar, demo, mnist, paper, smoke",
        ),
        (["scael=demo"], "config/config.yaml: scael: unknown key; did you mean 'scale'?"),
    ],
)
def test_on_the_command_line_it_is_one_line_too_and_nothing_is_left_behind(workspace, arguments, says):
    before = files(workspace.folder)
    ran = workspace.python("-m", "snakemake", "-n", "results/figures/all", "--config", *arguments)
    assert ran.code != 0
    assert ran.line("error:") == f"error: {says}"
    assert "Traceback" not in ran.text
    assert files(workspace.folder) - before == set()


RUN_MARK = "ran"
UNREAD = {  # what is put before config.yaml: what is said
    "a template": (
        f'__use_yte__: true\n?open("{RUN_MARK}", "w").write(""):\n  a: 1\n',
        "line 1: '__use_yte__' marks a",
    ),
    "a key twice": ("scale: smoke\n", "line 4: the key 'scale' is given twice; drop one"),
}


@pytest.mark.parametrize("name", UNREAD)
def test_config_yaml_is_refused_before_snakemake_reads_or_runs_it(workspace, name):
    before, says = UNREAD[name]
    config = workspace / "config/config.yaml"
    config.write_text(before + config.read_text())
    ran = workspace.python("-m", "snakemake", "-n", "results/figures/all")
    assert ran.code != 0
    assert ran.line("error:").startswith(f"error: config/config.yaml: {says}")
    assert "Traceback" not in ran.text
    assert not (workspace / RUN_MARK).exists()


def test_a_scale_says_at_its_start_which_papers_it_leaves_out(workspace):
    scale = workspace / "config/scales/other.yaml"
    shutil.copy(ROOT / "config/papers/attacks.yaml", workspace / "config/papers/attacks.yaml")
    scale.write_text("about: Other.\nblocks: {seeds: 1, levels: 1}\npapers: {lottery_ticket: {}}\n")
    papers = "papers=[lottery_ticket, attacks]"
    ran = workspace.python("-m", "snakemake", "-n", "--config", "scale=other", papers, "--", "results/figures/all")
    assert ran.code == 0, ran.text
    assert (
        ran.line("scale other") == "scale other leaves out attacks; name a paper under `papers` of its file to run it"
    )


def test_a_target_that_belongs_to_no_scale_is_named(workspace):
    target = "results/dense/lenet_300_100-mnist5k-00000000/0-1/curves.parquet"
    ran = workspace.snakemake("-n", target, code=1)
    assert "results/*/lenet_300_100-mnist5k-00000000: no run of scale smoke has this name" in ran.text
