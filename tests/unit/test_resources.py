"""What jobs ask for: more for more networks and for a GPU, time from records where there are any."""

import json

import pytest
from small_paper import PAPER, SCALE, changed, plan

from reproof.planning.cost_model import estimate_step_seconds
from reproof.planning.resources import Requested

STEPS = 100


def dense(planned):
    (run,) = planned.runs["one"].values()
    return run, {"run": run.dense, "seeds": "0-1"}


def on_gpus(folder):
    return plan(folder, scale=SCALE | {"blocks": {"seeds": 2, "levels": 2, "gpu": 1}})


def test_a_scale_without_gpus_asks_for_none_and_others_for_one(tmp_path):
    assert Requested(plan(tmp_path / "cpu")).gpus == 0
    assert Requested(on_gpus(tmp_path / "gpu")).gpus == 1


def test_the_expected_time_is_an_estimate_until_a_record_tells(tmp_path):
    planned = plan(tmp_path)
    _, wildcards = dense(planned)
    settings = planned.find_job("train_dense", wildcards).settings
    guess = Requested(planned, results=str(tmp_path / "results")).estimate_duration("train_dense", wildcards)
    assert not guess.measured
    assert guess.seconds == pytest.approx(10 + 2 * STEPS * estimate_step_seconds(settings, gpu=False))
    record = tmp_path / "results/dense/x/0-1/record.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"settings": settings, "training_s": 1000.0, "device": "cpu"}))
    known = Requested(planned, results=str(tmp_path / "results")).estimate_duration("train_dense", wildcards)
    assert known.measured
    assert known.seconds == pytest.approx(10 + 1000)


def test_the_time_limit_has_headroom_a_floor_and_a_ceiling(tmp_path):
    planned = plan(tmp_path)
    _, wildcards = dense(planned)
    settings = planned.find_job("train_dense", wildcards).settings
    assert [Requested(planned).limit_time("train_dense", wildcards, attempt) for attempt in (1, 2, 3)] == [
        10,
        20,
        30,
    ]
    record = tmp_path / "results/dense/x/0-1/record.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"settings": settings, "training_s": 7180.0, "device": "cpu"}))
    requested = Requested(planned, results=str(tmp_path / "results"))
    limits = [requested.limit_time("train_dense", wildcards, attempt) for attempt in (1, 2, 3, 8, 9)]
    assert limits == [180, 360, 540, 1440, 1440], "one and a half times 7,190 s, in whole minutes; never over a day"


def test_a_control_takes_as_long_as_all_its_networks(tmp_path):
    planned = plan(tmp_path)
    run, wildcards = dense(planned)
    requested = Requested(planned)
    control = {"run": run.control("reinitialise"), "seeds": "0-1", "levels": "1_2"}
    one, four = (
        requested.estimate_duration("train_dense", wildcards),
        requested.estimate_duration("train_control", control),
    )
    assert four.seconds - 10 == pytest.approx(4 * (one.seconds - 10)), "2 levels x 2 draws"
    assert requested.compute_mb("train_control", control) > requested.compute_mb("train_dense", wildcards)


def test_a_gpu_takes_memory_of_the_machine_besides(tmp_path):
    few, more = plan(tmp_path / "cpu"), on_gpus(tmp_path / "gpu")
    both = [Requested(one).compute_mb("train_dense", dense(one)[1]) for one in (few, more)]
    assert both[1] - both[0] == 2000
    assert both[0] == 3000 + 22, "ten times 2 x 266,200 weights of 4 bytes"


def test_strategy_2_trains_twice(tmp_path):
    seconds = []
    for reset in ("each_round", "at_end"):
        planned = plan(tmp_path / reset, papers={"one": changed(PAPER, {"runs.small.pruning.reset": reset})})
        (run,) = planned.runs["one"].values()
        wildcards = {"run": run.tickets, "seeds": "0-1", "level": "2"}
        seconds.append(Requested(planned).estimate_duration("retrain", wildcards).seconds - 10)
    assert seconds[1] == pytest.approx(2 * seconds[0])
