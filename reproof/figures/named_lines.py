"""Accuracy against the share of weights kept, a line for each criterion or action (Zhou et al. 2019)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reproof import registry
from reproof.figures import scales
from reproof.figures.artists import DENSE_LINE, published_style
from reproof.figures.kinds import figure, table_named
from reproof.figures.legend import publications
from reproof.figures.lines import in_order, inks_of, line_label, runs_by, style
from reproof.figures.spread import complete, over_trials
from reproof.figures.style import DENSE, Ink, Look, canvas, legend, say
from reproof.figures.words import ABSENT, flat, publication, quantity_label, run_title, unique

COLUMNS = [
    *("run", "arm", "quantity", "level", "kept", "mean", "lowest", "highest", "trials", "source"),
    *("top", "span"),
]
UNTRAINED = ("untrained_test_accuracy", "untrained_constant_test_accuracy")
READING = (
    "Each point is the mean over seeds; its bar reaches from the lowest to the highest. A line that ends early goes on "
    "below the frame."
)
Tables = Mapping[str, pd.DataFrame]
Columns = Sequence[Sequence[str]]
References = Sequence[Mapping[str, Any]]


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw one column per run and one row per quantity, a line for each arm."""
    measured = table[table["trials"] > 0]
    runs, quantities = unique(table["run"]), unique(table["quantity"])
    names = in_order(measured["arm"])
    inks = inks_of(names)
    entries = _entries(table, names, inks)
    labels = [str(entry.get_label()) for entry in entries]
    size = (2.75, 2.0) if len(runs) > 1 else (5.6, 2.6)
    picture, axes = canvas(len(quantities), len(runs), size=size, labels=labels, gap=0.62)
    for quantity, line in zip(quantities, axes, strict=True):
        for run, place in zip(runs, line, strict=True):
            place.set_title(run_title(run, look.titles) if quantity == quantities[0] else "", loc="left")
            place.set_ylabel(quantity_label(quantity).replace(" at ", "\nat ") if run == runs[0] else "")
            place.set_xlabel("Weights kept (%)" if quantity == quantities[-1] else "")
            _draw(place, _panel(table, run, quantity), names, inks, width=size[0])
    legend(picture, entries)
    return picture


@figure(plot=plot, reading=READING)
def criteria(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    metrics: Sequence[str] = ("test_accuracy_at_early_stop",),
    span: float = 0.08,
) -> pd.DataFrame:
    """Tickets of every mask criterion: for each run, those of the runs called "{run}_{criterion}".

    The lower end of the axis lies `span` below the best mean.
    """
    rows = complete(table_named(tables, "measurements"))
    rows = rows[(rows["part"] == "") & rows["at"].isna() & (rows["arm"] == "ticket") & rows["metric"].isin(metrics)]
    known = registry.list_registered("pruning", "criterion")
    parts = [_absent(run, metrics) for run in flat(columns)]
    for run in flat(columns):
        by = runs_by(run, [*rows["run"].unique(), *(str(one["run"]) for one in references)], known)
        own = rows[rows["run"].isin(by)]
        parts += [_summed(own.assign(arm=own["run"].map(by), run=run)), _published(references, run, by, metrics)]
    return _tidy(parts, columns, span)


@figure(plot=plot, reading=READING)
def parts(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    metrics: Sequence[str] = UNTRAINED,
    beside: str = "",
    span: float = 1.0,
) -> pd.DataFrame:
    """What operations measured by part: a line for each; `beside` names a metric of the tickets to lay beside them."""
    rows = complete(table_named(tables, "measurements"))
    rows = rows[rows["run"].isin(flat(columns)) & rows["at"].isna()]
    own = rows[rows["metric"].isin(metrics) & (rows["part"] != "")]
    tickets = rows[(rows["metric"] == beside) & (rows["part"] == "") & (rows["arm"] == "ticket")]
    tickets = tickets[tickets["run"].isin(own["run"])].assign(part="zero", metric=metrics[0])
    both = pd.concat([own, tickets])
    absent = [_absent(run, metrics) for run in flat(columns)]
    return _tidy([*absent, _summed(both.assign(arm=both["part"]))], columns, span)


def _summed(rows: pd.DataFrame) -> pd.DataFrame:
    summary = over_trials(rows, ["run", "arm", "level", "metric"])
    return summary.rename(columns={"metric": "quantity"}).assign(source="")


