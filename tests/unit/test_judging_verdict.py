"""Verdicts from a table of measurements to the sentence that a reader sees."""

from math import inf, isnan

import claim_kit
import numpy as np
import pandas as pd
import pytest

from reproof.judging import verdict
from reproof.judging.claims import Claim
from reproof.storage.files import read_parquet, write_parquet

# Levels of a ladder that keeps 80 % per round.
KEPT = {0: 1.0, 5: 0.329, 9: 0.135}
ACCURACY = {0: [0.9790, 0.9792, 0.9794, 0.9788, 0.9796], 9: [0.9832, 0.9830, 0.9834, 0.9835, 0.9836]}


def table(values=ACCURACY, *, arm="ticket", metric="test_accuracy_at_early_stop", seeds=5, run="lenet"):
    rows = [
        (run, arm, level, KEPT[level], seed, 0, metric, value)
        for level, line in values.items()
        for seed, value in enumerate(line[:seeds])
    ]
    return pd.DataFrame(rows, columns=["run", "arm", "level", "kept", "seed", "draw", "metric", "value"])


CLAIM = claim_kit.CLAIM | {
    "id": "A2.peak",
    "says": "At 13.5 % kept, the ticket is more than 0.3 points more accurate than the dense network.",
    "where": "section 2, figure 4b",
    "published": "more than 0.3 points",
}
MEASURE = CLAIM["measure"]


def judge_claims(claims, measurements, *, scale):
    return verdict.judge_claims([Claim.parse(claim) for claim in claims], measurements, scale=scale)


def only(measurements, *, scale="mnist", **changes):
    return judge_claims([{**CLAIM, **changes}], measurements, scale=scale).iloc[0]


def test_a_claim_that_holds():
    row = only(table())
    assert (row.verdict, row.judged, row.n, row.unit, row.direction) == ("agrees", True, 5, "points", "as claimed")
    assert row.effect == pytest.approx(0.414)  # differences 42, 38, 40, 47, 40 ten-thousandths
    # t of 4 degrees of freedom.
    half = 2.776445 * np.std([0.42, 0.38, 0.40, 0.47, 0.40], ddof=1) / np.sqrt(5)
    assert (row.low, row.high) == pytest.approx((0.414 - half, 0.414 + half))
    assert (row.bound_low, row.bound_high, row.expected) == (pytest.approx(0.3), inf, "at least 0.30 points")
    assert (row.kept, row.runs, row.interval) == (0.135, "lenet", "95 %, Student t over seeds")
    assert isnan(row.seeds_needed)
    assert row.reason == ""


def test_its_sentence():
    assert only(table()).sentence == (
        "In lenet, tickets with 13.5 % of the weights kept are 0.41 points more accurate than the dense network "
        "(95 % interval 0.37 to 0.46, 5 seeds); the paper says more than 0.3 points, expected at least 0.30 points: "
        "agrees."
    )


def test_an_inconclusive_claim_says_how_many_seeds_would_settle_it():
    row = only(table(), expect={"at_least": 0.004})
    assert row.verdict == "inconclusive"
    assert row.seeds_needed == 26  # t(25) 2.060 x 0.0341 / sqrt(26) = 0.0138 < 0.014, the distance to the bound
    assert row.sentence.endswith("expected at least 0.40 points: inconclusive (about 26 seeds would settle it).")


def test_a_claim_that_fails():
    row = only(table(), expect={"at_most": 0})
    assert (row.verdict, row.direction) == ("disagrees", "against")
    assert row.sentence.endswith("expected at most 0.00 points: disagrees.")


def test_a_scale_that_does_not_judge_shows_the_direction():
    row = only(table(), scale="demo")
    assert (row.verdict, row.judged, row.direction) == ("not judged at this scale", False, "as claimed")
    assert row.effect == pytest.approx(0.414)
    assert isnan(row.seeds_needed)
    assert row.reason == "scale demo departs too far from the paper for this claim"
    assert row.sentence.endswith("not judged at this scale (the direction claimed).")


