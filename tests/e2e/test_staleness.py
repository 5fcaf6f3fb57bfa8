"""Never a stale result, and nothing rerun without a reason: after clone and pull, whatever the times of the files.

The finished smoke run is published to a remote, cloned and pulled. Each kind of change is then made in the clone, and
exactly the jobs that depend on it must be planned: with the times as the pull left them, shuffled, and all touched.
"""

import os
import random
import shutil

import pytest
import yaml
from small_paper import PAPER, RUN, changed
from workspace import SMOKE_FIGURES, show_table

JUDGED = {"judge_claims": 1, "build_gallery": 1}
DRAWN = {"draw_figure": SMOKE_FIGURES, "build_gallery": 1}
COLLECTED = {"collect": 1} | JUDGED | DRAWN
PRUNED = {"prune": 2, "retrain": 2, "train_control": 2, "measure_movement": 1} | COLLECTED
EVERYTHING = {"train_dense": 1} | PRUNED
NEW_SEED = {"train_dense": 1, "prune": 2, "retrain": 2, "train_control": 2, "measure_movement": 1} | COLLECTED
NEW_LEVEL = {"prune": 1, "retrain": 1, "train_control": 1, "measure_movement": 1} | COLLECTED
SECOND = {"train_dense": 1, "prune": 1, "retrain": 1, "train_control": 1, "measure_movement": 1}
SECOND |= {"collect": 1, "judge_claims": 1, "draw_figure": 1, "build_gallery": 1}
SMOKE, LOTTERY = "config/scales/smoke.yaml", "config/papers/lottery_ticket.yaml"
REMARK = "\n# A remark.\n"
UNUSED = "\nUNUSED = 1\n"

