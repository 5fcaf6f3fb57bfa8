"""Compose the texts of a figure: its caption, its alternative text, and the line under its panels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from reproof.figures.inks import Names
from reproof.figures.quantities import find_quantity
from reproof.figures.words import (
    format_per_cent,
    format_run_title,
    join_words,
    label_arm,
    label_quantity,
    list_runs,
    list_unique,
    name_quantity,
)

Columns = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Context:
    """The origin of a figure: scale, labels of its data, number of departures, titles by run, names in the paper.

    `classes` maps runs to the number of classes of their data, where it is known.
    """

    scale: str
    data: tuple[str, ...]
    departures: int
    titles: Mapping[str, str] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    classes: Mapping[str, int] = field(default_factory=dict)


def compose_caption(
    reading: str, table: pd.DataFrame, *, finding: str = "", notes: Sequence[str], published: str = "Hollow marks"
) -> str:
    """Return the caption: what the figure shows, how to read it, what is left out, and sources of published values."""
    sentences = [one for one in (finding, reading, *notes) if one]
    # Kinds that never show published values have no column `source`.
    sources = list_unique(table.loc[table["source"] != "", "source"]) if "source" in table else []
    if sources:
        sentences.append(
            f"{published}: published values ({'; '.join(sources)}); values beyond the axes are only in the data."
        )
    return " ".join(sentences)


def compose_alternative(table: pd.DataFrame, *, columns: Columns, context: Context) -> str:
    """Return the alternative text: quantities, arms and runs, and the dense and best accuracy of tickets."""
    quantities = join_words(list_unique(label_quantity(str(name)) for name in table["quantity"]))
    runs = "; ".join(format_run_title(run, context.titles) for run in list_runs(columns))
    return " ".join([f"{quantities} of {_describe_subject(table)}. Runs: {runs}.", *_yield_highlights(table, context)])


def compose_foot_line(tables: Mapping[str, pd.DataFrame], *, columns: Columns, context: Context) -> str:
    """Return the line under the panels: scale, number of seeds, data and departures from the paper."""
    departures = f"{context.departures}, see page" if context.departures else "none"
    return " · ".join(
        [
            f"scale: {context.scale}",
            f"seeds: {_count_seeds(tables, list_runs(columns))}",
            f"data: {_join_data_labels(context.data)}",
            f"departures from the paper: {departures}",
        ]
    )


def _join_data_labels(labels: Sequence[str]) -> str:
    """Return the labels of data sets as prose; more than two versions of a data set become their number."""
    # A label is the name of a data set and, after a comma, its version.
    heads = list_unique(label.partition(", ")[0] for label in labels)
    versions = {head: [label for label in labels if label.partition(", ")[0] == head] for head in heads}
    shown = ([f"{head} ({len(each)} versions)"] if len(each) > 2 else each for head, each in versions.items())
    return join_words(label for each in shown for label in each)


def _describe_subject(table: pd.DataFrame) -> str:
    """Return the subject of a figure: its arms if it is about pruning, else networks, layers or weights."""
    # Without `kept`, arms are ways to train a network, which the legend explains.
    if "arm" in table and "kept" not in table:
        return "networks"
    arms = join_words(label_arm(arm) for arm in list_unique(table["arm"]) if arm) if "arm" in table else ""
    return arms or ("layers" if "part" in table else "weights")


def _yield_highlights(table: pd.DataFrame, context: Context) -> Iterator[str]:
    """Yield a sentence per run: dense and best accuracy of its tickets, in the last quantity that is a share."""
    # "At most x % at y % kept" only makes sense for a figure whose x axis is the share kept.
    if "kept" not in table or "step" in table or "arm" not in table:
        return
    tickets = table[(table["arm"] == "ticket") & (table["trials"] > 0)]
    # Only the last of the quantities: a screen reader must not read a sentence for each of them.
    shown = [name for name in list_unique(tickets["quantity"]) if find_quantity(name).is_share][-1:]
    for run in list_unique(tickets["run"]):
        for quantity in shown:
            rows = tickets[(tickets["run"] == run) & (tickets["quantity"] == quantity)].sort_values("kept")
            # `rows` ascend in `kept`: the last is the densest. Of equal means a stable sort leaves the denser last.
            dense, best = rows.iloc[-1], rows.sort_values("mean", kind="stable").iloc[-1]
            name = name_quantity(quantity).lower()
            yield (
                f"{format_run_title(run, context.titles)}, {name}: {100 * dense['mean']:.1f} % dense, "
                f"at most {100 * best['mean']:.1f} % at {format_per_cent(best['kept'])} % kept."
            )


def _count_seeds(tables: Mapping[str, pd.DataFrame], runs: Sequence[str]) -> str:
    """Return the number of seeds of the runs: "3", "3 to 5", "none"."""
    # Histograms of movement show one seed of several, so they count only if there is nothing else.
    counted = [table for name, table in tables.items() if name != "movement" or len(tables) == 1]
    counts = [count for table in counted for count in table[table["run"].isin(runs)].groupby("run")["seed"].nunique()]
    return " to ".join(str(count) for count in sorted({min(counts), max(counts)})) if counts else "none"
