"""The legend of a figure against kept."""

from collections.abc import Iterator, Sequence

import pandas as pd
from matplotlib.lines import Line2D

from reproof.figures.artists import DENSE_LINE, OTHER_LINE, arm_style, published_style
from reproof.figures.style import DENSE, Look
from reproof.figures.words import arm_label, publication, run_title, unique, unlike


def key(table: pd.DataFrame, look: Look, *, others: bool) -> list[Line2D]:
    """Return the legend: arms, runs laid over others, dense network, published values with their source."""
    measured = table[table["trials"] > 0]
    lines = [_entry(label, **arm_style(arm, look.inks[arm], place)) for arm, place, label in _arms(measured, look)]
    if not measured.empty:
        lines.append(_entry("dense network", **DENSE_LINE))
    if others:
        lines.append(_entry("tickets of the other rows", **OTHER_LINE))
    return lines + published_key(publications(table))


def publications(table: pd.DataFrame) -> list[str]:
    """Return the publications whose values a table holds, in order of appearance."""
    return unique(publication(source) for source in table["source"] if source)


def published_key(names: Sequence[str]) -> list[Line2D]:
    """Return the legend of published values, a shape for each publication."""
    return [_entry(f"published: {name}", **published_style(DENSE, place)) for place, name in enumerate(names)]


def _arms(measured: pd.DataFrame, look: Look) -> Iterator[tuple[str, int, str]]:
    """Yield (arm, place in its panel, label), each pair once: the runs in front before those laid over them."""
    labels: dict[tuple[int, str], str] = {}
    alone = measured["panel"].nunique() == 1
    rows = measured[["panel", "run", "arm", "place"]].drop_duplicates()
    for panel, run, arm, place in rows.itertuples(index=False):
        title, base = run_title(run, look.titles), run_title(panel, look.titles)
        apart = f", {unlike(title, base, alone=alone)}" if place else ""
        labels.setdefault((place, arm), arm_label(arm) + apart)
    for (place, arm), label in sorted(labels.items(), key=lambda item: item[0][0]):
        yield arm, place, label


def _entry(label: str, **style: object) -> Line2D:
    return Line2D([], [], label=label, **style)  # type: ignore[arg-type]
