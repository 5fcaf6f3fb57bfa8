"""What a measure selects, on tables small enough to work by hand."""

import numpy as np
import pandas as pd
import pytest
from claim_kit import CLAIM

from reproof.judging.claims import Claim
from reproof.judging.rows import Unmeasured, compute_grain
from reproof.judging.select import select_samples

KEPT = {0: 1.0, 1: 0.8, 2: 0.64, 3: 0.512}


def rows(values, *, arm="ticket", metric="accuracy", run="lenet", draw=0, levels=(0, 1, 2, 3), kept=None):
    """Return tidy rows; `values` maps a seed to its values at `levels`."""
    ladder = kept or KEPT
    return pd.DataFrame(
        [
            (run, arm, level, ladder[level], seed, draw, metric, value)
            for seed, line in values.items()
            for level, value in zip(levels, line, strict=True)
        ],
        columns=["run", "arm", "level", "kept", "seed", "draw", "metric", "value"],
    )


TICKETS = rows({0: [0.90, 0.92, 0.91, 0.85], 1: [0.80, 0.81, 0.84, 0.70]})


def samples(measure, table):
    return select_samples(Claim.parse(CLAIM | {"measure": measure}), table)


def of(**term):
    return {"metric": "accuracy", "of": {"run": "lenet", **term}}


def only(measure, *tables):
    (sample,) = samples(measure, pd.concat(tables, ignore_index=True))
    return sample


def test_draws_are_averaged_within_a_seed():
    draws = [rows({0: [value]}, arm="reinitialise", draw=draw, levels=(2,)) for draw, value in enumerate([0.5, 0.7])]
    sample = only(of(arm="reinitialise", at={"level": 2}), *draws)
    assert sample.of.values == pytest.approx([0.6])
    assert sample.seeds == (0,)


def test_one_kept_is_the_nearest_level_within_a_factor():
    sample = only(of(at={"kept": 0.7}), TICKETS)
    assert sample.of.points == pytest.approx([0.64])
    assert sample.of.values == pytest.approx([0.91, 0.84])


def test_a_kept_that_no_level_is_near_is_unmeasured():
    with pytest.raises(Unmeasured, match=r"arm ticket of run lenet is not measured at kept 0\.135 at this scale"):
        only(of(at={"kept": 0.135}), TICKETS)
    # 0.512 / 0.4 = 1.28: within the default factor of 1.3, not within 1.2.
    assert only(of(at={"kept": 0.4}), TICKETS).of.points == pytest.approx([0.512])
    with pytest.raises(Unmeasured):
        only(of(at={"kept": 0.4}, within=1.2), TICKETS)


def test_a_range_includes_its_ends_and_makes_a_curve_by_ascending_kept():
    sample = only(of(at={"kept": [0.512, 0.8]}), TICKETS)
    assert sample.of.points == pytest.approx([0.512, 0.64, 0.8])
    assert sample.of.values == pytest.approx(np.array([[0.85, 0.91, 0.92], [0.70, 0.84, 0.81]]))
    by_level = only(of(at={"level": [1, 3]}), TICKETS)
    assert by_level.of.values == pytest.approx(sample.of.values)


def test_a_mean_is_over_levels_within_each_seed():
    sample = only(of(at={"kept": [0.6, 0.9]}, mean=True), TICKETS)
    assert sample.of.values == pytest.approx([0.915, 0.825])


def test_a_seed_that_lacks_a_level_of_the_range_is_left_out_of_the_mean():
    # Without care, pandas would average the levels that the seed has, and compare them with others.
    table = TICKETS.drop(index=TICKETS.index[(TICKETS["seed"] == 1) & (TICKETS["level"] == 1)])
    sample = only(of(at={"kept": [0.6, 0.9]}, mean=True), table)
    assert (sample.seeds, sample.lost) == ((0,), 1)


