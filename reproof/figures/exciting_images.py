"""Draw the images that excite units and random directions most (Szegedy et al. 2014, figures 1 to 4)."""

import pandas as pd
from matplotlib.figure import Figure

from reproof.figures.kinds import figure
from reproof.figures.pixels import (
    describe_absent_runs,
    draw_image,
    format_title,
    join_images,
    read_images,
    select_images,
)
from reproof.figures.seeds import Columns, References, Tables
from reproof.figures.style import MUTED, Look, create_canvas, draw_message
from reproof.figures.tiles import LINE, count_lines

SIDE, LEAST = 0.36, 1.8  # inches: side of an image, least width of a block
# {prefix of `part`: title}, in reading order: left against right compares units with directions, above against below
# training with none.
BLOCKS = {
    "trained/unit": "trained: single units",
    "trained/direction": "trained: random directions",
    "untrained/unit": "untrained: single units",
    "untrained/direction": "untrained: random directions",
}
NONE = "no images"


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw four blocks: units on the left, random directions on the right, trained above untrained."""
    own = table[table["part"] != ""]
    blocks = {name: own[own["part"].str.startswith(f"{name}/")] for name in BLOCKS}
    (down, across), side = _count_most(own), len(next(iter(read_images(own).values())))
    # Gaps are whole pixels of the joined image, so that no pixel is interpolated.
    gap = max(1, round(0.08 * side))
    # Inches of an image with its gap. Few images are enlarged, or the title of their block would not fit.
    inch = max(SIDE / side * (side + gap), LEAST / across)
    wide = 2 * inch * across + 0.3
    title, missing = format_title(own, look, width=wide), describe_absent_runs(table, look, width=wide)
    head, low = 0.5 + LINE * count_lines(title), 0.5 + LINE * count_lines(missing)
    size = (inch * across, inch * down)
    picture, axes = create_canvas(2, 2, size=size, labels=(), gap=0.3, drop=0.4, left=0.24, head=head, low=low)
    for (name, rows), place in zip(blocks.items(), [place for line in axes for place in line], strict=True):
        place.set_title(BLOCKS[name], loc="left", fontsize=8)
        if rows.empty:
            draw_message(place, NONE)
            continue
        shown = read_images(rows)
        # A block with fewer units than its neighbours stays aligned with them: places without an image are white.
        grid = [[shown.get(f"{name}/{which}/{rank}") for rank in range(across)] for which in range(down)]
        draw_image(place, join_images(grid, right=gap, below=gap))
    picture.text(0.24 / picture.get_figwidth(), 1 - 0.1 / picture.get_figheight(), title, fontsize=9, va="top")
    axes[1][0].text(0, -0.03, missing, transform=axes[1][0].transAxes, va="top", color=MUTED, fontsize=7)
    return picture


@figure(
    plot=plot,
    reads=lambda _: ["exciting_pixel"],
    reading="Each row of a block shows the images that most excite one unit, or one random direction in the space of "
    "the same activations. The strongest response is on the left.",
)
def exciting_images(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    rows: int = 4,
    ranks: int = 8,
) -> pd.DataFrame:
    """Select the images of at most `rows` units and `rows` directions, `ranks` images of each.


    They belong to the lowest seed of the first run that has any. Needs measurements with `exciting_pixel`, one row per
    pixel; `part` is "{trained or untrained}/{unit or direction}/{which}/{rank}". Returns `pixels.COLUMNS`.
    """
    table = select_images(tables, columns, ["exciting_pixel"])
    which, rank = _parse_places(table["part"])
    return table[(table["part"] == "") | ((which < rows) & (rank < ranks))].reset_index(drop=True)


def _parse_places(parts: "pd.Series[str]") -> tuple["pd.Series[float]", "pd.Series[float]"]:
    """Return the number of the unit or direction and the rank of the image, for each part; NaN for no part."""
    found = parts.str.extract(r"^[^/]+/[^/]+/(\d+)/(\d+)$").astype(float)
    return found[0], found[1]


def _count_most(own: pd.DataFrame) -> tuple[int, int]:
    """Return the largest number of units in a block, and of images of a unit."""
    which, rank = _parse_places(own["part"])
    return int(which.max()) + 1, int(rank.max()) + 1
