"""Each judge against a number worked by hand, and against scipy's or statsmodels' own test where there is one."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_paired

from reproof.judging.judges import (
    identical,
    mean,
    paired_difference,
    paired_ratio,
    rank_correlation,
    share_of_seeds,
    spread,
    trend,
)
from reproof.judging.rows import Unmeasured
from reproof.judging.select import Side


def side(values, *, step=0.1, points=(0.5,)):
    values = np.asarray(values, dtype=float)
    return Side(values=values, points=np.asarray(points, dtype=float), step=np.full(len(values), step))


ONE, TWO = [0.9, 0.8, 0.7, 0.95, 0.6], [0.7, 0.75, 0.6, 0.8, 0.65]


def interval(estimate, confidence=0.95):
    return estimate.band(estimate.n, confidence)


def test_the_mean_of_three_by_hand():
    estimate = mean(side([1.0, 2.0, 3.0]))
    assert (estimate.effect, estimate.n) == (2.0, 3)
    # t of 2 degrees of freedom; the deviation of 1, 2, 3 is 1.
    assert interval(estimate) == pytest.approx((2 - 4.302653 / np.sqrt(3), 2 + 4.302653 / np.sqrt(3)))


def test_the_mean_is_scipys():
    found = stats.ttest_1samp(ONE, 0).confidence_interval(0.9)
    assert interval(mean(side(ONE)), 0.9) == pytest.approx((found.low, found.high))


def test_the_paired_difference_is_scipys():
    estimate = paired_difference(side(ONE), side(TWO))
    found = stats.ttest_rel(ONE, TWO).confidence_interval(0.95)
    assert estimate.effect == pytest.approx(0.09)
    assert interval(estimate) == pytest.approx((found.low, found.high))


@pytest.mark.parametrize("band", [0.05, 0.15, 0.2, 0.23, 0.24, 0.3])
def test_an_interval_inside_a_band_is_two_one_sided_tests(band):
    low, high = interval(paired_difference(side(ONE), side(TWO)))
    p, _, _ = ttost_paired(np.array(ONE), np.array(TWO), -band, band)
    # The bands lie on both sides of the one at which the decision turns.
    assert (-band <= low and high <= band) == (p <= 0.025)


def test_the_paired_ratio_is_a_geometric_mean():
    estimate = paired_ratio(side([2.0, 8.0]), side([1.0, 1.0]))
    assert estimate.effect == pytest.approx(4.0)
    half = 12.706205 * np.log(2)  # t of one degree of freedom; the logarithms lie log 2 either side
    assert interval(estimate) == pytest.approx((4 * np.exp(-half), 4 * np.exp(half)), rel=1e-5)


def test_a_ratio_of_zero_is_unmeasured():
    with pytest.raises(Unmeasured, match="zero or negative"):
        paired_ratio(side([1.0, 2.0]), side([0.0, 1.0]))


def test_the_spread_by_hand():
    """Five values: the deviation is sqrt(10 / 4); kurtosis 5 x 34 / 100 about the mean, as half of each side is cut."""
    estimate = spread(side([1.0, 2.0, 3.0, 4.0, 5.0]))
    assert (estimate.effect, estimate.n) == (pytest.approx(np.sqrt(2.5)), 5)
    small = 5 / (5 - 1.959964)
    half = 1.959964 * small * np.sqrt((1.7 - 2 / 5) / 4)
    assert interval(estimate) == pytest.approx(
        (np.sqrt(2.5 * small * np.exp(-half)), np.sqrt(2.5 * small * np.exp(half))), rel=1e-6
    )


@pytest.mark.parametrize("law", [stats.norm(0, 1), stats.uniform(-1, 2), stats.gamma(4)])
def test_the_interval_of_a_spread_covers_it_about_as_often_as_it_says(law):
    """Of 20 values, a thousand times. Chi-squared's covers a uniform deviation always, and a skewed one at 88 %."""
    true, covered = law.std(), 0
    for values in law.rvs((1000, 20), random_state=1):
        low, high = interval(spread(side(values)))
        covered += low <= true <= high
    assert 905 <= covered <= 980


