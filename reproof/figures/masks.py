"""Draw masks on untrained weights: the accuracies of the best ones, and the cost of finding them (Zhou et al. 2019)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from reproof.figures.artists import choose_published_style
from reproof.figures.compared import declare_compared
from reproof.figures.findings_of_parts import find_best_method
from reproof.figures.inks import INKS
from reproof.figures.kinds import figure, find_table
from reproof.figures.legend import list_publications
from reproof.figures.lines import find_inks, label_line, sort_names
from reproof.figures.spread import add_part_and_at
from reproof.figures.style import DENSE, Look, create_canvas, draw_legend, draw_message
from reproof.figures.words import ABSENT, extract_publication, format_run_title, label_quantity, list_runs, list_unique
from reproof.metrics import SHARE, Metric

Tables = Mapping[str, pd.DataFrame]
Columns = Sequence[Sequence[str]]
References = Sequence[Mapping[str, Any]]
REACHED, DURING_SEARCH = "Test accuracy", "Validation accuracy"
# {metric: the weights under the ranked mask, as a row names them}.
RANKED = {"untrained_best_test_accuracy": "initial", "untrained_constant_best_test_accuracy": "constants"}
COLUMNS = ["run", "row", "quantity", "part", "mean", "lowest", "highest", "trials", "source"]
PASSES = 1e6  # passes per unit of the x axis


def plot_table(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one panel per run, with a row for each mask: mean, range over seeds, published values."""
    runs, rows = list_unique(table["run"]), list_unique(table.loc[table["row"] != "", "row"])
    entries = [Line2D([], [], label="measured: mean, lowest and highest seed", color=INKS["ticket"][0], marker="o")]
    names = list_publications(table)
    entries += [
        Line2D([], [], label=f"published: {name}", **choose_published_style(DENSE, i)) for i, name in enumerate(names)
    ]
    picture, axes = create_canvas(
        1,
        len(runs),
        size=(2.2 if len(runs) > 1 else 4.0, 0.5 + 0.19 * len(rows)),
        labels=[str(one.get_label()) for one in entries],
        gap=0.2,
    )
    figure_width = picture.get_figwidth()
    # The canvas has fixed margins, so panels are moved to the right by hand.
    shift = 1.75 / figure_width  # inches as a share of the width: row names are wider than the numbers of other axes
    for place in axes[0]:
        box = place.get_position()
        place.set_position((shift + box.x0 * (1 - shift), box.y0, box.width * (1 - shift), box.height))
    for run, place in zip(runs, axes[0], strict=True):
        place.set_title(format_run_title(run, look.titles), loc="left")
        _draw_rows(place, table[table["run"] == run], rows, names)
        if run != runs[0]:
            place.set_yticklabels([])
    draw_legend(picture, entries)
    return picture


@figure(
    finding=find_best_method,
    plot=plot_table,
    reads=lambda _: ["supermask_test_accuracy"],
    reading="Dots are means over seeds; bars reach from the lowest to the highest. Values of ranked masks are each "
    "seed's best on the test set over all shares kept, as in the paper. Values of learned masks are means over "
    "sampled masks.",
    quantities=[Metric(REACHED, SHARE)],
)
def supermasks(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    criteria: Sequence[str] = ("large_final_same_sign", "large_final", "random"),
    trained: str = "test_accuracy_at_early_stop",
) -> pd.DataFrame:
    """Select the paper's table of supermasks: masks ranked by `criteria`, learned masks, and trained weights.


    `trained` is the metric of the trained weights. Draws are averaged within a seed. Needs measurements; returns
    COLUMNS, one row per run and mask (`row`), with test accuracies in [0, 1]. `trials` counts seeds.
    """
    rows = add_part_and_at(find_table(tables, "measurements"))
    rows = rows[
        # Level 0 holds the dense network, the best of each ladder and the learned masks. Rows with `at` are the
        # progress of a search.
        rows["run"].isin(list_runs(columns)) & rows["at"].isna() & (rows["level"] == 0) & (rows["arm"] == "ticket")
    ]
    ranked = rows[rows["metric"].isin(RANKED) & rows["part"].isin(criteria)]
    found = rows[rows["metric"] == "supermask_test_accuracy"]
    dense = rows[(rows["metric"] == trained) & (rows["part"] == "")]
    named = pd.concat(
        [
            ranked.assign(
                row=[_label_ranked_mask(a, b) for a, b in zip(ranked["part"], ranked["metric"], strict=True)]
            ),
            found.assign(row=found["part"]),
            dense.assign(row="trained weights"),
        ]
    )
    # First over the sampled masks of a seed, then over seeds: the bar shows the spread of trainings, not of samples.
    seeds = named.groupby(["run", "row", "part", "seed"], sort=False, as_index=False)["value"].mean()
    summary = seeds.groupby(["run", "row", "part"], sort=False, as_index=False).agg(
        mean=("value", "mean"), lowest=("value", "min"), highest=("value", "max"), trials=("value", "size")
    )
    shown = set(zip(summary["run"], summary["row"], strict=True))
    published = [_make_published_row(one) for one in references if "part" in one and "value" in one]
    # A published value without a measured one next to it invites no comparison.
    published = [one for one in published if (one["run"], one["row"]) in shown]
    empty = [
        {"run": run, "row": "", "trials": 0, "source": ""}
        for run in list_runs(columns)
        if run not in set(summary["run"])
    ]
    parts = [summary.assign(source=""), *(pd.DataFrame(each) for each in (published, empty) if each)]
    table: pd.DataFrame = pd.concat(parts, ignore_index=True).assign(quantity=REACHED)
    order = {run: place for place, run in enumerate(list_runs(columns))}
    return table.sort_values("run", key=lambda names: names.map(order), kind="stable").reindex(columns=COLUMNS)


