"""Tests of the figures of attacks and of exciting images: tables, against values computed by hand, and drawings."""

import numpy as np
import pandas as pd
import pytest
import tables
from matplotlib.text import Text

from reproof.declarations.arm_words import find_arm_words
from reproof.figures import Context, draw
from reproof.figures.attack_styles import ATTACK_INKS, assign_attack_inks, label_attack
from reproof.figures.by_run import by_run
from reproof.figures.captions import compose_foot_line
from reproof.figures.distribution import distribution
from reproof.figures.exciting_images import exciting_images
from reproof.figures.inks import INKS, tint
from reproof.figures.pictures import pictures
from reproof.figures.pixels import join_images, read_images
from reproof.figures.purity import purity
from reproof.figures.spectra import spectra
from reproof.figures.tiles import wrap
from reproof.figures.transfer import transfer
from reproof.figures.under_attack import under_attack, within_queries
from reproof.figures.words import label_quantity
from reproof.metrics import find_metric

NAN = float("nan")
ACCURACY, WITHIN = "test_accuracy_under_attack", "test_success_within_queries"
KINDS = (
    *("under_attack", "within_queries", "transfer", "by_run", "pictures"),
    *("exciting_images", "purity", "spectra", "distribution"),
)
LONG = "A network with a title as long as any, of four hundred sigmoid units, decay 1e-4"


def measured(*rows, arm="ticket", level=0, **more):
    """Return measurements of rows (run, part, at, metric, one value a seed)."""
    return pd.DataFrame(
        [
            {"run": run, "part": part, "at": at, "metric": metric, "seed": seed, "value": value}
            for run, part, at, metric, values in rows
            for seed, value in enumerate(values)
        ]
    ).assign(**{"arm": arm, "level": level, "kept": 1.0, "draw": 0} | more)


def drawn(kind, given, runs, *, titles=None, references=(), **options):
    context = Context("demo", ("MNIST",), 0, titles or {})
    drawing = draw(
        kind, tables={"measurements": given}, runs=runs, context=context, references=references, options=options
    )
    drawing.figure.draw_without_rendering()
    return drawing


