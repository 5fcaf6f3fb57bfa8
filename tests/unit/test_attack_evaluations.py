"""Evaluations that attack: the networks that classify the examples of another, and mistakes reported in one line."""

import json
from copy import deepcopy

import pytest
from small_paper import PAPER, changed, plan

from reproof.operations.attack import HARNESS
from reproof.provenance.equal_code import EqualCode
from reproof.provenance.fingerprint import Code
from reproof.storage.files import ReproofError

ATTACK = {"measure": "attack", "attacks": {"sign": {"attack": "fgsm"}}, "epsilons": [0.1]}
DISTORT = {"measure": "minimum_distortion", "victims": ["small", "other"]}


def paper(**changes):
    other = deepcopy(PAPER["runs"]["small"]) | {"controls": {}, "network": {"name": "fc", "units": 8}}
    return changed(PAPER, {"runs.other": other, "runs.small.evaluations.distort": deepcopy(DISTORT), **changes})


def planned(folder, scale=None, **changes):
    papers = {"one": paper(**changes)}
    return plan(folder, papers=papers) if scale is None else plan(folder, papers=papers, scale=scale)


def complaint(folder, **changes):
    with pytest.raises(ReproofError) as caught:
        planned(folder, **changes)
    text = str(caught.value)
    assert "\n" not in text
    return text.removeprefix(f"{folder}/papers/one.yaml: ")


def attacking(folder, **changes):
    sound = {"runs.small.evaluations.fool": deepcopy(ATTACK)}
    return complaint(folder, **sound | {f"runs.small.evaluations.fool.{key}": value for key, value in changes.items()})


def test_victims_are_read_from_the_dense_networks_of_their_runs_seeds_block_by_block(tmp_path):
    small = planned(tmp_path)
    run, other = small.runs["one"]["small"], small.runs["one"]["other"]
    assert small.locate_victims(run.evaluation("distort"), "0-1") == [
        f"results/dense/{one.dense}/0-1/checkpoint.safetensors" for one in (run, other)
    ]


def test_what_a_victim_is_decides_the_name_and_the_settings_of_the_result(tmp_path):
    first = planned(tmp_path / "a")
    second = planned(tmp_path / "b", **{"runs.other.training.lr": 0.5})
    names = [one.runs["one"]["small"].evaluation("distort") for one in (first, second)]
    assert names[0] != names[1]
    asked = json.loads(first.make_run_job("minimum_distortion", names[0], (0, 1), (0,)).settings_line)
    assert list(asked["options"]["victims"]) == ["small", "other"]
    assert asked["victims"]["other"]["network"] == {"name": "fc", "units": 8}
    assert asked["victims"]["other"]["dense"] == first.runs["one"]["other"].dense


def test_a_victims_network_and_an_attacks_code_count_in_the_fingerprint(tmp_path):
    small = planned(tmp_path, **{"runs.small.evaluations.fool": deepcopy(ATTACK)})
    run = small.runs["one"]["small"]
    small.equal_code, fingerprint = EqualCode({}), Code().compute_fingerprint
    own = ("networks", "network", run.network["name"])
    script = "workflow/scripts/operation.py"
    distort, attack = (("operations", "operation", name) for name in ("minimum_distortion", "attack"))
    assert small.find_code("operation", run.evaluation("distort")) == fingerprint(
        script, (distort, own, own, ("networks", "network", "fc"))
    )
    assert small.find_code("operation", run.evaluation("fool")) == fingerprint(
        script, (attack, own, ("attacks", "attack", "fgsm"))
    )
    assert small.find_code("operation", run.evaluation("fool")) != fingerprint(script, (attack, own))


def test_a_victim_that_a_scale_does_not_run_is_left_out(tmp_path):
    whole = {"about": "A test.", "blocks": {"seeds": 2, "levels": 2}}
    less = planned(tmp_path, scale=whole | {"papers": {"one": {"runs": {"other": None}}}})
    assert less.runs["one"]["small"].evaluations["distort"].options["victims"] == ["small"]


def test_the_operation_takes_of_an_entry_what_the_plan_lets_through(tmp_path):
    sound = {"attack": "pgd", "targeted": True, "epsilons": [0.2], "steps": 3}
    small = planned(tmp_path, **{"runs.small.evaluations.fool": ATTACK | {"attacks": {"steps": sound}}})
    assert small.runs["one"]["small"].evaluations["fool"].options["attacks"]["steps"] == sound
    assert set(sound) - set(HARNESS) == {"steps"}


def test_a_distance_that_yaml_reads_as_text_is_told_with_its_line(tmp_path):
    said = "runs.small.evaluations.fool.epsilons[0]: '1e-1' is text, not a number: YAML reads it so; write 1.0e-1"
    assert attacking(tmp_path, epsilons=["1e-1"]).partition(": ")[2].startswith(said)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"attacks.sign.attack": "fgms"}, "attacks.sign.attack: 'fgms' is unknown; did you mean 'fgsm'?"),
        ({"attacks.sign.step": 3}, "attacks.sign.step: 'step' is unknown; choose one of attack, clip, epsilon, "),
        ({"attacks.sign.epsilon": 0.1}, "attacks.sign.epsilon: is no option; write `epsilons`, a list"),
        ({"epsilons": [0.1, 1.5]}, "epsilons: 1.5 is outside the data's range: pixels are in [0, 1], so it must be "),
        ({"epsilons": [0]}, "epsilons: 0.0 is outside the data's range"),
        ({"epsilons": []}, "attacks.sign.epsilons: is missing; fgsm needs at least one distance"),
        ({"attacks.sign.epsilons": [-0.1]}, "attacks.sign.epsilons: -0.1 is outside the data's range"),
    ],
)
def test_a_mistake_in_an_attack_is_told_in_one_line(tmp_path, changes, says):
    assert attacking(tmp_path, **changes).startswith(f"runs.small.evaluations.fool.{says}")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"runs.small.evaluations.distort.victims": ["othr"]}, "'othr' is unknown; did you mean 'other'?"),
        ({"runs.other.seeds": 1}, "other has 1 seeds where this run has 3; give both as many"),
        ({"runs.other.dataset.name": "cifar10"}, "other is not given the same pixels; let both have the same data set"),
    ],
)
def test_a_victim_that_cannot_be_shown_the_images_is_told_in_one_line(tmp_path, changes, says):
    assert complaint(tmp_path, **changes).startswith(f"runs.small.evaluations.distort.victims: {says}")
