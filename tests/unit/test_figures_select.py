"""Tests of the tables of figures (ranges, published values, levels, steps), against values computed by hand."""

import pandas as pd
import pytest

from reproof.figures.against_kept import accuracy_during_training, early_stopping_and_accuracy
from reproof.figures.learning_curves import learning_curves
from reproof.figures.spread import add_published, select_common_steps, summarise_trials
from reproof.figures.weight_movement import weight_movement

METRIC = "test_accuracy_at_early_stop"


def _measured(*rows: tuple[str, str, int, int, int, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["run", "arm", "level", "seed", "draw", "value"])
    return table.assign(kept=0.5 ** table["level"], metric=METRIC)


def _curves(*rows: tuple[int, int, int, float]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["level", "seed", "step", "accuracy"])
    return table.assign(run="lenet", arm="ticket", draw=0, split="test", kept=0.5 ** table["level"])


def test_mean_lowest_and_highest_run_over_seeds_and_draws() -> None:
    rows = _measured(*(("a", "b", 1, seed, draw, 0.1 * (1 + seed + 4 * draw)) for seed in (0, 1) for draw in (0, 1)))
    # Seeds and draws are equal trials here, unlike in verdicts, which average the draws of a seed.
    (row,) = summarise_trials(rows, ["run", "arm", "level"]).to_dict("records")
    assert row["mean"] == pytest.approx((0.1 + 0.2 + 0.5 + 0.6) / 4)
    assert (row["lowest"], row["highest"], row["trials"]) == (pytest.approx(0.1), pytest.approx(0.6), 4)
    assert row["kept"] == 0.5


def test_published_gains_and_ratios_stand_on_the_measured_dense_mean() -> None:
    measured = _measured(("lenet", "ticket", 0, 0, 0, 0.90), ("lenet", "ticket", 0, 1, 0, 0.92))
    same = {"run": "lenet", "metric": METRIC, "kept": 0.2, "source": "section 2"}
    references = [same | {"gain": 0.003}, same | {"ratio": 0.5}, same | {"value": 0.98, "low": 0.97}]
    table = early_stopping_and_accuracy({"measurements": measured}, [["lenet"]], references, metrics=[METRIC])
    published = table[table["source"] != ""]
    # The dense mean is 0.91: 0.91 + 0.003, 0.91 x 0.5, and the value itself.
    assert published["mean"].tolist() == pytest.approx([0.913, 0.455, 0.98])
    assert published["lowest"].tolist() == pytest.approx([0.913, 0.455, 0.97])
    assert set(published["arm"]) == {"ticket"} and set(published["trials"]) == {0}


def test_a_published_value_stands_in_the_panel_of_its_run_at_its_place() -> None:
    dense = [("a", "ticket", 0, 0, 0, 0.9), ("b", "ticket", 0, 0, 0, 0.8)]
    measured = _measured(*dense, ("b", "reinitialise", 1, 0, 0, 0.7))
    reference = {"run": "b", "metric": METRIC, "kept": 0.2, "gain": 0.1, "source": "s", "arm": "reinitialise"}
    table = early_stopping_and_accuracy({"measurements": measured}, [["a", "b"]], [reference], metrics=[METRIC])
    (row,) = table[table["source"] != ""].to_dict("records")
    assert (row["panel"], row["place"], row["arm"], row["mean"]) == ("a", 1, "reinitialise", pytest.approx(0.9))


def test_published_values_of_other_runs_arms_and_quantities_are_left_out() -> None:
    measured = _measured(("lenet", "ticket", 0, 0, 0, 0.9))
    table = early_stopping_and_accuracy({"measurements": measured}, [["lenet"]], [], metrics=[METRIC])
    others = [
        {"run": "conv_2", "metric": METRIC, "kept": 0.2, "source": "s", "value": 1.0},
        {"run": "lenet", "metric": "early_stop_step", "kept": 0.2, "source": "s", "value": 1.0},
        {"run": "lenet", "metric": METRIC, "arm": "reinitialise", "kept": 0.2, "source": "s", "value": 1.0},
    ]
    assert len(add_published(table, others, [["lenet"]])) == len(table) == 1


def test_quantities_keep_the_order_asked_for_and_panels_that_of_the_runs() -> None:
    rows = [("b", "ticket", 0, 0, 0, 0.9), ("a", "ticket", 0, 0, 0, 0.8)]
    measured = pd.concat([_measured(*rows), _measured(*rows).assign(metric="early_stop_step")])
    metrics = ["early_stop_step", METRIC]
    table = early_stopping_and_accuracy({"measurements": measured}, [["a"], ["b", "c"]], [], metrics=metrics)
    assert table[["panel", "place", "run", "quantity"]].values.tolist() == [
        ["a", 0, "a", "early_stop_step"],
        ["a", 0, "a", METRIC],
        ["b", 0, "b", "early_stop_step"],
        ["b", 0, "b", METRIC],
        ["b", 1, "c", "early_stop_step"],
        ["b", 1, "c", METRIC],
    ]
    # Run c was not measured; its rows keep the place in the panel.
    assert table["trials"].tolist() == [1, 1, 1, 1, 0, 0]


def test_steps_at_which_only_some_trainings_were_measured_are_left_out() -> None:
    curves = _curves((0, 0, 10, 0.5), (0, 1, 10, 0.6), (0, 0, 15, 0.7), (0, 0, 20, 0.8), (0, 1, 20, 0.9))
    # Step 15 is the early-stopping step of one seed.
    assert select_common_steps(curves)["step"].tolist() == [10, 10, 20, 20]


def test_accuracy_during_training_reads_the_recorded_step_nearest_to_each_share() -> None:
    curves = _curves(*((0, 0, step, step / 100) for step in (10, 30, 70, 90)))
    table = accuracy_during_training({"curves": curves}, [["lenet"]], [])
    # A third, two thirds and the whole of 90 are 30, 60 and 90; nothing was recorded at 60, and 70 is nearest.
    assert table["quantity"].tolist() == [f"Test accuracy, iteration {step}" for step in (30, 70, 90)]
    assert table["mean"].tolist() == pytest.approx([0.3, 0.7, 0.9])


def test_published_accuracy_at_the_end_stands_in_the_last_column() -> None:
    curves = _curves((0, 0, 30, 0.3), (0, 0, 60, 0.6), (0, 0, 90, 0.9))
    reference = {"run": "lenet", "metric": "test_accuracy_at_end", "kept": 1.0, "value": 0.95, "source": "section 4"}
    table = accuracy_during_training({"curves": curves}, [["lenet"]], [reference])
    assert table.loc[table["source"] != "", ["quantity", "mean"]].values.tolist() == [
        ["Test accuracy, iteration 90", 0.95]
    ]


def test_learning_curves_take_the_nearest_level_if_one_is_near() -> None:
    curves = _curves(*((level, 0, step, 0.5) for level in (0, 1, 2) for step in (0, 10)))
    panels = [{"kept": [1.0, 0.55, 0.1], "arms": ["ticket"]}]
    table = learning_curves({"curves": curves}, [["lenet"]], [], panels=panels)
    # 0.55 is within a factor of 1.3 of 0.5; 0.1 is 2.5 times away from 0.25.
    assert sorted(table["kept"].unique()) == [0.5, 1.0]


def test_learning_curves_stop_where_asked() -> None:
    curves = _curves(*((0, 0, step, 0.5) for step in range(0, 101, 10)))
    table = learning_curves({"curves": curves}, [["lenet"]], [], until=0.3)
    assert table["step"].max() == 30


def test_movement_shows_one_training_at_the_nearest_level_and_few_of_many_layers() -> None:
    rows = [
        ("resnet", level, 0.5**level, seed, f"conv{layer}.weight", "outside", "distance moved", 0.0, 1.0, 1.0)
        for level in (1, 2, 3)
        for seed in (4, 5)
        for layer in range(19)
    ]
    names = ["run", "level", "kept", "seed", "layer", "group", "quantity", "bin_left", "bin_right", "share"]
    table = weight_movement({"movement": pd.DataFrame(rows, columns=names)}, [["resnet"]], [], kept=0.2)
    # As a ratio, 0.25 is the nearest to 0.2; of the two seeds, the lower one is shown.
    assert set(table["level"]) == {2} and set(table["seed"]) == {4}
    assert table["layer"].tolist() == ["conv0.weight", "conv6.weight", "conv12.weight", "conv18.weight"]


def test_what_operations_measured_elsewhere_does_not_mix_with_a_runs_own_numbers() -> None:
    """Copies restarted at step 5 have an accuracy at the end, too; a figure shows it only where it says so."""
    nan = float("nan")
    own = _measured(("lenet", "ticket", 0, 0, 0, 0.9)).assign(part="", at=nan)
    copies = _measured(("lenet", "ticket", 0, 0, 0, 0.5)).assign(part="", at=5.0)
    layer = _measured(("lenet", "ticket", 0, 0, 0, 0.1)).assign(part="fc_1", at=nan)
    tables = {"measurements": pd.concat([own, copies, layer])}
    for options, mean in (({}, 0.9), ({"at": 5}, 0.5), ({"part": "fc_*"}, 0.1)):
        table = early_stopping_and_accuracy(tables, [["lenet"]], [], metrics=[METRIC], **options)
        assert (table["mean"].tolist(), table["trials"].tolist()) == ([pytest.approx(mean)], [1])
