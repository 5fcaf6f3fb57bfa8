"""What a figure says in words: its caption, the text for those who cannot see it, and the line under its panels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from reproof.figures.words import (
    format_per_cent,
    format_run_title,
    join_words,
    label_arm,
    label_quantity,
    list_runs,
    list_unique,
)
from reproof.metrics import find_metric

Columns = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Context:
    """What a figure says of where it comes from: `data` holds the labels of the datasets, `titles` those of runs."""

    scale: str
    data: tuple[str, ...]
    departures: int
    titles: Mapping[str, str] = field(default_factory=dict)


def compose_caption(
    reading: str, table: pd.DataFrame, *, columns: Columns, context: Context, published: str = "Hollow marks"
) -> str:
    """Return the caption: how to read the figure, what is absent, how and where the published values stand."""
    sentences = [reading] if (table["trials"] > 0).any() else []
    absent = [format_run_title(run, context.titles) for run in list_runs(columns) if not _is_measured(table, run)]
    if absent:
        sentences.append(f"Not run at this scale: {'; '.join(absent)}.")
    sources = list_unique(table.loc[table["source"] != "", "source"]) if "source" in table else []
    if sources:
        sentences.append(
            f"{published}: published values ({'; '.join(sources)}); those beyond the axes are in the data."
        )
    return " ".join(sentences)


def compose_alternative(table: pd.DataFrame, *, columns: Columns, context: Context) -> str:
    """Return the alternative text: what is drawn for which runs and arms, and where tickets start and are best."""
    quantities = join_words(list_unique(label_quantity(str(name)) for name in table["quantity"]))
    runs = "; ".join(format_run_title(run, context.titles) for run in list_runs(columns))
    return " ".join([f"{quantities} of {_describe_subject(table)}. Runs: {runs}.", *_yield_highlights(table, context)])


def compose_foot_line(tables: Mapping[str, pd.DataFrame], *, columns: Columns, context: Context) -> str:
    """Return the line under the panels: scale, seeds, data and departures."""
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
    """Return the labels of data sets; of more than two that are versions of one, that and their number."""
    heads = list_unique(label.partition(", ")[0] for label in labels)
    versions = {head: [label for label in labels if label.partition(", ")[0] == head] for head in heads}
    shown = ([f"{head} ({len(each)} versions)"] if len(each) > 2 else each for head, each in versions.items())
    return join_words(label for each in shown for label in each)


def _describe_subject(table: pd.DataFrame) -> str:
    """Return what a figure is of: arms where it is about pruning, whole networks, layers, or weights."""
    if "arm" in table and "kept" not in table:
        return "networks"
    arms = join_words(label_arm(arm) for arm in list_unique(table["arm"]) if arm) if "arm" in table else ""
    return arms or ("layers" if "part" in table else "weights")


def _yield_highlights(table: pd.DataFrame, context: Context) -> Iterator[str]:
    """Yield a sentence per run: the dense network's test accuracy, and the best of the tickets' (last quantity)."""
    if "kept" not in table or "step" in table or "arm" not in table:
        return
    tickets = table[(table["arm"] == "ticket") & (table["trials"] > 0)]
    shown = [name for name in list_unique(tickets["quantity"]) if find_metric(name).is_share][-1:]
    for run in list_unique(tickets["run"]):
        for quantity in shown:
            rows = tickets[(tickets["run"] == run) & (tickets["quantity"] == quantity)].sort_values("kept")
            dense, best = rows.iloc[-1], rows.sort_values("mean", kind="stable").iloc[-1]
            name = label_quantity(quantity).removesuffix(" (%)").lower()
            yield (
                f"{format_run_title(run, context.titles)}, {name}: {100 * dense['mean']:.1f} % dense, "
                f"at most {100 * best['mean']:.1f} % at {format_per_cent(best['kept'])} % kept."
            )


def _is_measured(table: pd.DataFrame, run: str) -> bool:
    return bool((table.loc[table["run"] == run, "trials"] > 0).any())


def _count_seeds(tables: Mapping[str, pd.DataFrame], runs: Sequence[str]) -> str:
    """Return how many seeds the runs have: "3", "3 to 5", "none"; histograms show one of them and do not count."""
    counted = [table for name, table in tables.items() if name != "movement" or len(tables) == 1]
    counts = [count for table in counted for count in table[table["run"].isin(runs)].groupby("run")["seed"].nunique()]
    return " to ".join(str(count) for count in sorted({min(counts), max(counts)})) if counts else "none"