def words(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def entries(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


# Accuracy against epsilon, success against queries


ATTACKED = measured(
    ("a", "fgsm", 0.0, ACCURACY, [0.9, 0.8]),
    ("a", "fgsm", 0.1, ACCURACY, [0.5, 0.3]),
    ("a", "pgd", 0.1, ACCURACY, [0.1, 0.2]),
    ("a", "one_pixel", NAN, ACCURACY, [0.7, 0.7]),
    ("a", "fgsm", 0.1, "validation_accuracy_under_attack", [0.0, 0.0]),
)
HARDENED = measured(("a", "fgsm", 0.0, ACCURACY, [0.9]), ("a", "fgsm", 0.1, ACCURACY, [0.8]), arm="fgsm_trained")
PRUNED = measured(("a", "fgsm", 0.1, ACCURACY, [0.0]), level=3)


def test_accuracy_under_attack_is_the_mean_over_seeds_from_the_lowest_to_the_highest():
    again = ATTACKED[(ATTACKED["part"] == "fgsm") & (ATTACKED["at"] == 0.1)].assign(draw=1, value=0.7)
    rows = pd.concat([ATTACKED, again[again["seed"] == 0], PRUNED])
    table = under_attack({"measurements": rows}, [["a"], ["b"]], [])
    shown = table[table["trials"] > 0].set_index(["part", "at"])
    assert set(shown.index) == {("fgsm", 0.0), ("fgsm", 0.1), ("pgd", 0.1)}, "what has no epsilon is not on the axis"
    # Seed 0 has two draws, 0.5 and 0.7.
    numbers = shown.loc[("fgsm", 0.1), ["mean", "lowest", "highest", "trials"]].tolist()
    assert numbers == pytest.approx([0.45, 0.3, 0.6, 2])
    assert table.loc[table["run"] == "b", ["panel", "trials"]].values.tolist() == [[1, 0]]


def test_attacks_and_arms_are_chosen_by_pattern_and_splits_by_name():
    rows = {"measurements": pd.concat([ATTACKED, HARDENED])}
    assert set(under_attack(rows, [["a"]], [], attacks=["f*"])["part"]) == {"fgsm"}
    assert set(under_attack(rows, [["a"]], [])["arm"]) == {"ticket", "fgsm_trained"}
    assert set(under_attack(rows, [["a"]], [], arms=["*_trained"])["arm"]) == {"fgsm_trained"}
    assert under_attack(rows, [["a"]], [], split="validation")["mean"].tolist() == [0]


def test_published_accuracies_stand_at_their_epsilon_beside_the_line_they_belong_to():
    one = {"run": "a", "part": "pgd", "metric": ACCURACY, "at": 0.2, "value": 0.05, "source": "M"}
    others = [one | {"part": "square"}, one | {"run": "b"}, one | {"metric": WITHIN}, one | {"arm": "pgd_trained"}]
    table = under_attack({"measurements": ATTACKED}, [["a"]], [one, *others])
    assert table.loc[table["source"] != "", ["part", "at", "mean", "trials"]].values.tolist() == [["pgd", 0.2, 0.05, 0]]
    (axes,) = drawn("under_attack", ATTACKED, ["a"], references=[one]).figure.axes
    assert [line.get_xydata().tolist() for line in axes.lines if line.get_markerfacecolor() == "white"] == [[[0.2, 5]]]


def test_a_panel_of_one_network_has_a_line_in_the_ink_of_each_attack():
    figure = drawn("under_attack", ATTACKED, ["a"]).figure
    (axes,) = figure.axes
    found = [(line.get_color(), line.get_ydata().tolist()) for line in axes.lines]
    assert found == [
        (ATTACK_INKS["fgsm"].colour.lower(), [pytest.approx(85), pytest.approx(40)]),
        (ATTACK_INKS["pgd"].colour.lower(), [pytest.approx(15)]),
    ]
    assert entries(figure) == ["FGSM", "PGD"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Epsilon", "Accuracy under attack (%)")
    assert axes.get_ylim() == (-4, 104)


def test_networks_trained_in_two_ways_have_colours_and_attacks_have_strokes():
    figure = drawn("under_attack", pd.concat([ATTACKED, HARDENED]), ["a"]).figure
    (axes,) = figure.axes
    found = {(line.get_color(), line.get_linestyle()) for line in axes.lines}
    natural, hardened = INKS["ticket"][0].lower(), INKS["fgsm_trained"][0].lower()
    assert found == {(natural, "-"), (natural, "--"), (hardened, "-")} and len(axes.lines) == 3
    assert entries(figure) == ["trained on natural images", "trained on FGSM examples", "FGSM", "PGD"]


def test_runs_laid_over_one_another_are_told_apart_by_their_titles():
    rows = pd.concat([ATTACKED, ATTACKED.assign(run="b"), HARDENED])
    figure = drawn("under_attack", rows, [["a", "b"]], titles={"a": "A", "b": "B"}, attacks=["pgd"]).figure
    assert entries(figure) == ["A", "B", "PGD"]
    figure = drawn("under_attack", rows, [["a", "b"]], titles={"a": "A", "b": "B"}, attacks=["fgsm"]).figure
    natural, hardened = "trained on natural images", "trained on FGSM examples"
    assert entries(figure) == [f"A, {natural}", f"A, {hardened}", f"B, {natural}", "FGSM"]
    assert len({line.get_color() for line in figure.axes[0].lines}) == 3


def test_success_rises_with_queries_on_a_logarithmic_axis():
    rows = measured(*(("a", "nes", at, WITHIN, [share]) for at, share in ((0, 0), (10, 0.1), (1000, 0.6))))
    table = within_queries({"measurements": rows}, [["a"]], [])
    assert table[["at", "mean"]].values.tolist() == [[10, 0.1], [1000, 0.6]]
    (axes,) = drawn("within_queries", rows, ["a"]).figure.axes
    assert axes.get_xscale() == "log" and 0 < axes.get_xlim()[0] < 10 and axes.get_xlim()[1] > 1000
    assert [axes.xaxis.get_major_formatter()(at, 0) for at in (10, 1000)] == ["10", "1,000"]


def test_attacks_of_a_family_share_a_hue_and_others_take_spare_inks():
    inks = assign_attack_inks(["pgd_1", "pgd_40", "mine", "square", "yours"])
    for part, family in (("pgd_1", "pgd"), ("square", "square")):
        assert inks[part].marker == ATTACK_INKS[family].marker
        assert inks[part].colour == tint(ATTACK_INKS[family].colour, 0)
    assert inks["pgd_40"].colour == tint(ATTACK_INKS["pgd"].colour, 0.35)
    assert len({(ink.colour, ink.marker) for ink in inks.values()}) == 5
    assert [label_attack(part) for part in ("pgd_40", "spsa", "mine_2")] == ["PGD-40", "SPSA", "mine 2"]


# Transfer


def transferred(value=lambda made, shown: 1.0 if made == shown else 0.1, runs=("a", "b"), kind=""):
    metric = f"train_transfer{kind}_error"
    return [(made, shown, NAN, metric, [value(made, shown)]) for made in runs for shown in runs]


def cells(axes):
    return {(round(text.get_position()[0]), round(text.get_position()[1])): text.get_text() for text in axes.texts}


def test_examples_made_for_a_row_are_shown_to_a_column():
    rows = measured(
        ("b", "a", NAN, "train_transfer_error", [0.2, 0.4]),
        ("a", "b", NAN, "train_transfer_error", [0.1, 0.1]),
        ("a", "elsewhere", NAN, "train_transfer_error", [0.9, 0.9]),
        ("a", "b", NAN, "train_transfer_noise_error", [0.5, 0.5]),
    )
    table = transfer({"measurements": rows}, [["a", "b"]], [])
    found = [tuple(row) for row in table[["run", "part", "mean", "lowest", "highest"]].itertuples(index=False)]
    assert found == [("a", "b", 0.1, 0.1, 0.1), ("b", "a", pytest.approx(0.3), 0.2, 0.4)]
    # The key of the colours is the last panel.
    axes, _ = drawn("transfer", rows, [["a", "b"]], titles={"a": "A", "b": "B"}).figure.axes
    assert cells(axes) == {(1, 0): "10.0", (0, 1): "30.0"}
    assert [text.get_text() for text in axes.get_yticklabels()] == ["A", "B"], "rows and columns in the order asked for"
    image = axes.images[0].get_array()
    assert image[1, 0] == pytest.approx(30) and np.isnan(image.filled(NAN)[0, 0])
    assert (axes.get_xlabel(), axes.get_ylabel().split()) == ("Network tested", ["Examples", "made", "for"])


def test_other_metrics_of_transfer_are_chosen_in_short_or_in_full():
    rows = measured(*transferred(), *transferred(lambda *_: -0.02, kind="_excess"))
    for chosen in ("excess", "train_transfer_excess_error"):
        table = transfer({"measurements": rows}, [["a", "b"]], [], metric=chosen)
        assert table["mean"].tolist() == [-0.02] * 4
    both = drawn("transfer", rows, [["a", "b"]], metric=["", "excess"]).figure
    assert [set(cells(axes).values()) for axes in both.axes[:2]] == [{"100", "10.0"}, {"−2.0"}]


def test_published_transfer_stands_in_brackets_in_the_cells_that_were_measured():
    one = {"run": "a", "part": "b", "metric": "train_transfer_error", "value": 0.262, "source": "S, table 4"}
    rows = measured(*transferred())
    drawing = drawn("transfer", rows, [["a", "b", "c"]], references=[one, one | {"run": "c"}])
    texts = [text.get_text() for text in drawing.figure.axes[0].texts]
    assert [text for text in texts if "(" in text] == ["(26.2)"]
    assert len(drawing.figure.axes[0].get_yticklabels()) == 2, "no row of c"
    assert "In brackets: published values (S, table 4)" in drawing.caption
    assert "Not run at this scale: C." in drawing.caption


def test_noise_of_given_deviations_has_rows_below_the_networks():
    noise = [("a", "", at, "train_noise_error", [share]) for at, share in ((0.1, 0.05), (0.3, 0.15), (0.5, 0.9))]
    one = {"run": "a", "part": "a", "metric": "train_noise_error", "at": 0.3, "value": 0.156, "source": "S"}
    rows = measured(*transferred(), *noise)
    axes, _ = drawn("transfer", rows, [["a", "b"]], references=[one], noises=[0.1, 0.3]).figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()][2:] == ["noise, deviation 0.1", "noise, deviation 0.3"]
    assert [text for text in cells(axes).values() if text in ("5.0", "(15.6)", "90.0")] == ["5.0", "(15.6)"]
    assert "noise" not in "".join(words(drawn("transfer", rows, [["a", "b"]]).figure))


def test_entries_of_one_run_each_form_one_matrix():
    rows = measured(*transferred())
    assert len(drawn("transfer", rows, ["a", "b"]).figure.axes) == 2, "a matrix and the key"
    one, _ = drawn("transfer", rows, [["a", "b"], "c"]).figure.axes
    assert len(cells(one)) == 4


def test_a_run_shown_to_none_of_the_others_still_has_its_row_and_its_column():
    elsewhere = ("b", "elsewhere", NAN, "train_transfer_error", [0.9])
    rows = measured(("a", "b", NAN, "train_transfer_error", [0.1]), elsewhere)
    axes, _ = drawn("transfer", rows, [["a", "b"]]).figure.axes
    assert cells(axes)[1, 0] == "10.0" and len(axes.get_yticklabels()) == 2
    alone = measured(("a", "", 0.1, "train_noise_error", [0.05]))
    assert set(cells(drawn("transfer", alone, ["a"], noises=[0.1]).figure.axes[0]).values()) == {"5.0"}


# One value a run


def test_one_value_of_each_metric_is_shown_for_each_run():
    rows = measured(
        ("b", "b", NAN, "train_minimum_distortion", [0.1, 0.2]),
        ("a", "", NAN, "train_minimum_distortion", [0.05, 0.07]),
        ("a", "c", NAN, "train_minimum_distortion", [9.0, 9.0]),
        ("a", "", NAN, "train_clean_error", [0.01, 0.03]),
        ("a", "", 0.1, "train_clean_error", [0.5, 0.5]),
    )
    table = by_run({"measurements": rows}, [["a"], ["b"], ["c"]], [])
    found = {(row.run, row.quantity): (row.mean, row.lowest, row.highest, row.trials) for row in table.itertuples()}
    assert found["a", "train_minimum_distortion"] == (pytest.approx(0.06), 0.05, 0.07, 2), "of no part"
    assert found["b", "train_minimum_distortion"][:3] == (pytest.approx(0.15), 0.1, 0.2), "or of the run itself"
    assert found["a", "train_clean_error"][0] == pytest.approx(0.02), "at no place"
    assert found["c", "train_minimum_distortion"][3] == 0
    left, right = drawn("by_run", rows, ["a", "b", "c"]).figure.axes
    assert [text.get_text() for text in left.get_yticklabels()] == ["A", "B"]
    assert [line.get_xydata()[0].tolist() for line in left.lines] == [
        [pytest.approx(0.06), 0],
        [pytest.approx(0.15), 1],
    ]
    assert not left.texts and not right.texts
    assert left.get_ylim()[0] > left.get_ylim()[1], "the first on top"
    assert right.get_xlabel() == "Error without attack, training\nset\u00a0(%)" and right.lines[0].get_xdata() == [2]


def test_metrics_and_runs_keep_their_order_whatever_was_not_measured():
    rows = measured(
        ("a", "", NAN, "test_clean_error", [0.1]),
        ("b", "", NAN, "train_clean_error", [0.2]),
    )
    metrics = ["train_clean_error", "test_clean_error", "test_minimum_distortion"]
    figure = drawn("by_run", rows, ["a", "b", "c"], metrics=metrics).figure
    assert [axes.get_xlabel() for axes in figure.axes][1:] == ["Error without attack\u00a0(%)"]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["A", "B"]
    assert "least distortion (RMS of a pixel) of A" in " ".join(words(figure)).replace("\n", " "), "nothing measured"
    first = drawn("by_run", rows, ["a", "b"], metrics=metrics[::-1]).figure.axes[0]
    assert [text.get_text() for text in first.get_yticklabels()] == ["A", "B"], "names of rows are handed on"


def test_a_place_and_parts_are_chosen_for_each_run():
    options = {"metrics": [ACCURACY], "at": 0.1, "part": "*"}
    table = by_run({"measurements": ATTACKED}, [["a"]], [], **options)
    assert table[["part", "at"]].fillna(-1).values.tolist() == [["fgsm", 0.1], ["pgd", 0.1], ["one_pixel", -1]]
    figure = drawn("by_run", ATTACKED, ["a"], **options).figure
    assert entries(figure) == ["FGSM", "PGD", "one pixel"]
    heights = [line.get_ydata()[0] for line in figure.axes[0].lines]
    assert heights == pytest.approx([-0.2, 0, 0.2]), "side by side within the row"
    assert by_run({"measurements": ATTACKED}, [["a"]], [], **options | {"part": "pgd"})["part"].tolist() == ["pgd"]


def test_published_values_stand_hollow_beside_the_run_they_are_of():
    rows = measured(("a", "a", NAN, "train_minimum_distortion", [0.05]))
    one = {"run": "a", "part": "", "metric": "train_minimum_distortion", "value": 0.06, "source": "S, table 1"}
    for reference in (one, one | {"part": "a"}):
        figure = drawn("by_run", rows, ["a", "b"], references=[reference, one | {"run": "b"}, one | {"at": 0.1}]).figure
        hollow = [line for line in figure.axes[0].lines if line.get_markerfacecolor() == "white"]
        assert [line.get_xdata()[0] for line in hollow] == [0.06]
        assert 0 < hollow[0].get_ydata()[0] < 0.5, "in the run's row, below what was measured"
        assert entries(figure)[-1] == "published: S"


# Images


def pixels(run, part, picture, metric="example_pixel"):
    return [(run, part, float(at), metric, [value]) for at, value in enumerate(np.ravel(picture))]


BEFORE, AFTER = np.array([[0.0, 0.5], [1.0, 0.5]]), np.array([[0.1, 0.5], [0.9, 0.5]])
SHOWN = measured(
    *pixels("b", "original/0", BEFORE), *pixels("b", "fgsm/0", AFTER), *pixels("b", "original/1", AFTER),
    ("b", "original/0", NAN, "example_class", [7]), ("b", "fgsm/0", NAN, "example_class", [2]),
    ("b", "original/1", NAN, "example_class", [7]),
)  # fmt: skip


def test_pixels_are_read_row_by_row_of_the_lowest_seed_of_the_first_run_that_has_any():
    later = SHOWN.assign(seed=1, value=0.3)
    third = measured(*pixels("c", "original/0", AFTER))
    table = pictures({"measurements": pd.concat([later, SHOWN, third])}, [["a"], ["b"], ["c"]], [])
    assert set(table.loc[table["part"] != "", "run"]) == {"b"} and set(table["seed"].dropna()) == {0}
    assert (read_images(table)["original/0"] == BEFORE[..., None]).all()
    assert table.loc[table["part"] == "", ["run", "trials"]].values.tolist() == [["a", 0], ["c", 1]]
    drawing = drawn("pictures", pd.concat([SHOWN, third]), ["a", "b", "c"])
    assert "Not run at this scale: A." in drawing.caption


def test_images_are_chosen_by_attack_and_number():
    rows = pd.concat([SHOWN, measured(*pixels("b", "pgd/0", AFTER))])
    found = {
        name: set(pictures({"measurements": rows}, [["b"]], [], **options)["part"])
        for name, options in {"few": {"count": 1}, "fgsm": {"attacks": ["f*"]}}.items()
    }
    assert found == {"few": {"original/0", "fgsm/0", "pgd/0"}, "fgsm": {"original/0", "original/1", "fgsm/0"}}


def greys(axes):
    """Return the image of a panel [height, width], after a check that its three channels are equal."""
    colours = np.asarray(axes.images[0].get_array())
    assert (colours == colours[..., :1]).all()
    return colours[..., 0]


def test_three_squares_of_pixels_are_an_image_in_colour():
    colours = np.arange(12).reshape(3, 2, 2) / 12
    rows = measured(
        *pixels("b", "original/0", colours), *pixels("b", "fgsm/0", colours), ("b", "fgsm/0", NAN, "example_class", [1])
    )
    (axes,) = drawn("pictures", rows, ["b"]).figure.axes
    shown = np.asarray(axes.images[0].get_array())[:2, :2]
    assert shown.tolist() == colours.transpose(1, 2, 0).tolist()


def test_differences_are_amplified_about_grey_and_classes_stand_below():
    figure = drawn("pictures", SHOWN, ["b"]).figure
    (axes,) = figure.axes
    picture = greys(axes)
    # Images of 2 pixels with 1 between them: the original, ten times the difference, the result.
    assert picture[:2, :2].tolist() == BEFORE.tolist() and picture[:2, 6:8].tolist() == AFTER.tolist()
    assert picture[:2, 3:5] == pytest.approx(np.array([[1.0, 0.5], [0.0, 0.5]]))
    assert (picture[:2, 2] == 1).all() and (picture[3:5, 3:] == 1).all(), (
        "white between images, and where one is missing"
    )
    texts = [text.get_text() for text in axes.texts]
    assert {"original", "FGSM", "difference\n× 10", "result"} <= set(texts)
    weights = {text.get_text(): text.get_fontweight() for text in axes.texts if text.get_text().isdigit()}
    assert weights == {"7": "normal", "2": "bold"}


def test_a_mosaic_has_white_where_there_is_no_image():
    black = np.zeros((2, 2, 1))
    joined = join_images([[black, None]], right=1, below=1)
    assert joined[..., 0].tolist() == [[0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1]]


def test_exciting_images_stand_in_four_blocks_a_row_for_each_unit():
    grey = {0: 0.2, 1: 0.4, 2: 0.6}
    parts = [(f"trained/unit/{which}/{rank}", grey[which] + 0.1 * rank) for which in range(3) for rank in range(2)]
    parts += [("untrained/direction/0/0", 0.9)]
    rows = measured(*(row for part, value in parts for row in pixels("a", part, [[value]], "exciting_pixel")))
    table = exciting_images({"measurements": rows}, [["a"]], [], rows=2)
    assert [part for part in table["part"] if "unit/2" in part] == []
    assert len(exciting_images({"measurements": rows}, [["a"]], [], ranks=1)) == 4
    figure = drawn("exciting_images", rows, ["a"], rows=2).figure
    blocks = {axes.get_title(loc="left"): axes for axes in figure.axes}
    assert next(iter(blocks)) == "trained: single units" and len(blocks) == 4
    shown = greys(blocks["trained: single units"])
    assert shown[::2, ::2] == pytest.approx(np.array([[0.2, 0.3], [0.4, 0.5]])), "a row a unit, a column a rank"
    assert not blocks["trained: random directions"].images and blocks["untrained: random directions"].images


# Units against directions, bounds, distributions


def test_units_stand_beside_directions_with_the_p_of_their_difference():
    rows = measured(
        ("a", "untrained", NAN, "units_purity", [0.2, 0.4]),
        ("a", "trained", NAN, "units_purity", [0.5, 0.7]),
        ("a", "trained", NAN, "directions_purity", [0.4, 0.4]),
        ("a", "trained", NAN, "purity_p_value", [0.01, 0.03]),
        ("a", "trained", NAN, "purity_difference", [0.1, 0.3]),
        ("a", "trained", NAN, "units_compactness", [0.8, 0.8]),
    )
    table = purity({"measurements": rows}, [["a"], ["b"]], [])
    assert table["part"].tolist() == ["trained"] * 4 + ["untrained", ""], "trained above untrained"
    found = table.set_index(["part", "quantity"])["mean"]
    assert found["trained", "units_purity"] == pytest.approx(0.6)
    left, right = drawn("purity", rows, ["a", "b"]).figure.axes
    assert [line.get_xdata()[0] for line in left.lines] == pytest.approx([60, 40, 30])
    assert [line.get_xdata()[0] for line in right.lines] == [0.8]
    texts = [text.get_text() for text in left.texts if text.get_text()]
    assert texts == ["p = 0.00079 (2 seeds combined)"], "deviates of 2.576 and 2.170"
    assert [text.get_text() for text in left.get_yticklabels()] == ["A, trained", "A, untrained"]


def test_bounds_are_those_of_the_first_and_the_last_step():
    bound, product = "lipschitz_bound", "lipschitz_product"
    rows = measured(
        *(("a", part, at, bound, values) for at, part, values in (
            (0.0, "fc_2", [0.5, 0.7]), (0.0, "fc_1", [2.0, 2.0]), (50.0, "fc_2", [9.0, 9.0]),
            (90.0, "fc_2", [3.0, 5.0]), (90.0, "fc_1", [4.0, 4.0]),
        )),
        ("a", "", 0.0, product, [1.2, 1.2]), ("a", "", 90.0, product, [15.0, 17.0]),
    )  # fmt: skip
    one = {"run": "a", "part": "fc_1", "metric": bound, "value": 2.75, "source": "S, table 5"}
    table = spectra({"measurements": rows}, [["a", "b"]], [one])
    found = {(row.part, row.state): row.mean for row in table[table["quantity"] == bound].itertuples() if row.trials}
    assert found == {
        ("fc_2", "untrained"): pytest.approx(0.6), ("fc_1", "untrained"): 2.0,
        ("fc_2", "trained"): 4.0, ("fc_1", "trained"): 4.0,
    }  # fmt: skip
    (first,) = drawn("spectra", rows, ["a", "b"], references=[one]).figure.axes
    assert [text.get_text() for text in first.get_xticklabels()] == ["fc 2", "fc 1"], "as they were measured"
    assert first.get_yscale() == "log" and first.get_ylim()[0] < 0.5 and first.get_ylim()[1] > 5
    level = next(line for line in first.lines if line.get_linestyle() == "--" and set(line.get_ydata()) == {1})
    assert level.get_color() == "#000000"
    assert [text.get_text() for text in first.texts] == ["network, untrained: 1.2\nnetwork, trained: 16"]
    assert [line.get_xydata().tolist() for line in first.lines if line.get_markerfacecolor() == "white"] == [
        [[1, 2.75]]
    ]


def test_a_run_measured_at_one_step_alone_is_trained():
    rows = measured(("a", "fc_1", 0.0, "lipschitz_bound", [2.0]))
    assert spectra({"measurements": rows}, [["a"]], [])["state"].tolist() == ["trained"]


END = "test_accuracy_at_end"


def test_the_distribution_is_of_the_seeds_of_dense_networks():
    rows = measured(("a", "", NAN, END, [0.90, 0.92, 0.97]), ("b", "", NAN, END, [0.5]), ("a", "x", NAN, END, [0.1]))
    others = [
        measured(("a", "", 5.0, END, [0.1])),
        measured(("a", "", NAN, END, [0.1]), arm="noise"),
        measured(("a", "", NAN, END, [0.1]), level=1),
    ]
    table = distribution({"measurements": pd.concat([rows, *others])}, [["a", "b"], ["c"]], [])
    own = table[table["run"] == "a"]
    assert own["value"].tolist() == [0.90, 0.92, 0.97]
    assert own["mean"].tolist() == pytest.approx([0.93] * 3)
    assert own["deviation"].tolist() == pytest.approx([0.0013**0.5] * 3), "squares 9, 1 and 16 e-4 over 2"
    assert table.loc[table["run"] == "c", ["panel", "trials"]].values.tolist() == [[1, 0]]


def test_a_histogram_counts_every_seed_and_tells_mean_and_deviation():
    rows = measured(("a", "", NAN, END, [0.90, 0.92, 0.97]), ("b", "", NAN, END, [0.95]))
    figure = drawn("distribution", rows, [["a", "b"], "c"]).figure
    (first,) = figure.axes
    filled = [patch for patch in first.patches if patch.get_fill()]
    assert [sum(patch.get_data().values) for patch in filled] == [3, 1]
    assert filled[0].get_data().edges.tolist() == filled[1].get_data().edges.tolist(), "bins are the same for all runs"
    assert [len(line.get_xdata()) for line in first.lines] == [3, 1], "a tick a seed"
    assert entries(figure) == ["A: 93.00 ± 3.61 %, 3 seeds", "B: 95.00 %, 1 seed"]
    assert (first.get_xlabel(), first.get_ylabel()) == ("Test accuracy at end (%)", "Seeds")


def test_a_hundred_seeds_have_no_more_bins_than_can_be_seen():
    values = [0.5, *np.linspace(0.9, 0.9001, 400)]
    (axes,) = drawn("distribution", measured(("a", "", NAN, END, values)), ["a"]).figure.axes
    assert len(axes.patches[0].get_data().values) == 40


# All kinds


RUNS = ("one", "two", "three")
EVERY = pd.concat([tables.attacks(RUNS, side=6), measured(*((run, "", NAN, END, [0.9, 0.91]) for run in RUNS))])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runs", [["one"], ["one", "two", "absent"], [["one", "two", "absent"]]])
def test_nothing_is_cut_off_however_long_titles_are(kind, runs):
    titles = dict.fromkeys((*RUNS, "absent"), LONG) | {"two": f"{LONG}, once more"}
    figure = drawn(kind, EVERY, runs, titles=titles).figure
    needed, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(needed.x0, needed.y0) >= 0 and needed.x1 <= width and needed.y1 <= height, needed


@pytest.mark.parametrize("kind", KINDS)
def test_names_of_rows_and_columns_do_not_overlap(kind):
    titles = dict.fromkeys(RUNS, LONG)
    for axes in drawn(kind, EVERY, [list(RUNS)], titles=titles).figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            labels = [label for label in axis.get_ticklabels() if label.get_text() and label.get_visible()]
            boxes = [label.get_window_extent() for label in labels]
            for place, box in enumerate(boxes):
                assert not box.count_overlaps(boxes[place + 1 :]), labels[place].get_text()


@pytest.mark.parametrize("kind", KINDS)
def test_captions_and_alternative_texts_speak_of_networks(kind):
    drawing = drawn(kind, EVERY, ["one", "absent"], titles={"one": "One", "absent": "Absent"})
    assert drawing.alt.endswith(" of networks. Runs: One.") and "(%)  " not in drawing.alt
    assert "Not run at this scale: Absent." in drawing.caption


def test_words_say_what_attacks_measure_and_of_which_images():
    assert label_quantity(ACCURACY) == "Accuracy under attack (%)"
    assert label_quantity("train_minimum_distortion") == "Least distortion (RMS of a pixel), training set"
    assert label_quantity("test_unbounded_attack_distance") == "L2 distance of examples without a bound"
    assert find_metric(ACCURACY).in_sentence == "accuracy under attack"
    assert find_metric("train_minimum_distortion").in_sentence == "least distortion (training set)"
    assert find_arm_words("pgd_trained").sentence == "networks trained on PGD examples"


def test_the_sign_of_per_cent_stays_with_its_word():
    assert wrap("error of the network (%)", 20) == "error of the\nnetwork\u00a0(%)"


def test_many_versions_of_one_data_set_are_counted():
    """The line under the panels has room for two lines, not for the name of every half."""
    labels = ("MNIST, half 1, pixels in [0, 1]", "MNIST, half 2, pixels in [0, 1]", "MNIST, pixels in [0, 1]")
    few = Context("mnist", labels[:2], 0)
    many = Context("mnist", (*labels, "CIFAR-10"), 0)
    assert f"data: {labels[0]} and {labels[1]} · " in compose_foot_line({}, columns=[], context=few)
    assert "data: MNIST (3 versions) and CIFAR-10 · " in compose_foot_line({}, columns=[], context=many)
