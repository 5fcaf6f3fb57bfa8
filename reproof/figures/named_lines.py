"""Draw accuracy against the share of weights kept, a line for each criterion or action (Zhou et al. 2019)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reproof import registry
from reproof.figures import scales
from reproof.figures.artists import DENSE_LINE, choose_published_style
from reproof.figures.compared import declare_compared
from reproof.figures.findings import find_best_level
from reproof.figures.inks import Ink
from reproof.figures.kinds import figure, find_table
from reproof.figures.legend import list_publications
from reproof.figures.lines import choose_line_style, find_inks, find_runs, label_line, sort_names
from reproof.figures.spread import add_part_and_at, summarise_trials
from reproof.figures.style import DENSE, Look, create_canvas, draw_legend, draw_message
from reproof.figures.words import ABSENT, extract_publication, format_run_title, label_quantity, list_runs, list_unique

# `top` is the best mean of a panel and `span` the height below it: a plot gets its table alone, so limits are in it.
COLUMNS = [
    *("run", "arm", "quantity", "level", "kept", "mean", "lowest", "highest", "trials", "source"),
    *("top", "span"),
]
TRAINED = ("test_accuracy_at_early_stop",)
UNTRAINED = ("untrained_test_accuracy", "untrained_constant_test_accuracy")
READING = (
    "Points are means over seeds; bars reach from the lowest to the highest. A triangle at an edge marks what "
    "lies beyond it."
)
Tables = Mapping[str, pd.DataFrame]
Columns = Sequence[Sequence[str]]
References = Sequence[Mapping[str, Any]]


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one column per run and one row per quantity, with a line for each arm."""
    measured = table[table["trials"] > 0]
    runs, quantities = list_unique(table["run"]), list_unique(table["quantity"])
    names = sort_names(measured["arm"])
    inks = find_inks(names)
    entries = _list_entries(table, names, inks)
    labels = [str(entry.get_label()) for entry in entries]
    size = (2.75, 2.0) if len(runs) > 1 else (5.6, 2.6)
    picture, axes = create_canvas(len(quantities), len(runs), size=size, labels=labels, gap=0.62)
    for quantity, line in zip(quantities, axes, strict=True):
        for run, place in zip(runs, line, strict=True):
            place.set_title(format_run_title(run, look.titles) if quantity == quantities[0] else "", loc="left")
            place.set_ylabel(label_quantity(quantity).replace(" at ", "\nat ") if run == runs[0] else "")
            place.set_xlabel("Weights kept (%)" if quantity == quantities[-1] else "")
            _draw(place, _select_panel(table, run, quantity), names, inks, width=size[0])
    draw_legend(picture, entries)
    return picture


@figure(finding=find_best_level, plot=plot, reads=lambda options: options.get("metrics", TRAINED), reading=READING)
def criteria(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    metrics: Sequence[str] = TRAINED,
    span: float = 0.08,
) -> pd.DataFrame:
    """Select tickets of every mask criterion: for each run, those of the runs named "{run}_{criterion}".


    The y axis starts at most `span` (a share) below the best mean. Needs measurements; returns COLUMNS, with the
    criterion as `arm` and the run without it as `run`. Values are in the unit of the metric.
    """
    rows = add_part_and_at(find_table(tables, "measurements"))
    rows = rows[(rows["part"] == "") & rows["at"].isna() & (rows["arm"] == "ticket") & rows["metric"].isin(metrics)]
    known = registry.list_registered("pruning", "criterion")
    parts = [_make_absent_rows(run, metrics) for run in list_runs(columns)]
    for run in list_runs(columns):
        # Runs of published values too: a criterion may be published and not run at this scale.
        by = find_runs(run, [*rows["run"].unique(), *(str(one["run"]) for one in references)], known)
        own = rows[rows["run"].isin(by)]
        parts += [
            _summarise(own.assign(arm=own["run"].map(by), run=run)),
            _make_published_rows(references, run, by, metrics),
        ]
    return _tidy_rows(parts, columns, span)


@figure(finding=find_best_level, plot=plot, reads=lambda options: options.get("metrics", UNTRAINED), reading=READING)
def parts(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    metrics: Sequence[str] = UNTRAINED,
    beside: str = "",
    span: float = 1.0,
) -> pd.DataFrame:
    """Select what operations measured by part, a line for each; `beside` names a metric of tickets for one more line.


    The y axis starts at most `span` (a share) below the best mean. Needs measurements; returns COLUMNS, with the part
    as `arm`. Values are in the unit of the metric.
    """
    rows = add_part_and_at(find_table(tables, "measurements"))
    rows = rows[rows["run"].isin(list_runs(columns)) & rows["at"].isna()]
    own = rows[rows["metric"].isin(metrics) & (rows["part"] != "")]
    tickets = rows[(rows["metric"] == beside) & (rows["part"] == "") & (rows["arm"] == "ticket")]
    # A ticket is the action "zero" on pruned weights, so it becomes one line among the actions.
    tickets = tickets[tickets["run"].isin(own["run"])].assign(part="zero", metric=metrics[0])
    both = pd.concat([own, tickets])
    absent = [_make_absent_rows(run, metrics) for run in list_runs(columns)]
    return _tidy_rows([*absent, _summarise(both.assign(arm=both["part"]))], columns, span)


