"""Tests of the figures of masks: selected rows, against values computed by hand, and labels of lines."""

import pandas as pd
import pytest

from reproof import registry
from reproof.figures import Context, draw
from reproof.figures.lines import NAMED, PUBLISHED, add_inks, find_inks, find_runs, label_line, sort_names
from reproof.figures.masks import progress, supermasks
from reproof.figures.named_lines import criteria, parts

NAN = float("nan")


def measured(*rows):
    columns = ["run", "metric", "part", "level", "kept", "seed", "value"]
    return pd.DataFrame(rows, columns=columns).assign(arm="ticket", draw=0, at=NAN)


ACCURACY = "test_accuracy_at_early_stop"
TICKETS = measured(
    *(("fc_large_final", ACCURACY, "", level, kept, seed, 0.9 + 0.01 * seed)
      for level, kept in ((0, 1.0), (1, 0.5)) for seed in (0, 1)),
    ("fc_random", ACCURACY, "", 1, 0.5, 0, 0.7),
    ("fc_random", ACCURACY, "frozen", 1, 0.5, 0, 0.1),
    ("fc_other", ACCURACY, "", 1, 0.5, 0, 0.2),
    ("fc", ACCURACY, "", 0, 1.0, 0, 0.3),
)  # fmt: skip
RERUN = [
    {"run": "fc_random", "metric": ACCURACY, "kept": 0.5, "value": 0.71, "source": "a re-run, table 1"},
    {"run": "fc_random", "metric": "early_stop_step", "kept": 0.5, "value": 10, "source": "a re-run, table 1"},
]


def test_criteria_are_the_runs_that_are_called_after_them():
    table = criteria({"measurements": TICKETS}, [["fc"], ["conv_2"]], RERUN)
    shown = table[table["trials"] > 0].set_index(["arm", "level"])
    assert set(shown.index) == {("large_final", 0), ("large_final", 1), ("random", 1)}
    assert shown.loc[("large_final", 1), ["mean", "lowest", "highest", "trials"]].tolist() == [0.905, 0.9, 0.91, 2]
    assert shown.loc[("random", 1), "mean"] == 0.7, "what is measured by part is not the tickets'"
    (published,) = table[table["source"] != ""].to_dict("records")
    assert (published["arm"], published["mean"]) == ("random", 0.71)
    assert table[table["run"] == "conv_2"]["trials"].tolist() == [0], "an absent run keeps a row"
    assert (table.loc[table["run"] == "fc", "top"] == 0.905).all()


def test_parts_are_lines_beside_the_tickets():
    rows = measured(
        ("fc", "frozen_test_accuracy_at_early_stop", "frozen", 1, 0.5, 0, 0.8),
        ("fc", "frozen_early_stop_step", "frozen", 1, 0.5, 0, 100),
        ("fc", ACCURACY, "", 0, 1.0, 0, 0.85),
        ("fc", ACCURACY, "", 1, 0.5, 0, 0.9),
    )
    table = parts(
        {"measurements": rows}, [["fc"]], [], metrics=["frozen_test_accuracy_at_early_stop"], beside=ACCURACY
    )  # fmt: skip
    found = {(row.arm, row.level): row.mean for row in table.itertuples()}
    assert found == {("frozen", 1): 0.8, ("zero", 0): 0.85, ("zero", 1): 0.9}
    alone = parts({"measurements": rows}, [["fc"]], [], metrics=["frozen_test_accuracy_at_early_stop"])
    assert alone["arm"].tolist() == ["frozen"]


BEST = measured(
    ("fc", "untrained_best_test_accuracy", "large_final", 0, 1.0, 0, 0.4),
    ("fc", "untrained_best_test_accuracy", "large_final", 0, 1.0, 1, 0.5),
    ("fc", "untrained_best_test_accuracy", "small_final", 0, 1.0, 1, 0.1),
    ("fc", "untrained_constant_best_test_accuracy", "large_final", 0, 1.0, 0, 0.6),
    ("fc", "supermask_test_accuracy", "Bernoulli, initial", 0, 0.5, 0, 0.94),
    ("fc", "supermask_test_accuracy", "Bernoulli, initial", 0, 0.5, 0, 0.96),
    ("fc", ACCURACY, "", 0, 1.0, 0, 0.98),
    ("fc", ACCURACY, "", 1, 0.8, 0, 0.99),
)