def test_dense_is_level_0_paired_by_seed():
    sample = only({**of(at={"level": 2}), "against": "dense"}, TICKETS)
    assert sample.of.values - sample.against.values == pytest.approx([0.01, 0.04])


def test_only_seeds_of_both_sides_count_and_the_others_are_counted():
    control = rows({1: [0.75], 2: [0.5]}, arm="reinitialise", levels=(2,))
    sample = only({**of(at={"level": 2}), "against": {"arm": "reinitialise"}}, TICKETS, control)
    assert (sample.seeds, sample.lost) == ((1,), 2)
    assert sample.of.values - sample.against.values == pytest.approx([0.09])


def test_a_seed_without_a_finite_value_is_left_out_and_counted():
    table = TICKETS.assign(value=TICKETS["value"].where(TICKETS["seed"] != 0))
    sample = only(of(at={"level": 1}), table)
    assert (sample.seeds, sample.lost) == ((1,), 1)
    with pytest.raises(Unmeasured, match="no seed has a value on every side"):
        only(of(at={"level": 1}), TICKETS.assign(value=np.inf))


def test_two_arms_of_a_run_are_read_at_the_levels_that_both_have():
    control = rows({0: [0.7, 0.5], 1: [0.6, 0.4]}, arm="reinitialise", levels=(1, 3))
    measure = {**of(at={"kept": [0.5, 0.9]}, mean=True), "against": {"arm": "reinitialise"}}
    sample = only(measure, TICKETS, control)
    assert sample.of.points == pytest.approx([0.512, 0.8])
    assert sample.of.values == pytest.approx([0.885, 0.755])
    near = only({**of(at={"kept": 0.64}), "against": {"arm": "reinitialise"}}, TICKETS, control)
    # 0.64 is missing on one side; 0.8 and 0.512 are both 1.25 times away.
    assert near.of.points.tolist() == near.against.points.tolist() == [0.8], (
        "of two equally near, the one that keeps more"
    )


@pytest.mark.parametrize(
    ("term", "absent"),
    [
        ({"at": {"kept": 0.8}}, "arm ticket of run lenet is not measured at kept 0.8 at this scale"),
        ({"at": {"kept": [0.5, 0.9]}}, "arm ticket of run lenet is not measured at kept from 0.5 to 0.9 at this scale"),
        ({"mean": True}, "the two sides have no level in common at this scale"),
    ],
)
def test_two_arms_without_a_common_level_are_unmeasured(term, absent):
    tickets, control = rows({0: [0.9]}, levels=(1,)), rows({0: [0.7]}, arm="reinitialise", levels=(2,))
    with pytest.raises(Unmeasured, match=absent):
        only({**of(**term), "against": {"arm": "reinitialise"}}, tickets, control)


def test_the_best_level_is_chosen_by_another_metric_for_each_seed():
    chooser = rows({0: [0.1, 0.2, 0.9, 0.3], 1: [0.1, 0.9, 0.2, 0.3]}, metric="validation")
    best = only(of(at={"kept": [0.5, 0.9]}, best={"highest": "validation"}), TICKETS, chooser)
    # Seed 0 is best on validation at 0.64, seed 1 at 0.8; the test accuracy there counts, not the best test accuracy.
    assert best.of.values == pytest.approx([0.91, 0.81])
    assert best.of.points == pytest.approx([0.64, 0.8])
    least = only(of(at={"kept": [0.5, 0.9]}, best={"lowest": "validation"}), TICKETS, chooser)
    assert least.of.values == pytest.approx([0.92, 0.84])


def test_a_reach_is_the_smallest_kept_that_keeps_the_dense_accuracy():
    sample = only(of(reach={"smallest": "kept", "at_least": "dense"}), TICKETS)
    assert sample.of.values == pytest.approx([0.64, 0.64])
    assert sample.of.step == pytest.approx([0.128, 0.128])
    assert sample.of.beyond == 0


