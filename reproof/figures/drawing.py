"""Draw a figure of a paper and save it, as the same bytes each time, with its caption and its table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from reproof.figures import (  # noqa: F401 (they register their kinds)
    against_kept,
    against_step,
    by_run,
    distribution,
    exciting_images,
    layer_dots,
    layer_heat_map,
    layer_lines,
    learning_curves,
    masks,
    named_lines,
    paths,
    pictures,
    purity,
    sparsity_ranges,
    spectra,
    transfer,
    under_attack,
    weight_movement,
)
from reproof.figures.absent import remove_absent_panels
from reproof.figures.captions import Context, compose_alternative, compose_caption, compose_foot_line
from reproof.figures.chance import describe_chance
from reproof.figures.compared import share_limits
from reproof.figures.comparisons import describe_left_out, list_measured_panels
from reproof.figures.cuts import mark_cuts
from reproof.figures.inks import assign_inks
from reproof.figures.kinds import KINDS, Kind
from reproof.figures.margins import wrap_headings
from reproof.figures.style import Look, apply_style, draw_blank, draw_foot_lines
from reproof.figures.words import ABSENT
from reproof.storage.files import ReproofError, write_atomically, write_json, write_parquet

# Without time and version, the same table gives the same bytes.
METADATA: dict[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@dataclass(frozen=True)
class Drawing:
    """A figure, the tidy table that it shows, its caption, and its alternative text for readers who cannot see it."""

    figure: Figure
    table: pd.DataFrame
    caption: str
    alt: str


def draw(
    kind: str,
    *,
    tables: Mapping[str, pd.DataFrame],
    runs: Sequence[str | Sequence[str]],
    context: Context,
    references: Sequence[Mapping[str, Any]] = (),
    options: Mapping[str, Any] | None = None,
) -> Drawing:
    """Draw one figure.

    `runs` has one entry per panel; the runs of an entry that is a list are overlaid (the first in front).
    `tables` holds those of "measurements", "curves" and "movement" that the kind needs. `references` are published
    values: `run`, `metric`, `kept`, `source`, and `value`, `gain` (over dense, same unit) or `ratio` (to dense).
    `options` are keyword arguments of the kind. Raises ReproofError for an unknown kind or option.
    """
    if kind not in KINDS:
        raise ReproofError(f"figure kind {kind!r}: not known; one of {', '.join(sorted(KINDS))}")
    # From here on every panel is a list of runs, the first one in front.
    columns = [[entry] if isinstance(entry, str) else list(entry) for entry in runs]
    given: dict[str, Any] = {"tables": tables, "references": references, "options": options or {}}
    table = KINDS[kind].select_table(columns=columns, **given)
    # An empty frame, or a comparison without its partner, would look like a result.
    shown = list_measured_panels(table, columns, options or {})
    notes = describe_left_out(table, columns, shown, context.titles)
    if shown and shown != columns:
        table = KINDS[kind].select_table(columns=shown, **given)
    # Inks depend on the arms of the paper, so that an arm looks the same in every figure at every scale.
    arms = [arm for rows in tables.values() if "arm" in rows for arm in rows["arm"].unique()]
    with apply_style():
        # A figure without measurements is drawn too: Snakemake and the page expect its files. It says what is missing.
        figure = (
            KINDS[kind].plot(table, Look(assign_inks(arms, context.names.arms), context.titles, context.names))
            if shown
            else draw_blank(ABSENT)
        )
        notes += remove_absent_panels(figure, table, context.titles)
        notes += share_limits(figure)
        notes += describe_chance(tables, table, classes=context.classes, titles=context.titles)
        wrap_headings(figure)
        mark_cuts(figure)
        draw_foot_lines(figure, [*notes, compose_foot_line(tables, columns=shown or columns, context=context)])
    return Drawing(
        figure=figure,
        table=table,
        caption=compose_caption(
            KINDS[kind].reading if shown else "",
            table,
            finding=_state_finding(KINDS[kind], table, context) if shown else "",
            notes=notes,
            published=KINDS[kind].published,
        ),
        alt=compose_alternative(table, columns=shown or columns, context=context),
    )


def _state_finding(kind: Kind, table: pd.DataFrame, context: Context) -> str:
    """Return the sentence that states what a figure shows, "" for kinds without one."""
    return kind.finding(table, context.titles) if kind.finding else ""


def save(drawing: Drawing, stem: str | Path) -> None:
    """Write `stem`.svg, .png, .pdf, .parquet (the table) and .json (caption, alt, width and height in CSS pixels)."""
    for suffix, metadata in METADATA.items():
        # The style again: resolution, embedded fonts and the salt of SVG identifiers are read only when saving.
        with write_atomically(f"{stem}.{suffix}") as temporary, apply_style():
            drawing.figure.savefig(temporary, format=suffix, metadata=metadata)
    write_parquet(f"{stem}.parquet", drawing.table)
    width, height = (round(96 * inches) for inches in drawing.figure.get_size_inches())  # 96 CSS pixels per inch
    write_json(f"{stem}.json", {"caption": drawing.caption, "alt": drawing.alt, "width": width, "height": height})
