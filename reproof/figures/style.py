"""Define the look of all figures: fonts, colours distinct for colour-blind readers, margins, legend, foot line."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from reproof.figures.matplotlib_defaults import DEFAULTS

STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.edgecolor": "#444444",
    "axes.labelcolor": "#222222",
    "axes.grid": True,
    # Values are read off y. Lines across the levels of x would compete with the data.
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "reproof",  # without it matplotlib puts random identifiers into the file
    "svg.fonttype": "path",  # letters as outlines: the reader's machine need not have the font
    "pdf.fonttype": 42,  # TrueType: many publishers refuse Type 3 fonts, matplotlib's default
    "savefig.dpi": 160,  # of the PNG: 1.7 pixels for each CSS pixel
}
# The dense network is the reference of every figure; black is no arm's colour.
DENSE, MUTED = "#000000", "#666666"
LEGEND_LINE = 0.17  # inches
# Okabe and Ito (2008), "Color universal design"; arms keep their colour and marker in every figure of every paper.
INKS = {
    "ticket": ("#0072B2", "o"),
    "reinitialise": ("#D55E00", "s"),
    "shuffle_mask": ("#009E73", "^"),
    "reshuffle_initial": ("#CC79A7", "v"),
    "prune_at_init": ("#E69F00", "P"),
    "noise": ("#882255", "X"),
    "fgsm_trained": ("#CC6677", "D"),
    "pgd_trained": ("#117733", "8"),
    "pgd_trained_nearer": ("#AA4499", "H"),
    "pools_trained": ("#B8A643", "p"),
}
# For arms without an ink: more colours of Okabe and Ito and of Paul Tol, and a grey.
SPARE = (("#56B4E9", "d"), ("#999933", "<"), ("#332288", ">"), ("#661100", "p"), ("#44AA99", "h"), ("#777777", "*"))


@dataclass(frozen=True)
class Ink:
    """Colour and marker of one arm."""

    colour: str
    marker: str


@dataclass(frozen=True)
class Look:
    """The ink of every arm and the titles of runs, which a plot needs in addition to its table."""

    inks: Mapping[str, Ink]
    titles: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def apply_style() -> Iterator[None]:
    """Draw and save in the body with matplotlib's defaults and STYLE alone, whatever a user's matplotlibrc says.

    Drawing and saving both belong into a body: matplotlib reads some settings only when it saves.
    """
    with matplotlib.rc_context(DEFAULTS | STYLE):
        yield


def assign_inks(arms: Iterable[str]) -> dict[str, Ink]:
    """Return an ink for each arm: one of INKS if it has one, else the next spare one in order of name.

    Arms of a family ("noise_0.5", "noise_1", ...) share hue and marker; larger numbers are paler. Pass all arms of a
    paper at once, so that a control looks the same in all its figures.
    """
    families: dict[str, list[str]] = {}
    # Sorted, so that an ink depends on the set of arms and not on the order of rows.
    for arm in sorted(set(arms), key=_split_number):
        families.setdefault(_find_family(arm), []).append(arm)
    spare = {name: SPARE[i % len(SPARE)] for i, name in enumerate(sorted(set(families) - set(INKS)))}
    return {
        # At most 70 % white: a paler member could not be seen.
        arm: Ink(tint(colour, 0.7 * i / len(members)), marker)
        for name, members in families.items()
        for colour, marker in [INKS.get(name) or spare[name]]
        for i, arm in enumerate(members)
    }


def tint(colour: str, share: float) -> str:
    """Return a colour mixed with white; `share` in [0, 1] is the share of white."""
    red, green, blue = (channel + (1 - channel) * share for channel in to_rgb(colour))
    return to_hex((red, green, blue))


def create_canvas(
    rows: int,
    columns: int,
    *,
    size: tuple[float, float],
    labels: Sequence[str],
    gap: float = 0.52,
    drop: float = 0.44,
    left: float = 0.95,
    head: float = 0.4,
    low: float = 0.74,
) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with rows x columns panels of `size` (width, height), and room for a legend with these labels.

    `gap` and `drop` are the distances between neighbours, across and down; `left`, `head` and `low` are the margins.
    All are in inches. Margins are fixed, not found by a layout solver: they are fast and do not depend on the machine.
    """
    (width, height), right = size, 0.24
    total = left + columns * width + (columns - 1) * gap + right
    # The legend grows upwards; panels keep their size, so figures of a page remain comparable.
    top = head + LEGEND_LINE * len(wrap_legend(labels, total))
    tall = top + rows * height + (rows - 1) * drop + low
    figure = Figure(figsize=(total, tall))
    grid = figure.add_gridspec(
        *(rows, columns),
        # matplotlib takes margins as shares of the figure, and gaps as shares of a panel.
        left=left / total,
        right=1 - right / total,
        bottom=low / tall,
        top=1 - top / tall,
        wspace=gap / width,
        hspace=drop / height,
    )
    return figure, [[figure.add_subplot(grid[row, column]) for column in range(columns)] for row in range(rows)]