@pytest.mark.parametrize("values", [[1.0], [1.0, 2.0, 3.0, 4.0], [0.5] * 8])
def test_a_spread_without_enough_seeds_or_without_any_has_no_interval(values):
    assert np.isnan(interval(spread(side(values)))).all()


def test_a_spread_does_not_depend_on_the_place_and_scales_with_its_unit():
    one, other = spread(side([0.7, 0.9, 0.95, 0.93, 0.2, 0.9])), spread(side([7.0, 9.0, 9.5, 9.3, 2.0, 9.0]))
    moved = spread(side([2.7, 2.9, 2.95, 2.93, 2.2, 2.9]))
    assert 10 * one.effect == pytest.approx(other.effect) == pytest.approx(10 * moved.effect)
    for again in (other, moved):
        factor = again.effect / one.effect
        assert factor * np.array(interval(one)) == pytest.approx(interval(again))


@pytest.mark.parametrize("above", range(9))
def test_the_share_of_seeds_is_the_sign_test(above):
    estimate = share_of_seeds(side([1.0] * above + [0.0] * (8 - above)), side([0.5] * 8))
    low, high = interval(estimate)
    assert estimate.effect == above / 8
    # An exact interval and the exact test with the same tails must agree on every outcome.
    assert (not low <= 0.5 <= high) == (stats.binomtest(above, 8).pvalue < 0.05)


def test_ties_are_left_out_of_the_share():
    estimate = share_of_seeds(side([1.0, 1.0, 0.5]), side([0.5, 0.5, 0.5]))
    assert (estimate.effect, estimate.n) == (1.0, 2)
    # Two of two above: the lower end p has p^2 = 0.025.
    assert interval(estimate) == pytest.approx((np.sqrt(0.025), 1.0))
    assert np.isnan(interval(share_of_seeds(side([0.5] * 3), side([0.5] * 3)))).all()


def test_a_trend_by_hand():
    points = (0.2, 0.4, 0.8)
    estimate = trend(side([[1.0, 2.0, 3.0], [1.0, 3.0, 2.0]], points=points))
    assert estimate.effect == pytest.approx(0.75)  # Spearman 1 and 1 - 6 * 2 / (3 * 8) = 0.5
    assert trend(side([[3.0, 2.0, 1.0]] * 2, points=points)).effect == -1.0


@pytest.mark.parametrize("seed", range(12))
def test_a_trend_excludes_0_only_when_pages_test_does(seed):
    # A weak trend, so that some of the twelve tables are significant and others are not.
    values = np.random.default_rng(seed).normal(size=(6, 5)) + 0.25 * np.arange(5)
    low, high = interval(trend(side(values, points=range(5))))
    page = stats.page_trend_test(values, method="asymptotic").pvalue
    each = [stats.spearmanr(row, range(5)).statistic for row in values]
    student = stats.ttest_1samp(each, 0).pvalue
    # The wider of two intervals excludes 0 only if both do. Page's test is one-sided, so both directions are tried.
    assert (not low <= 0 <= high) == (min(page, 1 - page) < 0.025 and student < 0.05)


def test_a_trend_that_all_seeds_share_keeps_the_width_of_chance():
    low, high = interval(trend(side([[1.0, 2.0, 3.0, 4.0, 5.0]] * 4, points=range(5))))
    # z / sqrt(4 seeds x (5 - 1)) = z / 4; above, the interval ends at the greatest correlation there is.
    assert (low, high) == pytest.approx((1 - 1.959964 / 4, 1.0), abs=1e-6)


def test_a_trend_on_which_seeds_differ_has_the_width_of_their_spread():
    rising, falling = list(range(30)), list(range(30, 0, -1))
    low, high = interval(trend(side([rising, falling, rising, falling], points=range(30))))
    assert (low, high) == (-1.0, 1.0), "mean 0 with standard deviation 1.15: Student's half width is 1.84"


