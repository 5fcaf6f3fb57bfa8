"""Tests of what a figure says in words: findings, networks at chance, colour keys, what was not measured."""

import pandas as pd
import pytest
import tables
from figure_rules import find_broken_rules
from matplotlib.text import Text
from test_figures_rules import CONTEXT, TABLES

from reproof.figures import KINDS, Context, Drawing, draw

WITHOUT_FINDING = {"pictures", "exciting_images", "weight_movement", "learning_curves"}


def read_words(shown: Drawing) -> str:
    return " ".join(text.get_text().replace("\n", " ") for text in shown.figure.findobj(Text))


def list_colour_panels(shown: Drawing) -> list[tuple[float, list[str]]]:
    """Return the end of the colour scale and the texts of each panel that shows values as colours."""
    return [
        (axes.images[0].get_clim()[1], [text.get_text() for text in axes.texts])
        for axes in shown.figure.axes
        if axes.images and axes.images[0].get_array().ndim == 2 and axes.images[0].get_array().shape[0] > 1
    ]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_captions_begin_with_a_finding_made_of_numbers(kind: str) -> None:
    shown = draw(kind, tables=TABLES, runs=["lenet", "lenet_one_shot"], context=CONTEXT)
    start = shown.caption.split(KINDS[kind].reading)[0].strip()
    assert (KINDS[kind].finding is None) == (kind in WITHOUT_FINDING)
    # The table has no pruned networks for criteria and parts.
    assert bool(start) == (kind not in {*WITHOUT_FINDING, "criteria", "parts"})
    assert not start or (any(letter.isdigit() for letter in start) and start.endswith("."))


@pytest.mark.parametrize(
    ("tickets", "words"),
    [
        ((0.95, 0.96), "95.5 % (95.0 to 96.0 %, 2 trials) at 50 % kept (of 1 mean), above the 90.5 %"),
        ((0.80, 0.81), "80.5 % (80.0 to 81.0 %, 2 trials) at 50 % kept (of 1 mean), below the 90.5 %"),
        ((0.905, 0.96), "at 50 % kept (of 1 mean), not told apart from the 90.5 % (90.0 to 91.0 %, 2 trials)"),
    ],
)
def test_a_finding_compares_only_ranges_that_do_not_overlap(tickets: tuple[float, ...], words: str) -> None:
    values = [(0, 1.0, (0.90, 0.91)), (1, 0.5, tickets)]
    rows = pd.DataFrame(
        {"run": "lenet", "arm": "ticket", "level": level, "kept": kept, "seed": seed, "draw": 0, "part": "",
         "at": float("nan"), "metric": "test_accuracy_at_end", "value": value}
        for level, kept, pair in values for seed, value in enumerate(pair)
    )  # fmt: skip
    options = {"metrics": ["test_accuracy_at_end"]}
    shown = draw("early_stopping_and_accuracy", tables={"measurements": rows}, runs=["lenet"], context=CONTEXT,
                 options=options)  # fmt: skip
    assert shown.caption.startswith("LeNet: test accuracy at end is at best") and words in shown.caption
    one = draw("early_stopping_and_accuracy", tables={"measurements": rows[rows["seed"] == 0]}, runs=["lenet"],
               context=CONTEXT, options=options)  # fmt: skip
    assert "(1 trial)" in one.caption and "against" in one.caption, "one seed tells nothing apart"


@pytest.mark.parametrize(("seeds", "says"), [((0.98, 0.97), ""), ((0.126, 0.126), "2 of 2 seeds"),
                                             ((0.1, 0.7), "1 of 2 seeds"), ((0.0, 0.01), "")])  # fmt: skip
