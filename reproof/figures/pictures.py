"""Draw attacked images: the original, then for each attack the difference and the attacked image."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reproof.figures.attack_styles import label_attack
from reproof.figures.kinds import figure
from reproof.figures.pixels import (
    Picture,
    describe_absent_runs,
    draw_image,
    format_title,
    join_images,
    read_images,
    select_images,
)
from reproof.figures.seeds import Columns, References, Tables, select_parts
from reproof.figures.style import MUTED, Look, create_canvas
from reproof.figures.tiles import LINE, count_lines
from reproof.figures.words import list_unique

SIDE = 0.62  # inches of an image
GAP, SLOT = 0.1, 0.36  # free space right of and below an image, as shares of its side; its class goes below
FACTORS = (100, 50, 20, 10, 5, 2, 1)  # round numbers, which a reader can divide by
OTHER = "#D55E00"


def plot(table: pd.DataFrame, look: Look) -> Figure:
    """Draw a row for each image, with predicted classes below; differences are amplified as far as [0, 1] allows."""
    own = table[table["part"] != ""]
    shown = read_images(own[own["quantity"] == "example_pixel"])
    named = own[own["quantity"] == "example_class"]
    classes = {str(part): int(value) for part, value in zip(named["part"], named["value"], strict=True)}
    numbers = [part.partition("/")[2] for part in shown if part.startswith("original/")]
    attacks = list_unique(part.partition("/")[0] for part in shown if not part.startswith("original/"))
    factors = {attack: _compute_factor(shown, attack, numbers) for attack in attacks}
    # All images of a data set have one size.
    side = len(next(iter(shown.values())))
    right, below = max(1, round(GAP * side)), max(1, round(SLOT * side))
    grid = [_make_row(shown, number, factors) for number in numbers]
    inch = SIDE / side
    wide = inch * (side + right) * len(grid[0])
    title, missing = format_title(own, look, width=wide), describe_absent_runs(table, look, width=wide)
    head, low = 0.7 + LINE * count_lines(title), 0.5 + LINE * count_lines(missing)
    size = (wide, inch * (side + below) * len(grid))
    picture, ((axes,),) = create_canvas(1, 1, size=size, labels=(), left=0.2, head=head, low=low)
    draw_image(axes, join_images(grid, right=right, below=below))
    _draw_head(axes, factors, side, side + right)
    for row, number in enumerate(numbers):
        _draw_classes(axes, classes, number, attacks, row=row, side=side, pitch=(side + right, side + below))
    picture.text(0.2 / picture.get_figwidth(), 1 - 0.1 / picture.get_figheight(), title, fontsize=9, va="top")
    axes.text(0, -0.02, missing, transform=axes.transAxes, va="top", color=MUTED, fontsize=7)
    return picture


@figure(
    plot=plot,
    reads=lambda _: ["example_pixel", "example_class"],
    reading="Each row shows an original image, then for each attack the difference (amplified by the factor above; "
    "grey is zero) and the attacked image. Numbers are predicted classes, in bold where the attack changed them.",
)
def pictures(
    tables: Tables,
    columns: Columns,
    references: References,
    *,
    count: int = 8,
    attacks: Sequence[str] | None = None,
    arm: str = "ticket",
) -> pd.DataFrame:
    """Select attacked images of the lowest seed of the first run that has any.


    `count` is the largest number of images; `attacks` are shell patterns. Needs measurements with `example_pixel`
    (values in [0, 1]) and `example_class`; `part` is "{attack or original}/{image}". Returns `pixels.COLUMNS`.
    """
    table = select_images(tables, columns, ["example_pixel", "example_class"], arm=arm)
    name, number = (table["part"].str.partition("/")[which] for which in (0, 2))
    # Originals are kept whatever the patterns, and so are the rows of runs without images (part "").
    chosen = select_parts(table.assign(part=name), None if attacks is None else ["original", "", *attacks]).index
    few = [one for one in list_unique(number) if one][:count]
    return table[table.index.isin(chosen) & (number.isin(few) | (table["part"] == ""))].reset_index(drop=True)


def _compute_factor(shown: Mapping[str, Picture], attack: str, numbers: Sequence[str]) -> int:
    """Return the largest of FACTORS that keeps the amplified differences of an attack in [-1, 1]."""
    pairs = ((shown[f"original/{one}"], shown.get(f"{attack}/{one}")) for one in numbers)
    most = max((float(np.abs(after - before).max()) for before, after in pairs if after is not None), default=0.0)
    # One factor per attack: a factor per image would make a weak attack look as strong as others. 1e-6 is for float32.
    return next((factor for factor in FACTORS if factor * most <= 1 + 1e-6), 1)


def _make_row(shown: Mapping[str, Picture], number: str, factors: Mapping[str, int]) -> list[Picture | None]:
    """Return the original, and the difference and result of each attack; None for an image that is missing."""
    original = shown[f"original/{number}"]
    cells: list[Picture | None] = [original]
    for attack, factor in factors.items():
        result = shown.get(f"{attack}/{number}")
        # A difference in [-1, 1] becomes a grey in [0, 1], with 0.5 for no change.
        cells += [None if result is None else (0.5 + 0.5 * factor * (result - original)).clip(0, 1), result]
    return cells


def _draw_head(axes: Axes, factors: Mapping[str, int], side: int, pitch: int) -> None:
    """Write the headings of the columns."""

    def write(x: float, y: float, text: str, size: float = 6.5) -> None:
        axes.text(x, y, text, va="bottom", ha="center", fontsize=size)

    above = -0.5 - 0.05 * side
    write(side / 2, above, "original")
    for place, (attack, factor) in enumerate(factors.items()):
        left = pitch * (1 + 2 * place)
        write(left + side / 2, above, f"difference\n× {factor}")
        write(left + pitch + side / 2, above, "result")
        write(left + (pitch + side) / 2, above - 0.42 * side, label_attack(attack), 8)


def _draw_classes(
    axes: Axes,
    classes: Mapping[str, int],
    number: str,
    attacks: Sequence[str],
    *,
    row: int,
    side: int,
    pitch: tuple[int, int],
) -> None:
    """Write the predicted classes below the original and the results of a row."""
    before = classes.get(f"original/{number}")
    for place, attack in enumerate(["original", *attacks]):
        found = classes.get(f"{attack}/{number}")
        if found is not None:
            colour, weight = ("#222222", "normal") if found == before else (OTHER, "bold")
            # Two cells per attack, difference and result: the class belongs below the result.
            x, y = 2 * place * pitch[0] + side / 2, row * pitch[1] + side
            axes.text(x, y, str(found), ha="center", va="top", fontsize=7, color=colour, fontweight=weight)