def _summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Return mean and range over trials of each run, arm, level and metric."""
    summary = summarise_trials(rows, ["run", "arm", "level", "metric"])
    return summary.rename(columns={"metric": "quantity"}).assign(source="")


def _make_published_rows(
    references: References, run: str, by: Mapping[str, str], metrics: Sequence[str]
) -> pd.DataFrame:
    rows = [
        {
            **{"run": run, "arm": by[one["run"]], "quantity": one["metric"], "kept": one["kept"]},
            **{"mean": one["value"], "lowest": one["value"], "highest": one["value"]},
            **{"trials": 0, "level": -1, "source": one["source"]},
        }
        for one in references
        if one["run"] in by and one["metric"] in metrics and "value" in one and "kept" in one
    ]
    return pd.DataFrame(rows, columns=COLUMNS[:-2])


def _make_absent_rows(run: str, metrics: Sequence[str]) -> pd.DataFrame:
    """Return a row with `trials` 0 for each quantity of a run, so that an empty panel shows a message."""
    return pd.DataFrame({"run": run, "arm": "", "quantity": list(metrics), "level": -1, "trials": 0, "source": ""})


def _tidy_rows(parts: Sequence[pd.DataFrame], columns: Columns, span: float) -> pd.DataFrame:
    """Return the rows sorted by run, without the placeholders of panels that have measurements."""
    table = pd.concat([part for part in parts if not part.empty], ignore_index=True).reindex(columns=COLUMNS)
    # A placeholder keeps an empty panel; next to measurements it would add an arm without a name.
    measured = set(zip(*(table.loc[table["trials"] > 0, name] for name in ("run", "quantity")), strict=True))
    pairs = zip(table["run"], table["quantity"], strict=True)
    empty = pd.Series([pair not in measured for pair in pairs], index=table.index)
    table = table[(table["arm"] != "") | empty]
    order = {run: place for place, run in enumerate(list_runs(columns))}
    table = table.sort_values("run", key=lambda names: names.map(order), kind="stable")
    # Of measured values alone: a published one must not move the panel.
    best = table["mean"].where(table["trials"] > 0)
    return table.assign(span=span, top=best.groupby([table["run"], table["quantity"]]).transform("max"))


def _list_entries(table: pd.DataFrame, names: Sequence[str], inks: dict[str, Ink]) -> list[Line2D]:
    """Return the legend: lines, dense network, and publications of the values that are shown."""
    lines = [Line2D([], [], label=label_line(name), **choose_line_style(name, inks)) for name in names]
    if ((table["level"] == 0) & (table["trials"] > 0)).any():
        lines += [Line2D([], [], label="all weights kept", **DENSE_LINE)]
    panels = [
        _select_panel(table, run, quantity)
        for run in list_unique(table["run"])
        for quantity in list_unique(table["quantity"])
    ]
    marks = enumerate(list_publications(pd.concat([_select_comparable(rows, names) for rows in panels])))
    return lines + [
        Line2D([], [], label=f"published: {name}", **choose_published_style(DENSE, place)) for place, name in marks
    ]


def _select_panel(table: pd.DataFrame, run: str, quantity: str) -> pd.DataFrame:
    """Return the rows of one panel."""
    return table[(table["run"] == run) & (table["quantity"] == quantity)]


def _compute_limits(points: pd.DataFrame) -> tuple[float, float]:
    """Return y-limits in the unit of the table: collapsed networks must not flatten the differences of the others."""
    low = max(float(points["lowest"].min()), float(points["top"].iloc[0]) - float(points["span"].iloc[0]))
    high = float(points["highest"].max())
    room = max(0.04 * (high - low), 0.002)
    return low - room, high + room


def _select_comparable(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the published values of drawn lines that lie within the panel."""
    points = rows[rows["trials"] > 0]
    if points.empty:
        return rows[:0]
    # At fewer weights than 0.9 of the sparsest measured level a published value has nothing to be compared with.
    shown: pd.Series[bool] = rows["mean"].between(*_compute_limits(points)) & (
        rows["kept"] >= 0.9 * points["kept"].min()
    )
    shown &= (rows["source"] != "") & rows["arm"].isin(names)
    return rows.loc[shown]


def _draw(axes: Axes, rows: pd.DataFrame, names: Sequence[str], inks: dict[str, Ink], *, width: float) -> None:
    """Draw one panel, or a message if nothing was measured."""
    points = rows[rows["trials"] > 0]
    if points.empty:
        draw_message(axes, ABSENT)
        return
    unit = scales.scale_value_axis(axes, str(rows["quantity"].iloc[0]), _compute_limits(points))
    declare_compared(axes, y=str(rows["quantity"].iloc[0]))
    published = _select_comparable(rows, names)
    scales.scale_kept_axis(axes, points["kept"], also=published["kept"], width=width)
    dense = points.loc[points["level"] == 0, "mean"]
    if not dense.empty:
        axes.axhline(unit * float(dense.iloc[0]), zorder=2, **DENSE_LINE)
    # matplotlib draws later lines on top, and the first names are the most important ones.
    for name in reversed(names):
        line = points[points["arm"] == name].sort_values("kept", ascending=False)
        ends = (line["mean"] - line["lowest"], line["highest"] - line["mean"])
        bars = [
            unit * end.clip(lower=0) for end in ends
        ]  # a mean of equal numbers may differ from them in its last bit
        look = choose_line_style(name, inks) | {"markersize": 3.2, "linewidth": 1.1, "elinewidth": 0.6}
        axes.errorbar(line["kept"], unit * line["mean"], bars, zorder=2.5, **look)
    sources = list_publications(published)
    for one in published.to_dict("records"):
        mark = choose_published_style(inks[one["arm"]].colour, sources.index(extract_publication(one["source"])))
        axes.plot([one["kept"]], [unit * one["mean"]], zorder=4, **(mark | {"markersize": 4}))
