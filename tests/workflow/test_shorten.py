"""The short run of a scale does all that the scale does, through the same backends: otherwise it proves nothing."""

import math

import pytest
import yaml
from workspace import ROOT

from reproof import registry
from reproof.experiments.configuration import read_configuration
from reproof.planning.cost_model import compute_size
from reproof.planning.inventory import list_planned_jobs
from reproof.planning.plan import Plan
from reproof.training.backends import SPARSE_BELOW, WORTH_COMPILING
from workflow.shorten import LEVELS, SHARE, STEPS, shorten_run, shorten_scale

PUBLISHED = ("demo", "mnist")
EPSILONS = [0.1, 0.2, 0.3]


def options_of(kind, name):
    """Return the options of an operation or attack, as `workflow.vouch` finds them."""
    place = {"operation": "operations", "attack": "attacks"}[kind]
    return registry.list_options(place, kind, name) if name else ()


@pytest.fixture(scope="module")
def plans(repository, tmp_path_factory):
    """{scale: (its plan, the plan of its short run)}."""
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    folder = repository.copy(tmp_path_factory.mktemp("short") / "reproof").folder / "config"
    found = {}
    for scale in PUBLISHED:
        asked = config | {"scale": scale}
        whole = Plan(read_configuration(asked, folder=folder))
        (folder / f"scales/{scale}.yaml").write_text(yaml.safe_dump(shorten_scale(ROOT, scale, options_of)))
        found[scale] = whole, Plan(read_configuration(asked, folder=folder))
    return found


@pytest.mark.parametrize("scale", PUBLISHED)
def test_every_code_of_the_scale_runs_in_the_short_run(plans, scale):
    codes = [
        {(job.script, tuple(sorted(set(job.registered)))) for job in list_planned_jobs(plan)} for plan in plans[scale]
    ]
    assert codes[0] <= codes[1]


@pytest.mark.parametrize("scale", PUBLISHED)
def test_it_is_short(plans, scale):
    whole, short = plans[scale]
    steps = [sum(run.training.steps for runs in plan.runs.values() for run in runs.values()) for plan in (whole, short)]
    assert steps[1] < steps[0] / (2 if scale == "demo" else 20)
    assert all(run.levels <= LEVELS for runs in short.runs.values() for run in runs.values())


def test_tickets_are_trained_by_the_compiled_and_the_sparse_backend(plans):
    """As `reproof.training.backends.on_cpu` chooses them: by weights times steps, and by the share of weights kept."""
    _, short = plans["mnist"]
    work = {
        (job.kind, level): compute_size(job.settings).weights * job.settings["training"]["steps"]
        for job in list_planned_jobs(short) if job.kind in ("train_dense", "retrain")
        for level in (job.levels or (0,))
        if job.settings["network"]["name"] == "lenet_300_100" and job.settings["training"]["steps"] > STEPS
    }  # fmt: skip
    assert all(weights_times_steps >= WORTH_COMPILING for weights_times_steps in work.values())
    kept = {level: (1 - SHARE) ** level for _, level in work}
    assert any(share >= SPARSE_BELOW for share in kept.values())
    assert any(share < SPARSE_BELOW for share in kept.values())


def test_each_setting_is_shortened_by_its_key():
    run = {
        "training": {"steps": 5000, "decay_at": [2000, 4000], "warmup": 900, "validate_every": 100, "test_every": 1000},
        "pruning": {"share": {"fc": 0.2, "output": 0.1}, "rewind": 100},
        "levels": 24,
        "seeds": 5,
        "evaluations": {
            "fool": {"measure": "attack", "attacks": {"one": {"attack": "pgd"}}, "epsilons": [0.1, 0.2, 0.3]}
        },
    }
    short = shorten_run(run, STEPS, options_of)
    assert short["training"] == {
        "steps": 60, "decay_at": [20, 40], "warmup": 20, "validate_every": 20, "test_every": 20
    }  # fmt: skip
    assert short["pruning"] == {"share": {"fc": SHARE, "output": SHARE}, "rewind": 20}
    assert (short["levels"], short["seeds"]) == (3, 2)
    fool = short["evaluations"]["fool"]
    assert fool["epsilons"] == [0.1, 0.2] and fool["attacks"]["one"]["steps"] == 3 and fool["examples"] == 24
    assert math.prod(1 - share for share in [SHARE] * 3) < SPARSE_BELOW
