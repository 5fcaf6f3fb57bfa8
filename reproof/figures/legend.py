"""List the entries of the legend of figures against the share kept."""

from collections.abc import Iterator, Sequence

import pandas as pd
from matplotlib.lines import Line2D

from reproof.figures.artists import DENSE_LINE, OTHER_LINE, choose_arm_style, choose_published_style
from reproof.figures.style import DENSE, Look
from reproof.figures.words import describe_difference, extract_publication, format_run_title, label_arm, list_unique


def list_entries(table: pd.DataFrame, look: Look, *, others: bool) -> list[Line2D]:
    """Return the legend: arms, overlaid runs, dense network, and publications of published values."""
    measured = table[table["trials"] > 0]
    lines = [
        _make_entry(label, **choose_arm_style(arm, look.inks[arm], place))
        for arm, place, label in _list_arms(measured, look)
    ]
    # Without a measured dense network there is no line to explain.
    if ((measured["level"] == 0) & (measured["arm"] == "ticket")).any():
        lines.append(_make_entry("dense network", **DENSE_LINE))
    if others:
        lines.append(_make_entry("tickets of the other rows", **OTHER_LINE))
    return lines + list_published_entries(list_publications(table))


def list_publications(table: pd.DataFrame) -> list[str]:
    """Return the publications of a table's published values, in order of appearance."""
    return list_unique(extract_publication(source) for source in table["source"] if source)


def list_published_entries(names: Sequence[str]) -> list[Line2D]:
    """Return the legend entries of published values, with a shape for each publication."""
    return [
        _make_entry(f"published: {name}", **choose_published_style(DENSE, place)) for place, name in enumerate(names)
    ]


def _list_arms(measured: pd.DataFrame, look: Look) -> Iterator[tuple[str, int, str]]:
    """Yield (arm, place in its panel, label) for each distinct arm and place, the first runs of panels first."""
    labels: dict[tuple[int, str], str] = {}
    alone = measured["panel"].nunique() == 1
    rows = measured[["panel", "run", "arm", "place"]].drop_duplicates()
    for panel, run, arm, place in rows.itertuples(index=False):
        title, base = format_run_title(run, look.titles), format_run_title(panel, look.titles)
        # The first run of a panel is in its title. An overlaid one is named by what it does otherwise.
        apart = f", {describe_difference(title, base, alone=alone)}" if place else ""
        # Arms look the same in all panels, so one entry serves them all.
        labels.setdefault((place, arm), label_arm(arm) + apart)
    # The sort is stable: arms keep their order within a place.
    for (place, arm), label in sorted(labels.items(), key=lambda item: item[0][0]):
        yield arm, place, label


def _make_entry(label: str, **style: object) -> Line2D:
    return Line2D([], [], label=label, **style)  # type: ignore[arg-type]
