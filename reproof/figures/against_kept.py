"""Draw a quantity against the share of weights kept (Frankle & Carbin 2019, figures 1 and 4 to 10)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reproof.figures.findings import find_best_level
from reproof.figures.findings_of_parts import compare_with_sparsest
from reproof.figures.kinds import figure, find_table
from reproof.figures.panels import draw_quantities_across, draw_runs_across, draw_whole_ranges
from reproof.figures.spread import (
    add_published,
    arrange_panels,
    select_arms,
    select_common_steps,
    select_place,
    summarise_trials,
)
from reproof.figures.words import list_runs
from reproof.metrics import SHARE, Metric

# In the order of the panels: when training stops early and how good it is there, then what training to the end adds.
EARLY_AND_LATE = ("early_stop_step", "test_accuracy_at_early_stop", "train_accuracy_at_end", "test_accuracy_at_end")
GAP = "Train less test accuracy"
AT_PLACE = "Test accuracy"  # a place follows: ", iteration 30"
READING = (
    "Points are means over trials (a trial is a seed, or one draw of a seed). Bars reach from the lowest to the "
    "highest trial. A triangle at an edge marks what lies beyond it."
)
Tables = Mapping[str, pd.DataFrame]
Columns = Sequence[Sequence[str]]
References = Sequence[Mapping[str, Any]]


@figure(
    finding=find_best_level,
    plot=draw_runs_across,
    reads=lambda options: options.get("metrics", EARLY_AND_LATE),
    reading=READING,
)
def early_stopping_and_accuracy(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    metrics: Sequence[str] = EARLY_AND_LATE,
    arms: Sequence[str] | None = None,
    without: Sequence[str] = (),
    part: str = "",
    at: float | None = None,
) -> pd.DataFrame:
    """Select iteration and accuracies at early stopping and at the end of training (figures 4, 5, 6, 9 and 10).

    `metrics` names the quantities. `arms` and `without` are shell patterns of the arms to draw and to leave out. `part`
    and `at` select what an operation measured, if the quantities come from an operation. Needs measurements; returns
    `spread.COLUMNS`, one row per panel, run, arm, level and quantity, in the unit of the metric.
    """
    rows = select_place(find_table(tables, "measurements"), part, at)
    rows = select_arms(rows[rows["run"].isin(list_runs(columns)) & rows["metric"].isin(metrics)], arms, without)
    summary = summarise_trials(rows, ["run", "arm", "level", "metric"]).rename(columns={"metric": "quantity"})
    # Panels are drawn in the order in which quantities appear in the rows, so the sort decides the layout. It must be
    # stable: the order of arms within a quantity decides the legend.
    order = {metric: place for place, metric in enumerate(metrics)}
    summary = summary.sort_values("quantity", key=lambda names: names.map(order), kind="stable")
    return add_published(arrange_panels(summary, columns, metrics), references, columns)


@figure(finding=find_best_level, plot=draw_runs_across, reads=lambda _: EARLY_AND_LATE[:2], reading=READING)
def random_sparsity(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    arms: Sequence[str] = ("ticket", "shuffle_mask"),
) -> pd.DataFrame:
    """Select tickets, and networks of the same sparsity with random masks (figure 1); table as above."""
    # Figure 1 has only the two quantities at early stopping.
    return early_stopping_and_accuracy(tables, columns, references, metrics=EARLY_AND_LATE[:2], arms=arms)


@figure(
    finding=find_best_level,
    plot=draw_quantities_across,
    reads=lambda _: ["test_accuracy_at_end"],
    reading=READING,
    quantities=[Metric(AT_PLACE, SHARE)],
)
def accuracy_during_training(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    at: Sequence[float] = (1 / 3, 2 / 3, 1.0),
    arms: Sequence[str] | None = None,
    without: Sequence[str] = (),
) -> pd.DataFrame:
    """Select test accuracy at three points of training (figures 7 and 8), given by `at` as shares of all steps.


    Published values of `test_accuracy_at_end` belong to the last column. Needs curves; returns `spread.COLUMNS`, with
    shares in [0, 1].
    """
    curves = find_table(tables, "curves")
    curves = select_common_steps(curves[(curves["split"] == "test") & curves["run"].isin(list_runs(columns))])
    curves = select_arms(curves, arms, without)
    moments = [_find_moment(curves, share) for share in at]
    rows = pd.concat([_select_step(curves, steps, name) for name, steps in moments])
    summary = summarise_trials(rows, ["run", "arm", "level", "quantity"], "accuracy")
    names = [name for name, _ in moments]
    # A reference names a metric, but panels here are named by their moment. The end of training is the last of them.
    final = [{**value, "metric": names[-1]} for value in references if value["metric"] == "test_accuracy_at_end"]
    return add_published(arrange_panels(summary, columns, names), final, columns)


@figure(
    finding=compare_with_sparsest,
    plot=draw_whole_ranges,
    reads=lambda _: ["train_accuracy_at_end", "test_accuracy_at_end"],
    reading="Above or on the left: accuracy on the training set less accuracy on the test set, at the end of training. "
    f"Panels show all levels, down to where accuracy falls. {READING}",
    quantities=[Metric(GAP, SHARE)],
)
def occams_hill(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    arms: Sequence[str] = ("ticket",),
) -> pd.DataFrame:
    """Select how much better networks are on the training set than on the test set, and how good on that.

    The difference is made for each trial. Needs measurements; returns `spread.COLUMNS`, in shares.
    """
    sets = ("train_accuracy_at_end", "test_accuracy_at_end")
    rows = select_place(find_table(tables, "measurements"))
    rows = select_arms(rows[rows["run"].isin(list_runs(columns)) & rows["metric"].isin(sets)], arms, ())
    trials = ["run", "arm", "level", "kept", "seed", "draw"]
    wide = rows.pivot_table(index=trials, columns="metric", values="value", sort=False).reindex(columns=list(sets))
    gap = (wide[sets[0]] - wide[sets[1]]).rename("value").dropna().reset_index()
    gap = gap.assign(metric=GAP, part="", at=float("nan"))
    both = {"measurements": pd.concat([gap, rows])}
    return early_stopping_and_accuracy(both, columns, references, metrics=(GAP, sets[1]), arms=arms)


def _find_moment(curves: pd.DataFrame, share: float) -> tuple[str, dict[str, int]]:
    """Return a heading and, by run, the recorded step nearest to that share of its training."""
    steps = {str(run): _find_nearest_step(rows["step"], share) for run, rows in curves.groupby("run")}
    # One heading serves all runs. It can name an iteration only if every run was measured at that same one.
    same = len(set(steps.values())) == 1
    return (
        f"{AT_PLACE}, {f'iteration {max(steps.values()):,}' if same else f'{100 * share:.0f} % of training'}",
        steps,
    )


def _find_nearest_step(steps: "pd.Series[int]", share: float) -> int:
    """Return the recorded step nearest to a share of the last step; the earlier of two equally near ones."""
    goal = share * steps.max()
    return int(min(steps.unique(), key=lambda step: (abs(step - goal), step)))


def _select_step(curves: pd.DataFrame, steps: Mapping[str, int], quantity: str) -> pd.DataFrame:
    """Return the rows at the given step of each run, with `quantity` as their quantity."""
    return curves[curves["step"] == curves["run"].map(steps)].assign(quantity=quantity)
