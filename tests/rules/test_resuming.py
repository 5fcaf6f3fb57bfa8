"""A stopped job goes on from its saved state if its inputs are the same, and starts over if any of them has changed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import stopping
from tiny import RUN

from reproof.pipeline.prune import prune
from reproof.pipeline.retrain import retrain
from reproof.storage.files import read_tensors, write_tensors

LONGER = {"training": RUN["training"] | {"steps": 16}}
LEVELS = {"levels": [1], "rewind": 0}
CONTROL = {"arm": "shuffled", "control": "shuffle_mask", "options": {}, "draws": 1} | LEVELS
GRADIENTS = {"budget": 16, "batch": 20}
BREEDING = {"method": "genetic", "budget": 40, "batch": 20, "parents": 4, "children": 4, "examples": 30}
HARDENED = {"attacks": {"FGSM": {"attack": "fgsm"}}, "epsilons": [0.1], "epsilon": 0.1, "examples": 30}
DENSE = {"dense": "dense"}


def of_operation(name, levels=(0,), **options):
    return {"operation": name, "levels": list(levels), "rewind": 0, "controls": {}, "options": options}


# Of every job that saves: its script, its settings, and its inputs besides the data
JOBS = {
    "train_dense": ("train_dense", {"snapshots": [0]}, {}),
    "retrain": ("retrain", {"level": 1, "rewind": 0}, DENSE | {"mask": "mask1", "continued": []}),
    "retrain and continue": (
        "retrain", {"level": 1, "rewind": 0}, {"dense": "dense", "mask": "mask1", "continued": ["other"]},
    ),
    "train_control": ("train_control", CONTROL, DENSE | {"masks": ["mask1"]}),
    "connect": ("operation", of_operation("connect", [1], points=3), DENSE | {"masks": ["mask1"], "tickets": ["one"]}),
    "freeze": ("operation", of_operation("freeze", sets={"first": ["fc_1"]}), DENSE),
    "freeze_pruned": (
        "operation", of_operation("freeze_pruned", [2], actions=["frozen_or_zero"]),
        DENSE | {"masks": ["mask1", "mask2"], "tickets": ["one"]},
    ),
    "supermask, Bernoulli": ("operation", of_operation("supermask", method="bernoulli", **GRADIENTS), DENSE),
    "supermask, edge-popup": ("operation", of_operation("supermask", method="popup", **GRADIENTS), DENSE),
    "supermask, genetic": ("operation", of_operation("supermask", **BREEDING), DENSE),
    "recreate": ("operation", of_operation("recreate", networks=2), DENSE),
    "harden, FGSM": ("operation", of_operation("harden", adversary="fgsm", **HARDENED), DENSE),
    "harden, PGD": ("operation", of_operation("harden", adversary="pgd", adversary_steps=2, **HARDENED), DENSE),
}  # fmt: skip


@pytest.fixture(scope="module")
def inputs(trained, tmp_path_factory):
    """Return a folder with the inputs of all jobs, by name, and in its folder `changed` another of each."""
    path = tmp_path_factory.mktemp("inputs")
    shutil.copy(trained("data.safetensors"), path / "data")
    shutil.copy(trained("dense.safetensors"), path / "dense")
    asked = json.dumps({"by": "large_final", "scope": "layer", "share": {"fc": 0.6, "output": 0.3}, "continued": False})
    dense, mask = str(path / "dense"), str(path / "mask1")
    prune(settings=asked, dense=dense, trained=dense, previous=[], mask=mask)
    ticket = {"checkpoint": str(path / "one"), "curves": str(path / "curves")}
    retrain(trained.job("one", level=1, rewind=0), dense=dense, mask=mask, continued=[], **ticket)
    prune(settings=asked, dense=dense, trained=str(path / "one"), previous=[mask], mask=str(path / "mask2"))
    shutil.copy(path / "dense", path / "other")
    (path / "changed").mkdir()
    for name in ("data", "dense", "other", "one", "mask1", "mask2"):
        tensors, metadata = read_tensors(path / name)
        write_tensors(path / "changed" / name, {key: change(key, one) for key, one in tensors.items()}, metadata)
    return path


def change(name, value):
    """Another of the same kind: images darker, weights smaller, masks of as many ones at other places."""
    if name.startswith(("train_images", "test_images")):
        return value // 2
    if value.dtype == np.float32:
        return value * np.float32(0.9)
    return value[..., ::-1].copy() if value.dtype == np.uint8 else value


def make_job(kind, folder, *, dies=False):
    script, settings, named = JOBS[kind]
    files = {name: [f"{folder}/{one}" for one in each] if isinstance(each, list) else f"{folder}/{each}"
             for name, each in ({"data": "data"} | named).items()}  # fmt: skip
    names = {"operation": ["metrics.parquet"], "train_control": ["curves.parquet"]}
    outputs = names.get(script, ["checkpoint.safetensors", "curves.parquet"])
    outputs = {name.partition(".")[0]: f"{folder}/out/{name}" for name in [*outputs, "record.json"]}
    about = {"settings": RUN | LONGER | settings, "state": f"{folder}/out/state", "log": f"{folder}/out/log"}
    return {"script": script, "input": files, "output": outputs, "dies": dies} | about


def run(folder, *jobs):
    """Run jobs one after the other; return their exit codes."""
    (folder / "jobs.json").write_text(json.dumps(jobs))
    done = subprocess.run(
        [sys.executable, stopping.__file__, folder / "jobs.json"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": str(stopping.ROOT)},
    )
    return json.loads(done.stdout), done.stderr


def read_results(folder):
    return {path.name: path.read_bytes() for path in (folder / "out").glob("*.*") if path.suffix != ".json"}


def copy_inputs(inputs, folder, *changed):
    """Return a folder with the inputs of a job, some of them changed."""
    folder.mkdir()
    for path in inputs.iterdir():
        if path.is_file():
            shutil.copy(inputs / "changed" / path.name if path.name in changed else path, folder / path.name)
    return folder


def list_inputs(kind):
    every = [*({"data": "data"} | JOBS[kind][2]).values()]
    return [name for one in every for name in ([one] if isinstance(one, str) else one)]


def list_cases():
    """Yield every job with every input of it that may change, "" for none; the last input is tried in each suite."""
    for kind in JOBS:
        *others, last = list_inputs(kind)
        yield from ((kind, ""), (kind, last))
        yield from (pytest.param(kind, other, marks=pytest.mark.slow) for other in others)


@pytest.fixture(scope="module")
def folders(request, inputs, tmp_path_factory):
    """Return, for each case to be tried, the folders in which it was stopped and resumed, and in which it ran."""
    path, here = tmp_path_factory.mktemp("jobs"), [one for one in request.session.items if one.path == request.path]
    cases = [(one.callspec.params["kind"], one.callspec.params["changed"]) for one in here if hasattr(one, "callspec")]
    stopped = {case: copy_inputs(inputs, path / f"stopped {number}") for number, case in enumerate(cases)}
    fresh = {case: copy_inputs(inputs, path / f"fresh {number}", case[1]) for number, case in enumerate(cases)}
    codes, said = run(path, *(make_job(kind, stopped[kind, changed], dies=True) for kind, changed in cases))
    assert set(codes) == {stopping.DIED}, said
    for (_, changed), folder in stopped.items():
        assert list((folder / "out").glob("state.*"))
        if changed:
            shutil.copy(inputs / "changed" / changed, folder / changed)
    codes, said = run(path, *(make_job(case[0], one[case]) for one in (stopped, fresh) for case in cases))
    assert set(codes) == {0}, said
    return stopped, fresh


@pytest.mark.parametrize(("kind", "changed"), [*list_cases()])
def test_a_stopped_job_resumes_with_the_same_inputs_and_starts_over_with_others(folders, kind, changed):
    """Whatever input changes after the stop, the result is that of a job that has never seen the earlier input."""
    stopped, fresh = (one[kind, changed] for one in folders)
    assert read_results(stopped) == read_results(fresh)
    assert (stopping.RESUMED in (stopped / "out/log").read_text()) == (not changed)


def test_every_job_that_saves_is_tried():
    """Every script or operation whose code makes a state, by its source."""
    root = Path(stopping.ROOT, "reproof")
    saving = {path.stem for room in ("pipeline", "operations") for path in (root / room).glob("*.py")
              if any(word in path.read_text() for word in ("job.train(", "make_saving(", "train_copies("))}  # fmt: skip
    tried = {settings.get("operation", script) for script, settings, _ in JOBS.values()}
    assert saving == {{"harden": "adversarial_training"}.get(one, one) for one in tried}