def _published(references: References, run: str, by: Mapping[str, str], metrics: Sequence[str]) -> pd.DataFrame:
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


def _absent(run: str, metrics: Sequence[str]) -> pd.DataFrame:
    """Return a row without trials for each quantity of a run: a panel that stays empty has to say so."""
    return pd.DataFrame({"run": run, "arm": "", "quantity": list(metrics), "level": -1, "trials": 0, "source": ""})


def _tidy(parts: Sequence[pd.DataFrame], columns: Columns, span: float) -> pd.DataFrame:
    """Return the rows run by run and quantity by quantity; placeholders go where there is something measured."""
    table = pd.concat([part for part in parts if not part.empty], ignore_index=True).reindex(columns=COLUMNS)
    measured = set(zip(*(table.loc[table["trials"] > 0, name] for name in ("run", "quantity")), strict=True))
    pairs = zip(table["run"], table["quantity"], strict=True)
    empty = pd.Series([pair not in measured for pair in pairs], index=table.index)
    table = table[(table["arm"] != "") | empty]
    order = {run: place for place, run in enumerate(flat(columns))}
    table = table.sort_values("run", key=lambda names: names.map(order), kind="stable")
    best = table["mean"].where(table["trials"] > 0)
    return table.assign(span=span, top=best.groupby([table["run"], table["quantity"]]).transform("max"))


def _entries(table: pd.DataFrame, names: Sequence[str], inks: dict[str, Ink]) -> list[Line2D]:
    lines = [Line2D([], [], label=line_label(name), **style(name, inks)) for name in names]
    lines += [Line2D([], [], label="all weights kept", **DENSE_LINE)]
    panels = [_panel(table, run, quantity) for run in unique(table["run"]) for quantity in unique(table["quantity"])]
    marks = enumerate(publications(pd.concat([_comparable(rows, names) for rows in panels])))
    return lines + [
        Line2D([], [], label=f"published: {name}", **published_style(DENSE, place)) for place, name in marks
    ]


def _panel(table: pd.DataFrame, run: str, quantity: str) -> pd.DataFrame:
    return table[(table["run"] == run) & (table["quantity"] == quantity)]


def _limits(points: pd.DataFrame) -> tuple[float, float]:
    low = max(float(points["lowest"].min()), float(points["top"].iloc[0]) - float(points["span"].iloc[0]))
    high = float(points["highest"].max())
    room = max(0.04 * (high - low), 0.002)
    return low - room, high + room


def _comparable(rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return the published values of lines that are drawn, within the frame."""
    points = rows[rows["trials"] > 0]
    if points.empty:
        return rows[:0]
    shown: pd.Series[bool] = rows["mean"].between(*_limits(points)) & (rows["kept"] >= 0.9 * points["kept"].min())
    shown &= (rows["source"] != "") & rows["arm"].isin(names)
    return rows.loc[shown]


def _draw(axes: Axes, rows: pd.DataFrame, names: Sequence[str], inks: dict[str, Ink], *, width: float) -> None:
    points = rows[rows["trials"] > 0]
    if points.empty:
        say(axes, ABSENT)
        return
    unit = scales.value_axis(axes, str(rows["quantity"].iloc[0]), _limits(points))
    published = _comparable(rows, names)
    scales.kept_axis(axes, points["kept"], also=published["kept"], width=width)
    dense = points.loc[points["level"] == 0, "mean"]
    if not dense.empty:
        axes.axhline(unit * float(dense.iloc[0]), zorder=2, **DENSE_LINE)
    for name in reversed(names):
        line = points[points["arm"] == name].sort_values("kept", ascending=False)
        ends = (line["mean"] - line["lowest"], line["highest"] - line["mean"])
        bars = [
            unit * end.clip(lower=0) for end in ends
        ]  # a mean of equal numbers may differ from them in its last bit
        look = style(name, inks) | {"markersize": 3.2, "linewidth": 1.1, "elinewidth": 0.6}
        axes.errorbar(line["kept"], unit * line["mean"], bars, zorder=2.5, **look)
    sources = publications(published)
    for one in published.to_dict("records"):
        mark = published_style(inks[one["arm"]].colour, sources.index(publication(one["source"])))
        axes.plot([one["kept"]], [unit * one["mean"]], zorder=4, **(mark | {"markersize": 4}))