def test_what_is_not_measured_is_not_judged_and_named():
    row = only(table(run="conv_2"))
    assert (row.verdict, row.judged, row.direction, row.n) == ("not judged at this scale", False, "not measured", 0)
    assert row.reason == "run lenet is not measured at this scale"
    assert row.sentence == "Not judged: run lenet is not measured at this scale."
    assert isnan(row.effect) and isnan(row.low) and isnan(row.kept)
    assert row.expected == "at least 0.30 points"


def test_one_seed_is_shown_and_settles_nothing():
    row = only(table(seeds=1))
    assert (row.verdict, row.n, row.direction) == ("inconclusive", 1, "as claimed")
    assert isnan(row.low) and isnan(row.seeds_needed)
    assert row.sentence.endswith("inconclusive (one seed has no spread, so that it settles nothing).")
    assert "(1 seed, no interval)" in row.sentence


def test_seeds_that_are_left_out_are_counted():
    # The first row is seed 0 of the dense network, which breaks the pair of this seed.
    broken = table()
    broken.loc[0, "value"] = np.nan
    row = only(broken)
    assert row.n == 4
    assert row.reason == "1 of 5 seeds lack a value on some side and are left out"


def test_an_effect_on_the_bound_needs_endless_seeds():
    # Differences -0.25, 0 and 0.25: their mean is exactly the bound.
    differences = {0: [0.5, 0.5, 0.5], 9: [0.25, 0.5, 0.75]}
    row = only(table(differences), expect={"at_least": 0})
    assert (row.verdict, row.direction, row.seeds_needed) == ("inconclusive", "neither", inf)
    assert "no number of seeds settles it: the effect sits on the bound" in row.sentence


def test_a_ratio_of_steps_reads_as_times():
    steps = table({0: [1000, 1100, 900], 9: [500, 560, 440]}, metric="early_stop_step")
    measure = {**MEASURE, "metric": "early_stop_step"}
    row = only(steps, judge="paired_ratio", measure=measure, expect={"at_most": 0.81})
    assert (row.unit, row.verdict) == ("times", "agrees")
    assert row.effect == pytest.approx((0.5 * 560 / 1100 * 440 / 900) ** (1 / 3))
    assert (
        "the early-stopping step of tickets with 13.5 % of the weights kept is 0.499 times that of the dense"
        in row.sentence
    )


def test_a_single_value_reads_in_per_cent():
    measure = {"metric": "test_accuracy_at_early_stop", "of": {"run": "lenet", "at": {"level": 0}}}
    row = only(table(), judge="mean", measure=measure, expect={"between": [0.975, 0.985]})
    assert (row.unit, row.expected, row.verdict) == ("%", "from 97.50 to 98.50 %", "agrees")
    assert "the test accuracy at early stopping of dense networks is 97.92 %" in row.sentence


def test_a_control_that_falls_early_and_a_ticket_past_the_end_of_the_ladder():
    # Tickets are above the dense network at the last level, so they may reach further. The control falls at once, so
    # that only the dense network itself (kept 1) keeps its accuracy.
    tickets = table({0: [0.90] * 3, 5: [0.93, 0.92, 0.94], 9: [0.91, 0.92, 0.91]})
    control = table({5: [0.80, 0.85, 0.87], 9: [0.6, 0.6, 0.7]}, arm="reinitialise")
    reach = {"smallest": "kept", "at_least": "dense"}
    measure = {
        "metric": "test_accuracy_at_early_stop",
        "of": {"run": "lenet", "arm": "reinitialise", "reach": reach},
        "against": {"arm": "ticket"},
    }
    both = pd.concat([tickets, control])
    row = only(both, judge="paired_ratio", measure=measure, expect={"at_least": 1})
    assert (row.verdict, row.high) == ("agrees", inf)
    assert row.effect == pytest.approx(1 / 0.135)
    assert (
        "the smallest share of weights that keeps the dense network's test accuracy at early stopping for "
        "freshly initialised tickets is 7.41 times that for tickets" in row.sentence
    )
    further = only(both, judge="paired_ratio", measure=measure, expect={"at_least": 100})
    assert (further.verdict, further.seeds_needed) == ("inconclusive", inf)
    assert further.reason == "the ladder of levels ends before some seed does: more levels would help, not more seeds"