def _label_ranked_mask(part: str, metric: str) -> str:
    """Return the row of a ranked mask: its criterion and the weights under it."""
    return f"{label_line(part)}; {RANKED[metric]}"


def _make_published_row(one: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a published value, with its range if it has one."""
    row = _label_ranked_mask(one["part"], one["metric"]) if one["metric"] in RANKED else one["part"]
    value = one["value"]
    spread = {"mean": value, "lowest": one.get("low", value), "highest": one.get("high", value)}
    return {"run": one["run"], "row": row, "part": one["part"], "trials": 0, "source": one["source"], **spread}


def _draw_rows(axes: Axes, table: pd.DataFrame, rows: Sequence[str], names: Sequence[str]) -> None:
    """Draw one panel, or a message if nothing was measured; published values lie below the measured ones."""
    if not (table["trials"] > 0).any():
        draw_message(axes, ABSENT)
        return
    for one in table[table["row"] != ""].to_dict("records"):
        at, mean = rows.index(one["row"]), 100 * one["mean"]
        # Rounding can put a mean of equal numbers outside their range, and `errorbar` refuses negative lengths.
        bars = [[max(mean - 100 * one["lowest"], 0)], [max(100 * one["highest"] - mean, 0)]]
        if one["source"]:
            mark = choose_published_style(DENSE, names.index(extract_publication(one["source"])))
            axes.errorbar([mean], [at + 0.28], xerr=bars, ecolor=DENSE, elinewidth=0.6, **(mark | {"markersize": 4}))
        else:
            axes.errorbar([mean], [at], xerr=bars, color=INKS["ticket"][0], marker="o", elinewidth=1.2)
    axes.set_yticks(range(len(rows)), rows)
    # Downwards, so that the first row is on top.
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 102)
    axes.grid(visible=True, axis="x")
    axes.set_xlabel(label_quantity(REACHED))


def plot_progress(table: pd.DataFrame, look: Look) -> Figure:
    """Draw accuracy against the passes spent on finding a mask, with a line and a band for each method."""
    runs, names = list_unique(table["run"]), sort_names(table.loc[table["trials"] > 0, "part"])
    inks = find_inks(names)
    styles: dict[str, dict[str, Any]] = {
        name: {
            "color": inks[name].colour,
            "linestyle": "--" if "constants" in name else "-",
            "marker": inks[name].marker,
            "markevery": 0.2,
        }
        for name in names
    }
    entries = [Line2D([], [], label=name, **(styles[name] | {"markevery": None})) for name in names]
    labels = [str(one.get_label()) for one in entries]
    picture, axes = create_canvas(1, len(runs), size=(4.2, 2.3), labels=labels)
    for run, place in zip(runs, axes[0], strict=True):
        rows = table[(table["run"] == run) & (table["trials"] > 0)]
        place.set_title(format_run_title(run, look.titles), loc="left")
        place.set_ylabel(label_quantity(DURING_SEARCH))
        place.set_xlabel("Passes of an example through the network (millions)")
        if rows.empty:
            draw_message(place, ABSENT)
            continue
        for name, line in rows.groupby("part", sort=False):
            place.fill_between(
                line["at"] / PASSES, 100 * line["lowest"], 100 * line["highest"], alpha=0.18, linewidth=0,
                color=styles[str(name)]["color"],
            )  # fmt: skip
            place.plot(line["at"] / PASSES, 100 * line["mean"], **styles[str(name)])
        place.set_xlim(left=0)
        declare_compared(place, x="passes", y=DURING_SEARCH)
        place.yaxis.set_major_locator(MaxNLocator(6))
        place.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    draw_legend(picture, entries)
    return picture


@figure(
    finding=find_best_method,
    plot=plot_progress,
    reads=lambda _: ["supermask_progress_accuracy"],
    reading="Lines are means over seeds; bands reach from the lowest to the highest. A step of gradient descent counts "
    "as three passes per example, the evaluation of a mask as one.",
    quantities=[Metric(DURING_SEARCH, SHARE)],
)
def progress(tables: Tables, columns: Columns, references: References) -> pd.DataFrame:
    """Select validation accuracy during the search for a mask, by the passes of examples through the network.

    Needs measurements. Returns `run`, `part` (the method), `at` (passes), `mean`, `lowest`, `highest`, `quantity`,
    `trials` (seeds) and `source`, with accuracies in [0, 1].
    """
    rows = add_part_and_at(find_table(tables, "measurements"))
    rows = rows[rows["run"].isin(list_runs(columns)) & (rows["metric"] == "supermask_progress_accuracy")]
    summary = rows.groupby(["run", "part", "at"], sort=False, as_index=False).agg(
        mean=("value", "mean"), lowest=("value", "min"), highest=("value", "max"), trials=("value", "size")
    )
    empty = [{"run": run, "part": "", "trials": 0} for run in list_runs(columns) if run not in set(summary["run"])]
    table = pd.concat([summary.sort_values(["run", "part", "at"]), *([pd.DataFrame(empty)] if empty else [])])
    return table.assign(quantity=DURING_SEARCH, source="").reset_index(drop=True)