def test_a_margin_lets_a_reach_go_further_and_the_end_of_the_ladder_leaves_it_open():
    sample = only(of(reach={"smallest": "kept", "at_least": "dense", "margin": 0.06}), TICKETS)
    assert sample.of.values == pytest.approx([0.512, 0.64])
    assert sample.of.step == pytest.approx([0.128, 0.128])
    assert sample.of.beyond == -1


def test_a_control_that_falls_at_once_reaches_no_further_than_the_dense_network():
    control = rows({0: [0.7, 0.6], 1: [0.81, 0.6]}, arm="reinitialise", levels=(1, 2))
    reach = {"smallest": "kept", "at_least": "dense"}
    sample = only({**of(arm="reinitialise", reach=reach), "against": {"arm": "ticket"}}, TICKETS, control)
    assert sample.of.values == pytest.approx([1.0, 0.8])
    assert sample.against.values == pytest.approx([0.64, 0.64])
    assert sample.against.beyond == -1, "both sides are read at the levels that both have"


def test_a_reach_against_a_number_may_be_met_nowhere():
    losses = rows({0: [0.5, 0.4, 0.1, 0.1], 1: [0.5, 0.5, 0.5, 0.5]}, metric="loss")
    sample = only({"metric": "loss", "of": {"run": "lenet", "reach": {"largest": "kept", "at_most": 0.2}}}, losses)
    assert (sample.seeds, sample.lost) == ((0,), 1)
    assert sample.of.values == pytest.approx([0.64])
    assert sample.of.step == pytest.approx([0.16])


def test_each_level_is_a_sample_of_its_own_most_kept_first():
    found = samples({**of(at={"kept": [0.5, 0.9]}), "against": "dense", "each": True}, TICKETS)
    assert [sample.of.points.tolist() for sample in found] == [[0.8], [0.64], [0.512]]
    assert found[2].of.values - found[2].against.values == pytest.approx([-0.05, -0.10])
    assert not any(sample.short for sample in found)


def test_each_level_goes_against_the_same_level_of_the_other_side():
    control = rows({0: [0.7, 0.5], 1: [0.6, 0.4]}, arm="reinitialise", levels=(1, 3))
    measure = {**of(at={"kept": [0.5, 0.9]}), "against": {"arm": "reinitialise"}, "each": True}
    found = samples(measure, pd.concat([TICKETS, control]))
    assert [(sample.of.points.item(), sample.against.points.item()) for sample in found] == [(0.8, 0.8), (0.512, 0.512)]
    assert found[1].against.values == pytest.approx([0.5, 0.4])


def test_a_ladder_that_ends_before_the_range_is_short():
    found = samples({**of(at={"kept": [0.1, 0.9]}), "against": "dense", "each": True}, TICKETS)
    assert all(sample.short for sample in found)
    # 0.512 / 0.42 = 1.22: within one rung of 1.25.
    covered = samples({**of(at={"kept": [0.42, 0.9]}), "against": "dense", "each": True}, TICKETS)
    assert not any(sample.short for sample in covered)


def test_kept_that_differs_between_seeds_is_one_level():
    # Random masks can keep slightly different shares; seeds would then have no level in common.
    wobbly = TICKETS.assign(kept=TICKETS["kept"] + 0.001 * TICKETS["seed"])
    sample = only(of(at={"kept": [0.6, 0.9]}, mean=True), wobbly)
    assert sample.of.points == pytest.approx([0.6405, 0.8005])
    assert sample.of.values == pytest.approx([0.915, 0.825])


def test_the_grain_is_the_smallest_gap_between_values():
    steps, equal = (
        rows({0: line}).assign(part="") for line in ([300.0, 100.0, 100.0, 900.0], [0.3, 0.1 + 0.2, 0.3, 0.3])
    )
    assert compute_grain(steps, steps) == 200.0
    assert np.isnan(compute_grain(equal, equal))