def test_every_judge_has_words():
    more = table({0: [0.5] * 3, 5: [0.6, 0.7, 0.8], 9: [0.7, 0.8, 0.9]})
    other = table({0: [3, 2, 1], 5: [2, 1, 2], 9: [1, 3, 3]}, metric="early_stop_step")
    both = pd.concat([more, other])
    ranged = {"metric": "test_accuracy_at_early_stop", "of": {"run": "lenet", "at": {"kept": [0.1, 1.0]}}}
    findings = {
        judge: only(both, judge=judge, measure=measure, expect={"at_least": 0}).sentence.split(" (")[0]
        for judge, measure in {
            "share_of_seeds": MEASURE,
            "identical": MEASURE,
            "spread": {key: value for key, value in MEASURE.items() if key != "against"},
            "trend": ranged,
            "rank_correlation": {**ranged, "against": {"metric": "early_stop_step"}},
        }.items()
    }
    curve = "the test accuracy at early stopping of tickets with 13.5 to 100 % of the weights kept"
    point = "the test accuracy at early stopping of tickets with 13.5 % of the weights kept"
    assert findings == {
        "share_of_seeds": f"In lenet, {point} is higher than that of the dense network in 100 % of the seeds",
        "identical": f"In lenet, {point} differs from that of the dense network by at most 40.00 points",
        "spread": f"In lenet, the standard deviation over seeds of {point} is 10.00 points",
        "trend": f"In lenet, {curve} has a rank correlation of −1.00 with the share of weights kept",
        "rank_correlation": f"In lenet, {curve} has a rank correlation of 0.17 with the early-stopping step of tickets",
    }  # rank correlations by seed: −1, 1/2 and 1, of which the mean is 1/6


def test_other_runs_metrics_and_places_are_named():
    at_end = "test_accuracy_at_end"
    here, there = table(metric=at_end), table(metric=at_end, run="lenet_one_shot")
    # Differences vary between seeds, or the interval would be that of rounding.
    there["value"] += 0.01 + 0.001 * there["seed"]
    measure = {"metric": at_end, "of": {"run": "lenet", "at": {"kept": 0.135}}, "against": {"run": "lenet_one_shot"}}
    row = only(pd.concat([here, there]), measure=measure)
    assert row.runs == "lenet, lenet_one_shot"
    assert row.sentence.startswith(
        "In lenet, tickets with 13.5 % of the weights kept are 1.20 points less accurate than tickets in "
        "lenet_one_shot in test accuracy at the end of training (95 % interval −1.40 to −1.00, 5 seeds)"
    )


def test_a_difference_that_is_no_accuracy_is_lower_or_higher():
    steps = table({0: [1000, 1100, 900], 9: [500, 560, 440]}, metric="early_stop_step")
    down = {**MEASURE, "metric": "early_stop_step"}
    up = {**down, "of": {"run": "lenet", "at": {"level": 0}}, "against": {"at": {"kept": 0.135}}}
    assert "the weights kept is 500 steps lower than that of the dense network" in only(steps, measure=down).sentence
    assert (
        "is 500 steps higher than that of tickets with 13.5 % of the weights kept" in only(steps, measure=up).sentence
    )


def test_averages_say_over_what():
    averaged = {**MEASURE, "of": {"run": "lenet", "at": {"kept": [0.1, 0.9]}, "mean": True}}
    two_levels = table({**ACCURACY, 5: [0.985] * 5})
    assert only(two_levels, measure=averaged).sentence.startswith(
        "In lenet, tickets on average over 2 levels (13.5 to 32.9 % of the weights kept) are 0.50 points more accurate"
    )
    assert isnan(only(two_levels, measure=averaged).kept)
    assert only(table(), measure=averaged).sentence.startswith("In lenet, tickets with 13.5 % of the weights kept are")