def test_a_network_at_chance_is_named_below_the_panels(seeds: tuple[float, ...], says: str) -> None:
    """Also where a figure shows no accuracy of whole networks; accuracies near 0 are attacks, not chance."""
    rows = TABLES["measurements"]
    rows = rows[(rows["run"] == "lenet") & (rows["metric"] != "test_accuracy_at_end")]
    whole = tables.measurements(("lenet",), levels=(0,), seeds=2).query("metric == 'test_accuracy_at_end'")
    both = {"measurements": pd.concat([rows, whole.assign(value=list(seeds))])}
    context = Context("demo", ("MNIST",), 12, {"lenet": "LeNet"}, classes={"lenet": 10})
    for kind in ("criticality_and_distance", "spectra", "early_stopping_and_accuracy"):
        words = read_words(draw(kind, tables=both, runs=["lenet"], context=context))
        assert ("At chance on the test set: LeNet" in words) == bool(says) and says in words


def test_tickets_at_chance_have_no_name_of_attacks_and_controls_have_their_own() -> None:
    rows = pd.DataFrame(
        {"run": "lenet", "arm": arm, "level": level, "kept": 1.0 if level == 0 else 0.5, "seed": 0, "draw": 0,
         "part": "", "at": float("nan"), "metric": "test_accuracy_at_end", "value": value}
        for arm, level, value in (("ticket", 0, 0.95), ("ticket", 1, 0.1), ("reinitialise", 1, 0.1))
    )  # fmt: skip
    context = Context("demo", ("MNIST",), 12, {"lenet": "LeNet"}, classes={"lenet": 10})
    words = read_words(
        draw("early_stopping_and_accuracy", tables={"measurements": rows}, runs=["lenet"], context=context,
             options={"metrics": ["test_accuracy_at_end"]})
    )  # fmt: skip
    assert "LeNet at 50 % kept (1 of 1 seed" in words and "LeNet, reinitialised (1 of 1 seed" in words


def test_one_outlying_column_does_not_flatten_a_heat_map() -> None:
    shown = draw("layer_heat_map", tables=TABLES, runs=["lenet"], context=CONTEXT)
    ((limit, texts),) = list_colour_panels(shown)
    # `tables.layers` has 87 % error after random weights as after the reset of the first layer: nothing lies beyond.
    assert limit == pytest.approx(max(float(text) for text in texts)) and "beyond" not in read_words(shown)
    mild = TABLES["measurements"].query("part != 'fc_1' or metric == 'test_accuracy_rerandomised'")
    shown = draw("layer_heat_map", tables={"measurements": mild}, runs=["lenet"], context=CONTEXT)
    ((limit, texts),) = list_colour_panels(shown)
    steps = [float(text) for text in texts if not text.endswith("▲")]
    assert limit == pytest.approx(max(steps), abs=0.06) and limit < 30
    assert len(texts) - len(steps) == 5 and "▲ beyond the scale" in read_words(shown)


@pytest.mark.parametrize("kind", ["layer_heat_map", "transfer"])
def test_heat_maps_have_a_key_with_its_unit(kind: str) -> None:
    shown = draw(kind, tables=TABLES, runs=["lenet", "lenet_one_shot"], context=CONTEXT)
    assert "Error (%)" in read_words(shown) and find_broken_rules(shown.figure) == []


def test_intervals_end_where_no_value_can_be() -> None:
    """Two seeds that differ have a t interval beyond 0 and 1; a mean beyond stays where it is."""
    for kind, runs in (("criticality_and_distance", ["lenet"]), ("criticality_by_layer", [["lenet", "conv_2"]]),
                       ("joint_resets", ["lenet"]), ("layer_heat_map", ["lenet"])):  # fmt: skip
        rows = TABLES["measurements"].query("seed < 2").copy()
        rows.loc[rows["seed"] == 1, "value"] *= 0.5
        table = draw(kind, tables={"measurements": rows}, runs=runs, context=CONTEXT).table.dropna(subset=["low"])
        shares = table[~table["quantity"].str.contains("distance|joint_layers")]
        assert len(shares) and (shares["low"] >= shares["mean"].clip(upper=0)).all()
        assert (shares["high"] <= shares["mean"].clip(lower=1)).all()
        assert (table["low"] >= table["mean"].clip(upper=0)).all(), "no distance is negative"