# What is changed: a file with the text that gives way, or with None what is added to its end; and the jobs that follow.
CHANGES = {
    "nothing": ([], {}),
    "a comment in a module": ([("reproof/training/schedule.py", None, REMARK)], {}),
    "a comment in a script": ([("workflow/scripts/prune.py", None, REMARK)], {}),
    "a comment in a rule file": ([("rules/prune.smk", None, REMARK)], {}),
    "a comment in the configuration": ([(LOTTERY, None, REMARK), (SMOKE, None, REMARK)], {}),
    "where data comes from": ([("config/config.yaml", "mirror: null", "mirror: /somewhere/else")], {}),
    "a learning rate": ([(SMOKE, "steps: 60", "lr: 1.0e-3, steps: 60")], EVERYTHING),
    "a number of steps": ([(SMOKE, "steps: 60", "steps: 80")], EVERYTHING),
    "a setting to the value of another": ([(SMOKE, "test_every: 20", "test_every: 60")], EVERYTHING),
    "levels fewer": (
        [(SMOKE, "        levels: 2\n", "        levels: 1\n"), (SMOKE, "          noise_0.5: {levels: [2]}\n", "")],
        {"train_control": 1, "measure_movement": 1} | COLLECTED,
    ),
    "levels more": ([(SMOKE, "        levels: 2\n", "        levels: 3\n")], NEW_LEVEL),
    "another seed": ([(SMOKE, "        seeds: 2", "        seeds: 3")], NEW_SEED),
    "another control": (
        [(SMOKE, "reinitialise: {draws: 1}", "reinitialise: {draws: 1}\n          shuffle_mask: {draws: 1}")],
        {"train_control": 1} | COLLECTED,
    ),
    "another paper": (
        [
            ("config/config.yaml", "[lottery_ticket]", "[lottery_ticket, second]"),
            (SMOKE, "papers:\n", "papers:\n  second: {}\n"),
        ],
        SECOND,
    ),
    "another paper that the scale does not name": (
        [("config/config.yaml", "[lottery_ticket]", "[lottery_ticket, second]")],
        {"build_gallery": 1},
    ),
    "a claim's bound": ([(LOTTERY, "expect: {at_most: 0.81}", "expect: {at_most: 0.8}")], JUDGED),
    "a figure's option": (
        [
            (
                LOTTERY,
                "    runs: [lenet, lenet_one_shot]\n    options: {arms: [ticket, reinitialise]}",
                "    runs: [lenet, lenet_one_shot]\n    options: {arms: [ticket]}",
            )
        ],
        {"draw_figure": 1, "build_gallery": 1},
    ),
    "a script": ([("workflow/scripts/prune.py", 'job(here, "numpy")', "job(here)")], PRUNED),
    "a module two imports deep": (
        [("reproof/training/schedule.py", "(step + 1) / settings.warmup", "(step + 2) / settings.warmup")],
        EVERYTHING,
    ),
    "how many are pruned": (
        [("reproof/pruning/masks.py", "round(rate * len(ranked))", "1 + round(rate * len(ranked))")],
        PRUNED,
    ),
    "the criterion": ([("reproof/pruning/criteria.py", "return np.abs(final)", "return np.abs(final) + 1")], PRUNED),
    "a criterion that no run uses": (
        [("reproof/pruning/criteria.py", "return np.abs(initial)", "return np.abs(initial) + 1")],
        {},
    ),
    "a network that no run uses": (
        [("reproof/networks/conv.py", "scale_units(256, width)", "scale_units(128, width)")],
        {},
    ),
    "a control": (
        [("reproof/pruning/controls.py", "scale * deviation", "2 * scale * deviation")],
        {"train_control": 1} | COLLECTED,
    ),
    "a measure": (
        [("reproof/operations/measure_movement.py", "BINS = 40", "BINS = 41")],
        {"measure_movement": 1} | COLLECTED,
    ),
    "the word of a verdict": (
        [
            (
                "reproof/judging/claims.py",
                'DISAGREES, INCONCLUSIVE = "agrees',
                'DISAGREES, INCONCLUSIVE = "very much agrees',
            )
        ],
        JUDGED,
    ),
    "the style of figures": ([("reproof/figures/style.py", 'axes.grid": True', 'axes.grid": False')], DRAWN),
    "a constant of the style that nothing uses": ([("reproof/figures/style.py", None, UNUSED)], {}),
    "a function beside others": ([("reproof/training/schedule.py", None, "\n\ndef unused():\n    return 1\n")], {}),
    "imports in another order": (
        [("reproof/storage/files.py", "import json\nimport os\n", "import os\nimport json\n")],
        {},
    ),
    "a function of another name": (
        [("reproof/seeding.py", "def derive", "def seed_of(*words):\n    return 0\n\n\ndef derive")],
        {},
    ),
    "the style of the page": ([("reproof/gallery/page.css", None, "\n")], {"build_gallery": 1}),
}
TIMES = ("as they fall", "shuffled", "touched")
ROWS = {}


def cases():
    """Yield every change with every dealing of times; most of those with dealt times are left to `make test-slow`."""
    for change in CHANGES:
        for times in TIMES:
            quick = times == "as they fall" or change in ("nothing", "a number of steps", "a figure's option")
            yield pytest.param(change, times, marks=[] if quick else pytest.mark.slow)


def second_paper():
    """A paper of one small run of its own."""
    run = changed(RUN, {"levels": 1, "seeds": 1, "controls": {"reinitialise": {"draws": 1}}})
    paper = changed(PAPER, {"runs": {"small": run}})
    paper["claims"][0]["judged_at"] = ["smoke"]
    return yaml.safe_dump(paper, sort_keys=False)


@pytest.fixture(scope="module")
def pulled(smoke, tmp_path_factory):
    """A clone with everything pulled that the smoke run made."""
    published = smoke.copy(tmp_path_factory.mktemp("published") / "reproof")
    (published / "config/papers/second.yaml").write_text(second_paper())
    outputs = [str(path.relative_to(published.folder)) for path in sorted((published / "results").iterdir())]
    module = "reproof.publishing.publication"
    code = f"import sys, yaml, {module} as p; print(yaml.safe_dump(p.describe_stage(sys.argv[1:], {{}})))"
    (published / "dvc.yaml").write_text(published.python("-c", code, *outputs).text)
    published.commit("code")
    published.shell("dvc commit -f -q && dvc push -q").check()
    published.commit("results")
    return published.clone(tmp_path_factory.mktemp("pulled") / "reproof")


