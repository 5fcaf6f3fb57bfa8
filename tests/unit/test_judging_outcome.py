"""From interval to decision: what agrees, what disagrees, what stays open, and how many seeds would close it."""

from math import inf, isnan, nan

import numpy as np
import pytest
from scipy import stats

from reproof.judging.judges import JUDGES
from reproof.judging.outcome import compute_margin, count_seeds_needed, decide, find_direction, weigh, widen
from reproof.judging.select import Sample, Side


def side(values, *, beyond=0, point=0.5):
    values = np.asarray(values, dtype=float)
    return Side(values=values, points=np.array([point]), step=np.full(len(values), 0.001), beyond=beyond)


def sample(differences, **options):
    """Return a sample whose two sides differ by these amounts, seed by seed."""
    return Sample(
        of=side(differences), against=side([0.0] * len(differences)), seeds=(0,) * len(differences), **options
    )


DIFFERENCE = JUDGES["paired_difference"]


@pytest.mark.parametrize(
    ("low", "high", "wanted", "decision"),
    [
        (0.1, 0.4, (0, inf), "agrees"),
        (0.0, 0.4, (0, inf), "agrees"),  # the bound itself is allowed
        (-0.1, 0.4, (0, inf), "inconclusive"),
        (-0.4, -0.1, (0, inf), "disagrees"),
        (-0.4, -0.1, (-inf, 0), "agrees"),
        (-0.2, 0.1, (-0.3, 0.3), "agrees"),
        (-0.4, 0.1, (-0.3, 0.3), "inconclusive"),
        (-0.4, 0.4, (-0.3, 0.3), "inconclusive"),  # wider than the range on both sides
        (0.31, 0.4, (-0.3, 0.3), "disagrees"),
        (nan, nan, (0, inf), "inconclusive"),
    ],
)
def test_an_interval_decides(low, high, wanted, decision):
    assert decide(low, high, wanted) == decision


def test_seeds_needed_is_the_first_that_settles():
    effect, spread = 0.3, 0.5

    def band(n):
        half = stats.t.ppf(0.975, n - 1) * spread / np.sqrt(n)
        return effect - half, effect + half

    expected = next(n for n in range(2, 100) if band(n)[0] >= 0)
    assert count_seeds_needed(band, (0, inf)) == expected == 14


def test_no_number_of_seeds_settles_an_effect_on_the_bound():
    # The interval narrows around the bound, and always holds it.
    assert count_seeds_needed(lambda n: (0.3 - 1 / n, 0.3 + 1 / n), (0.3, inf)) == inf


def test_without_a_spread_the_seeds_needed_are_unknown():
    assert isnan(count_seeds_needed(lambda n: (nan, nan), (0, inf)))


def test_one_sample_carries_its_interval_and_seeds_needed():
    outcome = weigh([sample([0.1, 0.2, 0.6])], DIFFERENCE, (0, inf))
    assert outcome.decision == "inconclusive"
    # t(2) 4.303 x 0.2646 / sqrt(3) = 0.657.
    assert (outcome.low, outcome.high) == pytest.approx((0.3 - 0.657, 0.3 + 0.657), abs=1e-3)
    assert outcome.seeds_needed == 6  # t(5) 2.571 x 0.2646 / sqrt(6) = 0.278 < 0.3; with 5 seeds 0.3285
    settled = weigh([sample([0.1, 0.2, 0.6])], DIFFERENCE, (-1, inf))
    assert settled.decision == "agrees"
    assert isnan(settled.seeds_needed)


def test_one_seed_settles_nothing_but_an_identity():
    one = sample([0.5])
    assert weigh([one], DIFFERENCE, (0, inf)).decision == "inconclusive"
    assert isnan(weigh([one], DIFFERENCE, (0, inf)).low)
    assert weigh([one], JUDGES["identical"], (-inf, 0)).decision == "disagrees"
    assert weigh([sample([0.0])], JUDGES["identical"], (-inf, 0)).decision == "agrees"


def test_a_reach_beyond_the_ladder_opens_the_interval_on_its_side():
    low_end, level = side([0.1, 0.1], beyond=-1), side([0.4, 0.4])
    assert widen((1.0, 2.0), Sample(of=low_end, against=level, seeds=(0, 1))) == (-inf, 2.0)
    # The second side is subtracted, so what may be lower there raises the effect.
    assert widen((1.0, 2.0), Sample(of=level, against=low_end, seeds=(0, 1))) == (1.0, inf)
    assert widen((1.0, 2.0), Sample(of=level, against=level, seeds=(0, 1))) == (1.0, 2.0)
    assert widen((1.0, 2.0), Sample(of=side([0.9], beyond=1), against=None, seeds=(0,))) == (1.0, inf)