def test_the_table_of_supermasks_averages_draws_before_seeds():
    references = [
        {"run": "fc", "metric": "supermask_test_accuracy", "part": "Bernoulli, initial", "value": 0.953, "source": "Z"},
        {"run": "fc", "metric": "supermask_test_accuracy", "part": "edge-popup", "value": 0.9, "source": "R"},
        {"run": "fc", "metric": ACCURACY, "kept": 0.5, "value": 0.9, "source": "Z"},
    ]
    table = supermasks({"measurements": BEST}, [["fc"], ["conv_2"]], references)
    found = {
        row.row: (row.mean, row.lowest, row.highest, row.trials) for row in table[table["trials"] > 0].itertuples()
    }
    assert found == {
        "large final; initial": (0.45, 0.4, 0.5, 2),
        "large final; constants": (0.6, 0.6, 0.6, 1),
        "Bernoulli, initial": (pytest.approx(0.95), pytest.approx(0.95), pytest.approx(0.95), 1),
        "trained weights": (0.98, 0.98, 0.98, 1),
    }
    assert table[table["source"] != ""]["row"].tolist() == ["Bernoulli, initial"]
    assert table[table["run"] == "conv_2"]["trials"].tolist() == [0]


def test_progress_lies_along_the_passes():
    points = ((2e6, 0.6), (1e6, 0.4))
    metric, part = "supermask_progress_accuracy", "genetic, initial"
    rows = pd.concat(
        [
            measured(*(("fc", metric, part, 0, 1.0, seed, value) for seed in (0, 1))).assign(at=at)
            for at, value in points
        ]
    )
    table = progress({"measurements": rows}, [["fc"]], [])
    assert table[["at", "mean", "trials"]].to_numpy().tolist() == [[1e6, 0.4, 2], [2e6, 0.6, 2]]


def test_every_criterion_and_action_has_an_ink_of_its_own():
    """A new one shows up with a spare ink; those of the paper are distinct."""
    known = [*registry.list_registered("pruning", "criterion"), *registry.list_registered("pruning", "mask_zero")]
    assert set(known) <= set(NAMED)
    criteria_inks = [
        (NAMED[name].colour, NAMED[name].marker) for name in registry.list_registered("pruning", "criterion")
    ]
    assert len(set(criteria_inks)) == len(criteria_inks)
    inks = find_inks(["mine", "large_final", "yours"])
    assert inks["mine"] != inks["yours"] and inks["large_final"] == NAMED["large_final"]
    assert sort_names(["mine", "random", "large_final"]) == ["large_final", "random", "mine"]


def test_an_added_criterion_gets_an_ink_that_no_other_has_and_changes_no_other():
    """Whatever the order in which they are found; the marks of the papers' criteria are those of published figures."""
    inks = add_inks(["mine", "large_final", "a_new_one", "zero"], PUBLISHED)
    assert inks == add_inks(["zero", "a_new_one", "mine"], PUBLISHED)
    assert {name: inks[name] for name in PUBLISHED} == PUBLISHED
    added = {inks["mine"], inks["a_new_one"]}
    assert len(added) == 2 and not added & set(PUBLISHED.values())
    many = add_inks([f"criterion_{number}" for number in range(100)], PUBLISHED)
    assert len(set(many.values())) == len(set(PUBLISHED.values())) + 100
    assert find_inks(["mine", "large_final"])["large_final"] == PUBLISHED["large_final"]


def test_lines_are_called_in_words():
    assert label_line("magnitude_increase_same_sign") == "magnitude increase, same sign"
    assert label_line("small_init_small_final") == "small init, small final"
    assert label_line("large_final") == "large final" and label_line("frozen") == "frozen at initial value"


def test_a_run_of_another_network_is_no_criterion_of_this_one():
    names = ("random", "large_final")
    assert find_runs("conv_2", ["conv_2_random", "conv_2", "conv_20_random", "fc_random"], names) == {
        "conv_2_random": "random"
    }


@pytest.mark.parametrize(
    ("kind", "rows", "options"),
    [
        ("criteria", TICKETS, {}),
        ("parts", BEST, {"metrics": ["untrained_best_test_accuracy"]}),
        ("supermasks", BEST, {}),
        ("progress", measured(("fc", "supermask_progress_accuracy", "x", 0, 1.0, 0, 0.5)).assign(at=1e6), {}),
    ],
)
def test_each_kind_draws_what_was_run_and_says_what_was_not(kind, rows, options):
    context = Context("demo", ("digits",), 0, {"fc": "FC", "conv_2": "Conv-2"})
    drawing = draw(kind, tables={"measurements": rows}, runs=["fc", "conv_2"], context=context, options=options)
    assert [axes.get_title(loc="left") for axes in drawing.figure.axes] == ["FC"], "no empty frame"
    assert "Not run at this scale: Conv-2." in drawing.caption
    assert all(axes.lines or axes.collections for axes in drawing.figure.axes)