def test_the_grain_of_equal_shares_is_one_of_the_images_attacked():
    """Those of the same run, arm, split and attack count; a distance is no share, whatever was attacked."""
    share, distance = "test_attack_success_share", "test_attack_distance"

    def one(metric, value, part="cw", **where):
        return rows({0: [value], 1: [value]}, metric=metric, levels=(0,), **where).assign(part=part)

    counts = [one("test_images_attacked", 100.0), one("test_images_attacked", 7.0, part="fgsm")]
    # Decoys: another attack, another split, another arm.
    counts += [one("train_images_attacked", 9.0), one("test_images_attacked", 5.0, arm="pgd_trained")]
    for metric, grain in ((share, 0.01), (distance, np.nan), ("validation_attack_success_share", np.nan)):
        equal = one(metric, 1.0)
        assert compute_grain(equal, pd.concat([equal, *counts])) == pytest.approx(grain, nan_ok=True)
    equal = one(share, 1.0)
    (sample,) = samples({"metric": share, "of": {"run": "lenet", "at": {"part": "cw"}}}, pd.concat([equal, *counts]))
    assert sample.of.step == pytest.approx([0.01, 0.01])


def test_later_tables_may_add_columns():
    table = pd.concat([TICKETS.assign(rewind=0), TICKETS.assign(rewind=500, value=TICKETS["value"] + 0.1)])
    sample = only(of(at={"kept": 0.64, "rewind": 500}), table)
    assert sample.of.values == pytest.approx([1.01, 0.94])
    first = only(of(at={"kept": 0.64}, reach={"smallest": "rewind", "at_least": 0.9}), table)
    assert first.of.values == pytest.approx([0.0, 500.0])


@pytest.mark.parametrize(
    ("term", "absent"),
    [
        ({"run": "vgg"}, "run vgg is not measured at this scale"),
        ({"arm": "shuffle_mask"}, "arm shuffle_mask of run lenet is not measured at this scale"),
        ({"metric": "loss"}, "loss of arm ticket of run lenet is not measured at this scale"),
        ({"at": {"level": 9}}, "arm ticket of run lenet is not measured at level 9 at this scale"),
        ({"at": {"kept": [0.1, 0.2]}}, "arm ticket of run lenet is not measured at kept from 0.1 to 0.2 at this scale"),
    ],
)
def test_what_is_absent_is_named(term, absent):
    with pytest.raises(Unmeasured, match=absent):
        only(of(**term), TICKETS)


def along(values, *, level=2, part="", metric="instability", arm="ticket"):
    """Return tidy rows at places 0, 100 and 500 of the metric's own axis."""
    return pd.DataFrame(
        [
            ("lenet", arm, level, KEPT[level], seed, 0, part, at, metric, value)
            for seed, line in values.items()
            for at, value in zip([0.0, 100.0, 500.0], line, strict=True)
        ],
        columns=["run", "arm", "level", "kept", "seed", "draw", "part", "at", "metric", "value"],
    )


PLACES = along({0: [0.30, 0.10, 0.01], 1: [0.20, 0.01, 0.02]})


def instability(**term):
    return {"metric": "instability", "of": {"run": "lenet", **term}}


def test_one_place_on_the_metrics_own_axis():
    assert only(instability(at={"level": 2, "at": 100}), PLACES).of.values == pytest.approx([0.10, 0.01])
    with pytest.raises(Unmeasured, match=r"is not measured at place 200 at this scale"):
        only(instability(at={"level": 2, "at": 200}), PLACES)


def test_a_range_of_places_makes_a_curve_along_them():
    sample = only(instability(at={"level": 2, "at": [0, 100]}), PLACES, along({0: [9, 9, 9], 1: [9, 9, 9]}, level=1))
    assert sample.of.points == pytest.approx([0, 100])
    assert sample.of.values == pytest.approx(np.array([[0.30, 0.10], [0.20, 0.01]]))


