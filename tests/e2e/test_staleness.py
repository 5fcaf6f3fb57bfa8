"""Never a stale result, and nothing made anew without a reason."""

import os
import shutil
import time

import pytest

JUDGED = {"judge_claims": 1, "build_gallery": 1}
DRAWN = {"draw_figure": 11, "build_gallery": 1}
COLLECTED = {"collect": 1} | JUDGED | DRAWN
PRUNED = {"prune": 2, "retrain": 2, "train_control": 2, "measure_movement": 1} | COLLECTED
EVERYTHING = {"train_dense": 1} | PRUNED


def test_a_touch_makes_nothing_anew(finished):
    """A checkout touches every file."""
    for folder in ("workflow", "reproof", "config", "rules"):
        for path in (finished / folder).rglob("*"):
            os.utime(path)
    os.utime(finished / "Snakefile")
    assert finished.planned("results/figures/all") == {}


def test_a_comment_makes_nothing_anew(finished):
    for name in (
        "reproof/training/schedule.py",
        "reproof/pruning/masks.py",
        "workflow/scripts/prune.py",
        "rules/prune.smk",
        "config/papers/lottery_ticket.yaml",
        "config/scales/smoke.yaml",
    ):
        with (finished / name).open("a") as file:
            file.write("\n# A remark.\n")
    assert finished.planned("results/figures/all") == {}


@pytest.mark.parametrize(
    ("name", "old", "new", "rules"),
    [
        ("reproof/training/schedule.py", "(step + 1) / settings.warmup", "(step + 2) / settings.warmup", EVERYTHING),
        ("reproof/pruning/masks.py", "round(rate * len(ranked))", "1 + round(rate * len(ranked))", EVERYTHING),
        ("reproof/pruning/criteria.py", "return np.abs(final)", "return np.abs(final) + 1", PRUNED),
        ("reproof/pruning/criteria.py", "return np.abs(initial)", "return np.abs(initial) + 1", {}),
        ("reproof/networks/conv.py", "nn.ReLU()", "nn.ReLU(inplace=True)", {}),
        ("reproof/pruning/controls.py", "scale * deviation", "2 * scale * deviation", {"train_control": 1} | COLLECTED),
        ("reproof/jobs/measure_movement.py", "BINS = 40", "BINS = 41", {"measure_movement": 1} | COLLECTED),
        ("reproof/judging/outcome.py", 'INCONCLUSIVE = "', 'INCONCLUSIVE = "very ', JUDGED),
        ("reproof/figures/style.py", "add_gridspec", "add_gridspec", DRAWN),
        ("reproof/gallery/page.css", "body", "body", {"build_gallery": 1}),
    ],
)
def test_a_deep_change_makes_its_dependents_anew_and_nothing_else(finished, name, old, new, rules):
    text = (finished / name).read_text()
    assert old in text
    unused = "\n" if name.endswith(".css") else "\nUNUSED = 1\n"
    (finished / name).write_text(text + unused if old == new else text.replace(old, new))
    assert finished.planned("results/figures/all") == rules
    (finished / name).write_text(text)
    assert finished.planned("results/figures/all") == {}, "and back again, nothing"


def test_an_option_of_a_figure_draws_that_figure_anew(finished):
    finished.edit(
        "config/papers/lottery_ticket.yaml",
        "    runs: [lenet, lenet_one_shot]\n    options: {arms: [ticket, reinitialise]}",
        "    runs: [lenet, lenet_one_shot]\n    options: {arms: [ticket]}",
    )
    assert finished.planned("results/figures/all") == {"draw_figure": 1, "build_gallery": 1}
    before = stamps(finished)
    finished.snakemake("results/figures/all")
    redrawn = {path.stem for path in changed_since(finished, before) if path.suffix == ".svg"}
    assert redrawn == {"figure_4"}, "the figure, and its copy in the gallery"
    assert finished.planned("results/figures/all") == {}


def stamps(workspace):
    return {path: (workspace / path).read_bytes() for path in workspace.find("*.svg")}


def changed_since(workspace, before):
    return [path for path in workspace.find("*.svg") if before.get(path) != (workspace / path).read_bytes()]


def test_a_claims_bound_judges_anew(finished):
    text = (finished / "config/papers/lottery_ticket.yaml").read_text()
    (finished / "config/papers/lottery_ticket.yaml").write_text(
        text.replace("expect: {at_most: 0.81}", "expect: {at_most: 0.8}")
    )
    assert finished.planned("results/figures/all") == JUDGED


def test_one_line_adds_a_control_and_trains_nothing_else(finished):
    finished.edit(
        "config/scales/smoke.yaml",
        "reinitialise: {draws: 1}",
        "reinitialise: {draws: 1}\n          shuffle_mask: {draws: 1}",
    )
    assert finished.planned("results/figures/all") == {"train_control": 1} | COLLECTED


def test_another_seed_trains_that_seed_alone(finished):
    finished.edit("config/scales/smoke.yaml", "        seeds: 2", "        seeds: 3")
    new = {"train_dense": 1, "prune": 2, "retrain": 2, "train_control": 2, "measure_movement": 1}
    assert finished.planned("results/figures/all") == new | COLLECTED


def test_another_level_trains_that_level_alone(finished):
    finished.edit("config/scales/smoke.yaml", "        levels: 2\n", "        levels: 3\n")
    assert (
        finished.planned("results/figures/all")
        == {"prune": 1, "retrain": 1, "train_control": 1, "measure_movement": 1} | COLLECTED
    )


def test_a_longer_training_is_another_run(finished):
    finished.edit("config/scales/smoke.yaml", "steps: 60", "steps: 80")
    assert finished.planned("results/figures/all") == EVERYTHING


def test_where_data_comes_from_changes_nothing(finished):
    finished.edit("config/config.yaml", "mirror: null", "mirror: /somewhere/else")
    assert finished.planned("results/figures/all") == {}


def test_after_a_clone_the_records_speak(finished):
    """Snakemake has no memory then, and takes whatever lies there for fresh."""
    shutil.rmtree(finished / ".snakemake")
    assert finished.planned("results/figures/all") == {}
    finished.edit("reproof/jobs/measure_movement.py", "BINS = 40", "BINS = 41")
    ran = finished.snakemake("-n", code=1)
    error = ran.line("error:")
    assert "results/movement/" in error
    assert "made with other settings, code or inputs than this plan's" in error


def test_a_result_that_somebody_edited_is_not_silently_used(finished):
    (path,) = [path for path in finished.find("curves.parquet") if "level1" in path.parts]
    time.sleep(0.01)
    (finished / path).write_bytes((finished / path.with_name("mask.safetensors")).read_bytes())
    error = finished.snakemake("-n", "results/figures/all", code=1).line("error:")
    assert error.startswith(f"error: {path}: is damaged or was edited: its bytes are not those that")