@pytest.mark.parametrize(("kind", "missing"), [
    ("against_step", "train_instability"), ("error_on_path", "train_error_on_path"),
    ("early_stopping_and_accuracy", "early_stop_step"), ("error_on_path", "test_error_on_path"),
])  # fmt: skip
def test_a_quantity_that_a_run_lacks_is_a_line_and_no_frame(kind: str, missing: str) -> None:
    more = tables.copies("conv_2")
    rows = pd.concat([TABLES["measurements"], more]).query(f"run != 'conv_2' or metric != '{missing}'")
    shown = draw(kind, tables={"measurements": rows}, runs=["lenet", "conv_2"], context=CONTEXT)
    words = read_words(shown)
    assert "not run at this scale" not in words and "Not measured at this scale:" in words and "of Conv-2." in words
    assert find_broken_rules(shown.figure) == []
    right = [axes for axes in shown.figure.axes if axes.get_position().x0 > 0.5]
    lowest = min(right, key=lambda one: one.get_position().y0)
    highest = max(right, key=lambda one: one.get_position().y0)
    assert lowest.get_xlabel() and highest.get_title(loc="left") == "Conv-2", "neighbours take over title and label"


def test_occams_hill_shows_the_gap_of_each_trial_and_the_fall_of_accuracy() -> None:
    rows = tables.measurements(("lenet",), levels=(0, 7, 20)).query("arm == 'ticket'")
    low = (rows["level"] == 20) & (rows["metric"] == "test_accuracy_at_end")
    rows.loc[low, "value"] = 0.4
    shown = draw("occams_hill", tables={"measurements": rows}, runs=["lenet"], context=CONTEXT)
    gaps = shown.table[shown.table["quantity"] == "Train less test accuracy"]
    wide = rows[rows["level"] == 0].pivot_table(index="seed", columns="metric", values="value")
    expected = (wide["train_accuracy_at_end"] - wide["test_accuracy_at_end"]).mean()
    assert gaps.loc[gaps["level"] == 0, "mean"].item() == pytest.approx(expected)
    right = shown.figure.axes[1]
    assert right.get_ylim()[0] < 40 < 95 < right.get_ylim()[1], "no window hides the fall"
    assert "40.0 % (40.0 to 40.0 %, 3 trials) at 1.2 % kept" in shown.caption


def test_first_iterations_have_words_for_0() -> None:
    rows = TABLES["measurements"]
    stable = rows.assign(value=rows["value"].where(rows["metric"] != "test_instability", 0.0))
    shown = draw("sparsity_ranges", tables={"measurements": stable}, runs=["lenet"], context=CONTEXT)
    shown.figure.draw_without_rendering()
    labels = [label.get_text() for axes in shown.figure.axes for label in axes.get_yticklabels()]
    assert "start (0)" in labels and "1" not in labels


def test_panels_of_one_quantity_share_limits_unless_one_would_be_flat() -> None:
    rows = TABLES["measurements"]
    near = draw("spectra", tables={"measurements": rows}, runs=["lenet", "lenet_one_shot"], context=CONTEXT)
    lines = pd.concat([rows, tables.copies("conv_2", steps=(0, 100))])
    far = lines.assign(value=lines["value"] * (1 + 99 * ((lines["run"] == "conv_2") & (lines["metric"] == "distance"))))
    shown = draw("against_step", tables={"measurements": far}, runs=["lenet", "conv_2"], context=CONTEXT,
                 options={"metrics": ["distance", "distance_share"]})  # fmt: skip
    above, below = ([axes.get_ylim() for axes in shown.figure.axes[start : start + 2]] for start in (0, 2))
    assert len({axes.get_ylim() for axes in near.figure.axes}) == 1 and "different axes" not in read_words(near)
    assert above[0] != above[1] and below[0] == below[1] and "different axes" in read_words(shown)