def draw_legend(figure: Figure, handles: Sequence[Artist]) -> None:
    """Draw one legend for all panels at the top left of the figure, wrapped into lines."""
    width, height = figure.get_size_inches()
    # One entry per label; of equal labels the last handle.
    named = {str(handle.get_label()): handle for handle in handles}
    for place, labels in enumerate(wrap_legend(list(named), width)):
        figure.legend(
            handles=[named[label] for label in labels],
            ncols=len(labels),
            loc="upper left",
            bbox_to_anchor=(0.1 / width, 1 - (0.05 + LEGEND_LINE * place) / height),
            borderaxespad=0,
            borderpad=0,
            handlelength=2.4,
            columnspacing=1.6,
        )


def wrap_legend(labels: Sequence[str], width: float) -> list[list[str]]:
    """Return the labels of a legend line by line, as many per line as fit into a figure `width` inches wide."""
    lines: list[list[str]] = []
    free = 0.0  # inches; widths are estimated from the number of letters, so that no renderer is needed
    for label in labels:
        # 0.5 inches for the line and the gap to the next entry, 0.067 for a letter of 8 points.
        needs = 0.5 + 0.067 * len(label)
        if not lines or free < needs:
            lines.append([])
            free = width - 0.2
        lines[-1].append(label)
        free -= needs
    return lines


def draw_foot_line(figure: Figure, text: str) -> None:
    """Draw a small text under the panels, wrapped to the width of the figure."""
    # 0.053 inches for a letter of 6.5 points.
    lines = textwrap.fill(text, int((figure.get_figwidth() - 0.2) / 0.053))
    figure.text(
        0.1 / figure.get_figwidth(), 0.06 / figure.get_figheight(), lines, fontsize=6.5, color=MUTED, va="bottom"
    )


def draw_blank(text: str) -> Figure:
    """Return a figure with one low panel that contains only a message."""
    figure, ((axes,),) = create_canvas(1, 1, size=(6.0, 0.6), labels=())
    axes.spines[:].set_visible(False)
    draw_message(axes, text)
    return figure


def draw_message(axes: Axes, text: str) -> None:
    """Remove the ticks of a panel and write a message into its middle."""
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def _find_family(arm: str) -> str:
    """Return the name of an arm without its number."""
    name, _, number = arm.rpartition("_")
    return name if name and _parse_number(number) is not None else arm


def _split_number(arm: str) -> tuple[str, float]:
    """Return family and number of an arm, to sort "noise_10" after "noise_2"."""
    return _find_family(arm), _parse_number(arm.rpartition("_")[2]) or 0.0


def _parse_number(text: str) -> float | None:
    """Return a plain decimal number, or None if the text is not one."""
    return float(text) if text.replace(".", "", 1).isdigit() else None