def deal(workspace, times):
    """Set the modification times of results, memory and code: leave them, shuffle them, or touch everything."""
    chance = random.Random(times)
    folders = ("results", ".snakemake/metadata", "reproof", "rules", "workflow", "config")
    for path in (path for folder in folders for path in sorted((workspace / folder).rglob("*")) if path.is_file()):
        stamp = chance.uniform(1.7e9, 1.78e9)
        if times != "as they fall":
            os.utime(path, None if times == "touched" else (stamp, stamp))


@pytest.fixture(scope="module")
def timed(pulled, tmp_path_factory):
    """Return a function that gives the pulled clone with its times dealt."""
    made = {"as they fall": pulled}

    def with_times(times):
        if times not in made:
            made[times] = pulled.copy(tmp_path_factory.mktemp("timed") / "reproof")
            deal(made[times], times)
        return made[times]

    return with_times


@pytest.fixture(scope="module", autouse=True)
def matrix(request):
    """Print what was planned for every change, as a table."""
    yield
    show_table(request, "change", TIMES, {change: [ROWS[change].get(times, "-") for times in TIMES] for change in ROWS})


@pytest.mark.parametrize(("change", "times"), [*cases()])
def test_exactly_what_a_change_affects_is_made_anew(timed, change, times):
    workspace, (edits, expected) = timed(times), CHANGES[change]
    before = {name: (workspace / name).read_text() for name, _, _ in edits}
    ROWS.setdefault(change, {})[times] = "wrong"
    try:
        for name, old, new in edits:
            if old is None:
                (workspace / name).write_text((workspace / name).read_text() + new)
            else:
                workspace.edit(name, old, new)
        assert workspace.planned("results/figures/all") == expected
    finally:
        for name, text in before.items():
            (workspace / name).write_text(text)
    ROWS[change][times] = "right"


def test_another_scale_trains_its_own_and_comes_back_to_nothing(pulled, pristine):
    """Data are shared, the tables and figures of the other scale stay: only the page shows one scale at a time."""
    from_nothing = pristine.planned("results/figures/all", scale="demo")
    assert from_nothing.pop("fetch_dataset") == 1
    assert pulled.planned("results/figures/all", scale="demo") == from_nothing
    assert pulled.planned("results/figures/all") == {}


def test_an_option_of_a_figure_draws_that_figure_anew(finished):
    (edit,) = CHANGES["a figure's option"][0]
    finished.edit(*edit)
    before = stamps(finished)
    finished.snakemake("results/figures/all")
    redrawn = {path.stem for path in changed_since(finished, before) if path.suffix == ".svg"}
    assert redrawn == {"figure_4"}, "the figure, and its copy in the gallery"
    assert finished.planned("results/figures/all") == {}


def stamps(workspace):
    return {path: (workspace / path).read_bytes() for path in workspace.find("*.svg")}


def changed_since(workspace, before):
    return [path for path in workspace.find("*.svg") if before.get(path) != (workspace / path).read_bytes()]


def test_without_snakemakes_memory_the_records_speak(finished):
    """Somebody copied results without it: Snakemake then takes whatever lies there for fresh."""
    shutil.rmtree(finished / ".snakemake")
    assert finished.planned("results/figures/all") == {}
    finished.edit("reproof/operations/measure_movement.py", "BINS = 40", "BINS = 41")
    error = finished.snakemake("-n", code=1).line("error:")
    assert "results/movement/" in error
    assert "made with other settings, code or inputs than this plan's" in error


def test_a_partial_checkout_is_refused_by_name(pulled, tmp_path):
    """One level of an older version among a newer one's results: times and Snakemake's memory say that all is well."""
    workspace = pulled.copy(tmp_path / "reproof")
    workspace.edit("reproof/pruning/criteria.py", "return np.abs(final)", "return -np.abs(final)")
    workspace.snakemake("results/figures/all")
    assert workspace.planned("results/figures/all") == {}
    (mask,) = [path for path in workspace.find("mask.safetensors") if "level1" in path.parts]
    for file in (mask, mask.with_suffix(".json")):
        shutil.copy2(pulled / file, workspace / file)
    error = workspace.snakemake("-n", "results/figures/all", code=1).line("error:")
    assert error.startswith(f"error: {mask.with_suffix('.json')}: made with other settings, code or inputs")
