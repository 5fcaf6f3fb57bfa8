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

SIDE, LEAST, GAP = 0.36, 1.8, 0.3  # inches: side of an image, least width of a block, between blocks
# A line of blocks for each state: above against below compares training with none.
STATES = ("trained", "untrained")
# {end of the prefix of `part`: title}: left against right compares units with directions.
KINDS = {
    "/unit": "single units",
    "/direction": "random directions",
    ", standardised/direction": "directions, standardised",
}
PAPER = ("/unit", "/direction")
NONE = "no images"


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw blocks: units, random directions and, if measured, those of standardised units; trained above untrained."""
    own = table[table["part"] != ""]
    blocks = _list_blocks(own)
    columns = len(blocks[0])
    (down, across), side = _count_most(own), len(next(iter(read_images(own).values())))
    # Gaps are whole pixels of the joined image, so that no pixel is interpolated.
    gap = max(1, round(0.08 * side))
    # Inches of an image with its gap. Few images are enlarged, or the title of their block would not fit.
    inch = max(SIDE / side * (side + gap), LEAST / across)
    wide = columns * inch * across + (columns - 1) * GAP
    title, missing = format_title(own, look, width=wide), describe_absent_runs(table, look, width=wide)
    head, low = 0.5 + LINE * count_lines(title), 0.5 + LINE * count_lines(missing)
    size = (inch * across, inch * down)
    picture, axes = create_canvas(2, columns, size=size, labels=(), gap=GAP, drop=0.4, left=0.24, head=head, low=low)
    every = [block for line in blocks for block in line.items()]
    for (name, text), place in zip(every, [place for line in axes for place in line], strict=True):
        place.set_title(text, loc="left", fontsize=8)
        rows = own[own["part"].str.startswith(f"{name}/")]
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


def _list_blocks(own: pd.DataFrame) -> list[dict[str, str]]:
    """Return {prefix of `part`: title} for each line of blocks. The paper's blocks are always there."""
    # Tables of the paper's protocol alone have no third column.
    kinds = [kind for kind in KINDS if kind in PAPER or own["part"].str.contains(f"{kind}/", regex=False).any()]
    return [{f"{state}{kind}": f"{state}: {KINDS[kind]}" for kind in kinds} for state in STATES]


@figure(
    plot=plot,
    reads=lambda _: ["exciting_pixel"],
    reading="Each row of a block shows the images that most excite one unit, or one random direction in the space of "
    "the same activations. The strongest response is on the left. Where a block says standardised, all units first got "
    "equal mean and spread, which is not in the paper; this changes no image of a unit.",
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
    pixel; `part` is "{state}/{unit or direction}/{which}/{rank}" with the states of `purity.PARTS`. Returns
    `pixels.COLUMNS`.
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