def test_a_constant_curve_has_no_trend():
    assert trend(side([[1.0, 1.0, 1.0]] * 3, points=range(3))).effect == 0.0


def test_a_trend_needs_three_levels():
    with pytest.raises(Unmeasured, match="at least three levels"):
        trend(side([[1.0, 2.0]] * 3, points=range(2)))
    with pytest.raises(Unmeasured, match="at least three levels"):
        trend(side([1.0, 2.0], points=range(1)))


def test_a_rank_correlation_is_spearmans():
    one, two = (
        np.array([[1.0, 5.0, 2.0, 9.0], [4.0, 1.0, 2.0, 3.0]]),
        np.array([[2.0, 1.0, 4.0, 3.0], [1.0, 2.0, 3.0, 4.0]]),
    )
    expected = np.mean([stats.spearmanr(*pair).statistic for pair in zip(one, two, strict=True)])
    assert rank_correlation(side(one, points=range(4)), side(two, points=range(4))).effect == pytest.approx(expected)
    with pytest.raises(Unmeasured, match="same levels"):
        rank_correlation(side(one, points=range(4)), side(two[:, :3], points=range(3)))


def test_an_identity_is_refuted_by_one_seed():
    estimate = identical(side([1.0, 2.0, 3.0]), side([1.0, 2.5, 3.0]))
    assert interval(estimate) == (0.5, 0.5)
    assert estimate.exact


def test_seeds_that_agree_have_the_spread_of_rounding():
    estimate = mean(side([300.0] * 4, step=100.0))
    # t of 3 degrees of freedom; deviation of a number rounded to hundreds; sqrt of 4 seeds.
    half = 3.182446 * (100 / np.sqrt(12)) / 2
    assert interval(estimate) == pytest.approx((300 - half, 300 + half))
    assert "all equal" in estimate.interval


def test_seeds_that_agree_on_a_difference_have_the_rounding_of_both_sides():
    estimate = paired_difference(side([3.0, 4.0], step=1.0), side([1.0, 2.0], step=1.0))
    # Each side has variance 1 / 12.
    half = 12.706205 * np.sqrt(2 / 12) / np.sqrt(2)
    assert interval(estimate) == pytest.approx((2 - half, 2 + half), rel=1e-6)


def test_seeds_that_agree_on_a_ratio_have_the_relative_rounding_of_both_sides():
    estimate = paired_ratio(side([300.0, 300.0], step=100.0), side([100.0, 100.0], step=100.0))
    # Relative steps of 100 / 300 and 100 / 100.
    half = 12.706205 * np.sqrt((1 / 9 + 1) / 12) / np.sqrt(2)
    assert interval(estimate) == pytest.approx((3 * np.exp(-half), 3 * np.exp(half)), rel=1e-5)


def test_seeds_that_agree_on_the_only_value_there_is_have_no_interval():
    estimate = mean(side([1.0] * 4, step=np.nan))
    assert np.isnan(interval(estimate)).all()
    assert estimate.interval == "none: all seeds equal"


@pytest.mark.parametrize("judge", [paired_difference, paired_ratio, share_of_seeds])
def test_one_seed_has_no_interval(judge):
    assert np.isnan(interval(judge(side([2.0]), side([1.0])))).all()


def test_one_curve_has_no_interval():
    assert np.isnan(interval(trend(side([[1.0, 2.0, 3.0]], points=range(3))))).all()


def test_a_band_narrows_with_the_seeds_and_widens_with_the_confidence():
    band = paired_difference(side(ONE), side(TWO)).band
    widths = [np.subtract(*band(*arguments)[::-1]) for arguments in [(5, 0.95), (20, 0.95), (20, 0.99)]]
    assert widths[1] < widths[2] < widths[0]