def test_the_smallest_place_that_meets_a_bound():
    reach = instability(at={"level": 2}, reach={"smallest": "at", "at_most": 0.02})
    reach["of"]["at"]["at"] = [0, 500]
    assert only(reach, PLACES).of.values == pytest.approx([500, 100])
    assert only(reach, PLACES).of.step == pytest.approx([400, 100])
    assert only(reach, PLACES).of.beyond == 0
    early = reach | {"of": reach["of"] | {"reach": {"smallest": "at", "at_most": 0.5}}}
    assert only(early, PLACES).of.beyond == 0, "before step 0 there is nothing"
    later = reach | {"of": reach["of"] | {"at": {"level": 2, "at": [100, 500]}}}
    assert only(later, PLACES).of.beyond == -1, "at step 100 a seed may be stable, and before it"


def test_a_bound_by_the_dense_network_along_places_is_the_one_at_no_place():
    """Its copies at places of their own are not the network itself."""
    dense = rows({0: [0.05], 1: [0.015]}, metric="instability", levels=(0,))
    copies = along({0: [7, 7, 7], 1: [7, 7, 7]}, level=0)
    reach = instability(at={"level": 2, "at": [0, 500]}, reach={"smallest": "at", "at_most": "dense"})
    assert only(reach, PLACES, dense, copies).of.values == pytest.approx([500, 100])


def test_along_the_ladder_at_one_place_the_dense_network_is_read_there_too():
    dense = along({0: [0.2, 0.2, 0.2], 1: [0.3, 0.3, 0.3]}, level=0)
    other = along({0: [0.4, 0.1, 0.1], 1: [0.25, 0.4, 0.4]}, level=1)
    reach = instability(at={"kept": [0.1, 1.0], "at": 0}, reach={"smallest": "kept", "at_most": "dense"})
    assert only(reach, dense, other, PLACES).of.values == pytest.approx([1.0, 0.64])


def test_a_term_that_says_nothing_of_part_and_place_reads_what_is_at_none():
    """Rows of parts and places do not change what such a claim reads."""
    more = along({0: [5, 5, 5], 1: [5, 5, 5]}, metric="accuracy")
    parts = rows({0: [3] * 4, 1: [3] * 4}).assign(part="fc_1", at=np.nan)
    alone, among_others = only(of(at={"level": 2}), TICKETS), only(of(at={"level": 2}), TICKETS, more, parts)
    assert among_others.of.values == pytest.approx(alone.of.values)
    sample = only({**of(at={"level": 2}), "against": "dense"}, TICKETS, more, parts)
    assert sample.of.values - sample.against.values == pytest.approx([0.01, 0.04])


def test_parts_are_chosen_by_pattern_and_averaged_within_a_seed():
    parts = [rows({0: [value]}, levels=(0,)).assign(part=part, at=np.nan) for part, value in
             (("fc_1", 0.2), ("fc_2", 0.4), ("output", 0.9))]  # fmt: skip
    for part, value in (("fc_1", 0.2), ("fc_*", 0.3), (["fc_1", "output"], 0.55), ("*", 0.5)):
        assert only(of(at={"level": 0, "part": part}), *parts).of.values == pytest.approx([value])
    with pytest.raises(Unmeasured, match="accuracy of arm ticket of run lenet is not measured for the part or place"):
        only(of(at={"level": 0, "part": "fc_3"}), *parts)
    with pytest.raises(Unmeasured):
        only(of(at={"level": 0}), *parts)


def test_two_sides_along_places_share_them():
    # One place less on the second side, so that its mean would be over other places.
    fewer = PLACES[PLACES["at"] < 500].assign(arm="shuffled", value=lambda rows: rows["value"] + 0.5)
    measure = {**instability(at={"level": 2, "at": [0, 500]}, mean=True), "against": {"arm": "shuffled"}}
    sample = only(measure, PLACES, fewer)
    assert sample.against.values - sample.of.values == pytest.approx([0.5, 0.5])