def test_an_open_end_still_lets_the_safe_decision_through():
    ticket = side([0.1, 0.1, 0.11], beyond=-1)
    control = side([0.5, 0.51, 0.52])
    found = [Sample(of=control, against=ticket, seeds=(0, 1, 2))]
    assert weigh(found, JUDGES["paired_ratio"], (3, inf)).decision == "agrees", "the true ratio can only be greater"
    too_high = weigh(found, JUDGES["paired_ratio"], (10, inf))
    assert (too_high.decision, too_high.seeds_needed) == ("inconclusive", inf)


def test_each_level_must_agree():
    firm, weak = sample([0.30, 0.31, 0.32]), sample([0.10, 0.11, 0.12])
    outcome = weigh([firm, weak], DIFFERENCE, (0, inf))
    assert (outcome.decision, outcome.levels) == ("agrees", 2)
    assert outcome.sample is weak, "the least favourable level is reported"
    assert outcome.confidence == 0.95


def test_one_level_clearly_outside_refutes_the_range():
    outcome = weigh([sample([0.30, 0.31, 0.32]), sample([-0.30, -0.31, -0.32])], DIFFERENCE, (0, inf))
    # Bonferroni for two levels: 1 - 0.05 / 2.
    assert (outcome.decision, outcome.levels, outcome.confidence) == ("disagrees", 2, 0.975)
    assert outcome.estimate.effect == pytest.approx(-0.31)


def test_a_level_outside_by_chance_does_not_refute_the_range():
    # Outside at 95 % when it is alone. Among 41 levels, chance alone may put one there.
    barely = sample([-0.05, -0.13, -0.21, -0.13, -0.13])
    assert weigh([barely], DIFFERENCE, (0, inf)).decision == "disagrees"
    outcome = weigh([barely, *[sample([0.30, 0.31, 0.32, 0.31, 0.30])] * 40], DIFFERENCE, (0, inf))
    assert outcome.decision == "inconclusive"
    assert outcome.confidence == pytest.approx(1 - 0.05 / 41)
    assert outcome.estimate.effect == pytest.approx(-0.13)
    # More seeds of this one level would refute the claim.
    assert 5 < outcome.seeds_needed < 20


def test_an_open_level_leaves_the_range_open_until_the_slowest_settles():
    firm, slow, slower = sample([0.30, 0.31, 0.32]), sample([0.1, 0.2, 0.6]), sample([0.0, 0.1, 0.5])
    outcome = weigh([firm, slow, slower], DIFFERENCE, (0, inf))
    assert outcome.decision == "inconclusive"
    assert outcome.estimate.effect == pytest.approx(0.2)
    assert outcome.seeds_needed == weigh([slower], DIFFERENCE, (0, inf)).seeds_needed > 6


def test_a_range_that_was_not_measured_to_its_end_cannot_agree():
    firm, refuting = sample([0.30, 0.31, 0.32], short=True), sample([-0.30, -0.31, -0.32], short=True)
    outcome = weigh([firm, firm], DIFFERENCE, (0, inf))
    assert (outcome.decision, outcome.seeds_needed) == ("inconclusive", inf)
    assert weigh([firm], DIFFERENCE, (0, inf)).decision == "inconclusive"
    assert weigh([firm, refuting], DIFFERENCE, (0, inf)).decision == "disagrees"


@pytest.mark.parametrize(
    ("effect", "wanted", "neutral", "points"),
    [
        (0.001, (0.003, inf), 0.0, "as claimed"),
        (-0.001, (0.003, inf), 0.0, "against"),
        (0.0, (0.003, inf), 0.0, "neither"),
        (0.9, (-inf, 0.81), 1.0, "as claimed"),
        (1.1, (-inf, 0.81), 1.0, "against"),
        (0.6, (0.5, 0.8), 1.0, "as claimed"),  # a ratio below 1, as expected
        (-0.001, (-0.005, inf), 0.0, "as claimed"),
        (-0.006, (-0.005, inf), 0.0, "against"),
        (0.9, (0.895, 0.915), None, "as claimed"),  # a single value: inside or outside
        (0.8, (0.895, 0.915), None, "against"),
    ],
)
def test_direction(effect, wanted, neutral, points):
    assert find_direction(effect, wanted, neutral) == points


def test_margin_is_negative_outside():
    assert compute_margin(0.2, (0.0, 1.0)) == 0.2
    assert compute_margin(0.9, (0.0, 1.0)) == pytest.approx(0.1)
    assert compute_margin(-0.1, (0.0, inf)) == -0.1