def test_each_level_reports_the_least_favourable():
    measure = {**MEASURE, "of": {"run": "lenet", "at": {"kept": [0.13, 0.9]}}, "each": True}
    values = {**ACCURACY, 5: [0.9850, 0.9852, 0.9854, 0.9848, 0.9855]}
    row = only(table(values), measure=measure)
    assert (row.verdict, row.kept) == ("agrees", 0.135)
    assert row.sentence.startswith("In lenet, at the least favourable of 2 levels, tickets with 13.5 % of the weights")
    assert row.interval == "95 % at the least favourable of 2 levels, Student t over seeds"


def test_columns_and_types_do_not_depend_on_content(tmp_path):
    judged = judge_claims([CLAIM], table(), scale="mnist")
    # pandas would infer other types for columns without values, and other bytes would follow.
    for name, claims, measurements in [("absent", [CLAIM], table(run="vgg")), ("none", [], table())]:
        other = judge_claims(claims, measurements, scale="mnist")
        assert dict(other.dtypes) == dict(judged.dtypes), name
    for name in ("one", "two"):
        write_parquet(tmp_path / name, judge_claims([CLAIM], table(), scale="mnist"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_parquet(tmp_path / "one")["sentence"].tolist() == judged["sentence"].tolist()


def test_the_order_of_rows_changes_nothing():
    shuffled = table().sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        judge_claims([CLAIM], table(), scale="mnist"), judge_claims([CLAIM], shuffled, scale="mnist")
    )


def copied(*, arm="ticket", level=9, shift=0.0):
    """Instability of copies from steps 0, 100 and 500 of five seeds."""
    rows = [
        ("lenet", arm, level, KEPT[level], seed, 0, "", float(at), "test_instability", value + shift + seed / 1000)
        for seed in range(5)
        for at, value in ((0, 0.5), (100, 0.1), (500, 0.005))
    ]
    columns = ["run", "arm", "level", "kept", "seed", "draw", "part", "at", "metric", "value"]
    return pd.DataFrame(rows, columns=columns)


def test_what_is_read_at_a_step_of_its_own_says_so():
    measure = {"metric": "test_instability", "of": {"run": "lenet", "at": {"kept": 0.135, "at": 100}}}
    row = only(copied(), judge="mean", measure=measure, expect={"at_most": 0.02})
    assert row.sentence.startswith(
        "In lenet, the test instability of tickets with 13.5 % of the weights kept at step 100 is 10.20 % ("
    )
    assert (row.unit, row.kept, row.verdict) == ("%", pytest.approx(0.135), "disagrees")
    both = pd.concat([copied(), copied(arm="shuffle_mask", shift=0.25)])
    compared = {
        "metric": "test_instability",
        "of": measure["of"] | {"arm": "shuffle_mask"},
        "against": {"arm": "ticket"},
    }
    assert only(both, measure=compared).sentence.startswith(
        "In lenet, the test instability of random masks of the same size with 13.5 % of the weights kept at step 100 "
        "is 25.00 points higher than that of tickets at step 100 ("
    )


def test_a_step_that_is_reached_is_counted_in_steps():
    place = {"run": "lenet", "at": {"kept": 0.135, "at": [0, 500]}}
    measure = {"metric": "test_instability", "of": place | {"reach": {"smallest": "at", "at_most": 0.02}}}
    row = only(copied(), judge="mean", measure=measure, expect={"at_most": 500})
    assert (row.unit, row.effect) == ("steps", 500)
    assert isnan(row.kept), "it is read along steps"
    assert row.sentence.startswith(
        "In lenet, the smallest step with test instability at most 0.02 of tickets with 13.5 % of the weights kept is "
        "500 steps ("
    )
    averaged = {"metric": "test_instability", "of": place | {"mean": True}}
    assert " over steps 0 to 500 is 20.37 % (" in only(copied(), judge="mean", measure=averaged).sentence


def test_measurements_without_parts_and_places_are_read_as_having_none():
    """Old tables lack the columns `part` and `at`."""
    assert only(table()).sentence == only(table().assign(part="", at=float("nan"))).sentence
