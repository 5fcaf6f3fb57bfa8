"""The operations dead_outputs and recreate: on real files, what is measured is what plain means find."""

import json

import numpy as np
import pytest
import torch
from tiny import RUN, Folder

from reproof.data.dataset import load_dataset
from reproof.networks import build
from reproof.operations.common.subject import Subject, measure
from reproof.operations.common.training_job import Job, make_member
from reproof.operations.dead_outputs import dead_outputs
from reproof.operations.freeze import freeze
from reproof.operations.gradient_norms import gradient_norms
from reproof.operations.recreate import recreate
from reproof.operations.reset import reset
from reproof.pipeline.train_dense import train_dense
from reproof.storage.checkpoints import read_checkpoint, write_checkpoint
from reproof.storage.files import ReproofError, read_parquet
from reproof.training.variants import unstack

SETTINGS = {"name": "tiny_conv", "filters": 4}


@pytest.fixture
def folder(tmp_path):
    folder = Folder(tmp_path)
    train_dense(make_job(folder), checkpoint=folder("dense.safetensors"), curves=folder("dense.parquet"))
    return folder


def make_job(folder, name="job", **asked):
    """A job on the tiny convolution, trained by RMSprop."""
    settings = RUN | {"network": SETTINGS, "snapshots": [0, 4], "initialisation": {"scheme": "glorot_uniform"}} | asked
    settings["training"] = RUN["training"] | {"optimizer": "rmsprop"}
    return Job(folder("data.safetensors"), json.dumps(settings, sort_keys=True), "code", folder(f"{name}.state"))


def measured(folder, operation, **options):
    job = make_job(folder, options=options, levels=[0])
    measure(operation, Subject(job, folder("dense.safetensors")), folder("table.parquet"))
    return read_parquet(folder("table.parquet"))


def values(table, metric):
    """{(place, seed): value} of a metric."""
    rows = table[table["metric"] == metric]
    assert not rows.duplicated(["at", "seed"]).any()
    return dict(zip(zip(rows["at"], rows["seed"], strict=True), rows["value"], strict=True))


def kill_outputs(folder, *dead):
    """Give these outputs of every trained network a bias that no weighted sum makes good."""
    points = read_checkpoint(folder("dense.safetensors"), "step0", "step4", "final")
    for end in points[-1]:
        end["output.bias"][list(dead)] = -1e6
    named = dict(zip(("step0", "step4", "final"), points, strict=True))
    stacked = {point: {k: np.stack([one[k] for one in each]) for k in each[0]} for point, each in named.items()}
    write_checkpoint(folder("dense.safetensors"), stacked, seeds=[0, 1], kinds={})


def test_dead_outputs_are_counted_and_their_classes_left_out(folder):
    kill_outputs(folder, 1, 3)
    table = measured(folder, dead_outputs, steps=[4, 12])
    dead, accuracy = values(table, "test_dead_outputs"), values(table, "test_accuracy_of_all_classes")
    living = values(table, "test_accuracy_of_living_classes")
    data = load_dataset(folder("data.safetensors"), validation=20)
    for step, point in ((4, "step4"), (12, "final")):
        (states,) = read_checkpoint(folder("dense.safetensors"), point)
        for seed, state in enumerate(states):
            module = build("tiny_conv", input_shape=(1, 6, 6), classes=4, filters=4)
            module.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in state.items()})
            with torch.no_grad():
                outputs = module(data.normalise(data.test.images)).numpy()
            labels = data.test.labels.numpy()
            least = outputs == outputs.min(0)
            constant = {k for k in range(4) if least[labels == k, k].mean() >= 0.99}
            assert step == 4 or constant >= {1, 3}
            right = outputs.argmax(1) == labels
            counted = [k not in constant for k in labels.tolist()]
            assert dead[step, seed] == len(constant)
            assert accuracy[step, seed] == pytest.approx(right.mean())
            assert living.get((step, seed)) == (pytest.approx(right[counted].mean()) if any(counted) else None)


def test_a_network_of_which_every_output_is_dead_has_no_accuracy_of_living_classes(folder):
    kill_outputs(folder, 0, 1, 2, 3)
    table = measured(folder, dead_outputs, steps=[12])
    assert set(values(table, "test_dead_outputs").values()) == {4.0}
    assert not values(table, "test_accuracy_of_living_classes")


def test_the_first_network_is_the_runs_own_and_the_second_is_as_if_it_were_alone(folder):
    """Nothing is carried over in a process: trained second, a network has the bits that it has trained first."""
    table = values(measured(folder, recreate, networks=3), "test_accuracy_recreated")
    subject = Subject(make_job(folder, options={}, levels=[0]), folder("dense.safetensors"))
    own = subject.evaluate(
        [{k: torch.from_numpy(np.array(v)) for k, v in end.items()} for end in subject.read_tickets(0)],
        subject.job.dataset.test,
    )["accuracy"]
    assert set(table) == {(float(number), seed) for number in (1, 2, 3) for seed in (0, 1)}
    for seed in (0, 1):
        assert table[1.0, seed] == own[seed]
        start = subject.job.draw_weights(seed, "recreated", 2)
        assert not np.array_equal(start["conv_1.weight"], subject.read_step(0)[seed]["conv_1.weight"])
        alone = subject.job.train([make_member(start, seed=seed, arm="recreated 2")], label="alone")
        accuracy = subject.evaluate(unstack(alone.points["final"]), subject.job.dataset.test)["accuracy"]
        assert table[2.0, seed] == float(accuracy)


@pytest.mark.parametrize(
    ("operation", "options"),
    [
        (dead_outputs, {"steps": [4]}),
        (recreate, {}),
        (freeze, {"sets": {"one": ["conv_1"]}}),
        (gradient_norms, {}),
        (reset, {"steps": [0]}),
    ],
)
def test_a_split_without_examples_is_refused(folder, operation, options):
    options = options | {"split": "validation"}
    job = make_job(folder, options=options, levels=[0], dataset=RUN["dataset"] | {"validation": 0})
    with pytest.raises(ReproofError, match=r"^evaluations: there are no validation examples"):
        measure(operation, Subject(job, folder("dense.safetensors")), folder("none.parquet"))


@pytest.mark.parametrize(("operation", "options"), [(dead_outputs, {"steps": [4]}), (recreate, {})])
def test_only_dense_networks_are_measured(folder, operation, options):
    job = make_job(folder, options=options, levels=[1])
    with pytest.raises(ReproofError, match=f"{operation.__name__} .*dense networks alone; leave `levels` out"):
        measure(operation, Subject(job, folder("dense.safetensors")), folder("none.parquet"))
