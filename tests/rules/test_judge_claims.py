"""The rule `judge_claims`: a table of measurements in, one verdict for each claim out."""

import json

import pandas as pd
import pytest
from small_paper import CLAIM, changed

from reproof.pipeline.judge_claims import judge_claims
from reproof.storage.files import read_parquet, write_parquet

GAINS = (0.010, 0.012, 0.011, 0.009, 0.013)


@pytest.fixture
def judged(tmp_path):
    """Return a function that judges claims on five seeds whose tickets are about a point better than dense."""
    rows = [
        {"run": "small", "arm": "ticket", "level": level, "kept": 0.8**level, "seed": seed, "draw": 0,
         "metric": "test_accuracy_at_end", "value": 0.9 + level * gain}
        for seed, gain in enumerate(GAINS)
        for level in (0, 1)
    ]  # fmt: skip
    write_parquet(tmp_path / "measurements.parquet", pd.DataFrame(rows))

    def judge(claims, scale="tiny"):
        files = {"measurements": str(tmp_path / "measurements.parquet"), "verdicts": str(tmp_path / "verdicts.parquet")}
        judge_claims(settings=json.dumps({"claims": claims, "scale": scale}), **files)
        return read_parquet(files["verdicts"]).set_index("claim")

    return judge


def test_a_claim_that_holds_and_one_that_does_not(judged):
    too_much = changed(CLAIM, {"id": "A2", "expect": {"at_least": 0.05}})
    verdicts = judged([CLAIM, too_much])
    assert verdicts["verdict"].to_dict() == {"A1": "agrees", "A2": "disagrees"}
    assert verdicts.loc["A1", "n"] == 5
    assert verdicts.loc["A1", "effect"] == pytest.approx(1.1), "in points of accuracy"
    assert verdicts.loc["A1", "low"] < 1.1 < verdicts.loc["A1", "high"]


def test_at_another_scale_the_direction_is_shown_and_nothing_judged(judged):
    verdicts = judged([CLAIM], scale="smoke")
    assert verdicts.loc["A1", "verdict"] == "not judged at this scale"
    assert verdicts.loc["A1", "direction"] == "as claimed"


def test_a_claim_on_what_was_not_run_says_so(judged):
    absent = changed(CLAIM, {"measure.of.at": {"level": 7}})
    verdicts = judged([absent])
    assert verdicts.loc["A1", "verdict"] == "not judged at this scale"
    assert verdicts.loc["A1", "reason"]


def test_a_paper_without_claims_has_an_empty_table_of_verdicts(judged):
    verdicts = judged([])
    assert len(verdicts) == 0
    assert {"verdict", "effect", "low", "high", "n", "sentence"} <= set(verdicts.columns)
