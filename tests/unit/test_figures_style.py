"""Tests of the look of figures: inks of arms, limits of axes, legends and labels."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from reproof.figures import words
from reproof.figures.inks import INKS, SPARE, assign_inks, tint
from reproof.figures.scales import compute_limits, find_comparable, scale_kept_axis, scale_value_axis, select_spaced
from reproof.figures.style import wrap_legend


def test_known_arms_keep_their_ink_whatever_else_is_drawn() -> None:
    few, many = assign_inks(["ticket"]), assign_inks(["ticket", "zebra", "aardvark", *INKS])
    assert few["ticket"] == many["ticket"] and few["ticket"].colour == "#0072b2"
    assert len({(ink.colour, ink.marker) for ink in many.values()}) == len(many)


def test_unknown_arms_take_spare_inks_in_order_of_name() -> None:
    drawn = assign_inks(["zebra", "ticket", "aardvark"])
    assert (drawn["aardvark"].marker, drawn["zebra"].marker) == (SPARE[0][1], SPARE[1][1])


def test_arms_of_a_family_share_a_marker_and_pale_with_their_number() -> None:
    drawn = assign_inks(["noise_10", "noise_0.5", "noise_2"])
    assert {ink.marker for ink in drawn.values()} == {INKS["noise"][1]}
    assert [drawn[arm].colour for arm in ("noise_0.5", "noise_2", "noise_10")] == [
        tint(INKS["noise"][0], share) for share in (0, 0.7 / 3, 1.4 / 3)
    ]
    assert tint("#000000", 0.2) == "#333333"


def test_kept_falls_on_a_logarithmic_axis_with_plain_labels() -> None:
    axes = Figure().add_subplot()
    scale_kept_axis(axes, [1.0, 0.512, 0.0866, 0.0054], width=3)
    assert axes.get_xscale() == "log" and axes.get_xlim()[0] > 1 > axes.get_xlim()[1]
    ticks = axes.xaxis.get_majorticklocs()
    assert [axes.xaxis.get_major_formatter()(tick, 0) for tick in ticks] == ["100", "51.2", "8.7", "0.54"]
    assert len(axes.xaxis.get_minorticklocs()) == 0


def test_ticks_are_left_out_where_their_labels_would_touch() -> None:
    levels = [0.8**level for level in range(25)]
    assert select_spaced(levels, apart=0.2) == levels
    # One level is log(1 / 0.8) = 0.22 from the next.
    assert select_spaced(levels, apart=0.4) == levels[::2]
    axes = Figure().add_subplot()
    scale_kept_axis(axes, levels[:3], also=[0.01], width=2)
    # The published value at 1 % widens the axis so much that measured levels crowd together.
    assert axes.xaxis.get_majorticklocs().tolist() == [1.0]


def test_collapsed_networks_do_not_flatten_the_tickets_gain() -> None:
    low, high = compute_limits(
        _rows(("ticket", 1.0, 0.98), ("ticket", 0.2, 0.985), ("ticket", 0.002, 0.4), ("reinitialise", 0.2, 0.3))
    )
    # Four times the gain of 0.5 points is less than 3 points, so the window reaches 3 points below the dense network.
    assert 0.94 < low < 0.98 and 0.985 < high < 0.99


def test_a_large_gain_makes_room_for_a_large_loss() -> None:
    low, _ = compute_limits(_rows(("ticket", 1.0, 0.60), ("ticket", 0.2, 0.65), ("ticket", 0.01, 0.45)))
    # Four times the gain of 5 points is 20, and 0.60 - 0.20 is below the lowest value.
    assert low < 0.45


def test_near_published_values_widen_the_window_and_far_ones_do_not() -> None:
    rows = _rows(("ticket", 1.0, 0.94), ("ticket", 0.2, 0.95))
    _, alone = compute_limits(rows)
    _, near = compute_limits(_published(rows, 0.954))
    _, far = compute_limits(_published(rows, 0.99))
    # The window may grow by half of its height, 0.75 points: 95.4 % is within reach, 99 % is not.
    assert alone < 0.954 < near and far == alone


def test_a_published_series_is_shown_if_its_best_value_is_comparable() -> None:
    rows = _published(_published(_rows(("ticket", 1.0, 0.94), ("ticket", 0.2, 0.95)), 0.99), 0.945)
    assert find_comparable(rows, 0.93, 0.96).tolist() == [False] * 4
    assert find_comparable(rows, 0.93, 1.00).tolist() == [False, False, True, True]
    assert find_comparable(rows, 0.95, 1.00).tolist() == [False, False, True, False]


def test_published_values_far_beyond_the_sparsest_level_are_not_shown() -> None:
    rows = _published(_rows(("ticket", 1.0, 0.94), ("ticket", 0.2, 0.95)), 0.945)
    # On both sides of half of the sparsest measured share, 0.2.
    published = [find_comparable(rows.assign(kept=[1.0, 0.2, kept]), 0.9, 1.0).iloc[-1] for kept in (0.11, 0.09)]
    assert published == [True, False]


def test_iterations_start_at_zero_with_thousands_set_apart() -> None:
    axes = Figure().add_subplot()
    rows = _rows(("ticket", 1.0, 50000.0)).assign(quantity="early_stop_step")
    assert scale_value_axis(axes, "early_stop_step", compute_limits(rows)) == 1
    # From 0, with 6 % of room.
    assert axes.get_ylim() == pytest.approx((0, 53000))
    assert axes.yaxis.get_major_formatter()(20000, 0) == "20,000"


def test_shares_are_drawn_in_per_cent() -> None:
    axes = Figure().add_subplot()
    assert scale_value_axis(axes, "test_accuracy_at_end", (0.9, 1.0)) == 100
    assert axes.get_ylim() == pytest.approx((90, 100))


def test_legends_are_set_in_lines_that_fit() -> None:
    labels = ["ticket", "reinitialised", "published: Frankle & Carbin 2019"]
    assert wrap_legend(labels, 9) == [labels]
    assert wrap_legend(labels, 3.2) == [labels[:2], labels[2:]]
    assert wrap_legend(labels, 0.5) == [[label] for label in labels]
    assert wrap_legend([], 5) == []


@pytest.mark.parametrize(
    ("run", "title"),
    [
        ("lenet", "LeNet"),
        ("conv_4_dropout", "Conv-4, dropout"),
        ("resnet_18_high", "ResNet-18, high"),
        ("mlp_large", "Mlp, large"),
    ],
)
def test_runs_without_a_title_go_by_a_readable_name(run: str, title: str) -> None:
    assert words.format_run_title(run, {}) == title
    assert words.format_run_title(run, {run: "Its own"}) == "Its own"


def test_words_are_listed_as_prose() -> None:
    assert [words.join_words(each) for each in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def _rows(*points: tuple[str, float, float]) -> pd.DataFrame:
    rows = pd.DataFrame(points, columns=["arm", "kept", "mean"])
    return rows.assign(
        run="lenet", lowest=rows["mean"], highest=rows["mean"], trials=3, source="", quantity="test_accuracy_at_end"
    )


def _published(rows: pd.DataFrame, value: float) -> pd.DataFrame:
    one = rows.iloc[:1].assign(mean=value, trials=0, source="section 2", lowest=value, highest=value)
    return pd.concat([rows, one], ignore_index=True)
