"""Read images from measurements with one row per pixel, and join several of them into one."""

from collections.abc import Sequence
from math import ceil, isqrt, sqrt
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from reproof.figures.seeds import Columns, Tables, select_metrics
from reproof.figures.style import Look
from reproof.figures.tiles import LETTER, SMALL_LETTER, wrap
from reproof.figures.words import ABSENT, format_run_title, list_runs

Picture = NDArray[np.float64]
COLUMNS = ["run", "arm", "seed", "part", "at", "quantity", "value", "trials"]


def select_images(tables: Tables, columns: Columns, metrics: Sequence[str], *, arm: str = "ticket") -> pd.DataFrame:
    """Return the rows of the lowest seed and draw of the first run that has pixels (the first metric).


    Every other run has one row; its `trials` is 0 if the run has no pixels. Needs measurements, with one row per pixel:
    `at` is its place in the flattened image [channels, rows, columns], `value` in [0, 1]. Returns COLUMNS.
    """
    rows = select_metrics(tables, columns, metrics, arms=[arm])
    having = set(rows.loc[rows["metric"] == metrics[0], "run"])
    shown = next((run for run in list_runs(columns) if run in having), "")
    # pandas applies the key to each column in turn; `seed` and `draw` sort by value, metrics in the order asked for.
    own = rows[rows["run"] == shown].sort_values(
        ["seed", "draw", "metric"], key=lambda each: _rank_metrics(each, metrics), kind="stable"
    )
    first = own[own["metric"] == metrics[0]].iloc[:1]
    own = own[own["seed"].isin(first["seed"]) & own["draw"].isin(first["draw"])]
    others = [
        {"run": run, "arm": arm, "part": "", "metric": metrics[0], "trials": int(run in having)}
        for run in list_runs(columns)
        if run != shown
    ]
    parts = [own.assign(trials=1), *([pd.DataFrame(others)] if others else [])]
    table = pd.concat([part for part in parts if not part.empty], ignore_index=True)
    return table.rename(columns={"metric": "quantity"}).reindex(columns=COLUMNS).astype({"trials": "int64"})


def _rank_metrics(column: "pd.Series[Any]", metrics: Sequence[str]) -> "pd.Series[Any]":
    """Return the places of a column of metrics in `metrics`, and any other column unchanged, as a sort key."""
    return column.map(list(metrics).index) if column.name == "metric" else column


def read_images(table: pd.DataFrame) -> dict[str, Picture]:
    """Return {part: square image float64 [side, side, channels] in [0, 1]} of rows of pixels.

    `at` counts pixels channel by channel and row by row. Three equal squares form a colour image.
    """
    found = {}
    for part, rows in table.dropna(subset=["at"]).groupby("part", sort=False):
        count = int(rows["at"].max()) + 1
        # Unambiguous: no square number is three times another one.
        channels = 3 if 3 * isqrt(count // 3) ** 2 == count else 1
        # `count` is the highest place that occurs. `ceil` is for tables that lack the last pixels; these stay black.
        side = ceil(sqrt(count / channels))
        picture = np.zeros(channels * side * side)
        picture[rows["at"].to_numpy(dtype=int)] = rows["value"].to_numpy()
        found[str(part)] = picture.reshape(channels, side, side).transpose(1, 2, 0)
    return found


def join_images(grid: Sequence[Sequence[Picture | None]], *, right: int, below: int) -> Picture:
    """Return images of equal shape [side, side, channels] joined into one, with white where an image is None.

    Each image is followed by `right` and `below` white pixels.
    """
    blank = np.ones_like(next(picture for line in grid for picture in line if picture is not None))
    filled = [[blank if picture is None else picture for picture in line] for line in grid]
    gaps = ((0, below), (0, right), (0, 0))
    return np.vstack([np.hstack([np.pad(one, gaps, constant_values=1.0) for one in line]) for line in filled])


def draw_image(axes: Axes, picture: Picture) -> None:
    """Fill a panel with an image [height, width, channels] in [0, 1], without interpolation."""
    # Three channels even for grey: with one, `imshow` would stretch each image to its own range and use a colour map.
    axes.imshow(np.broadcast_to(picture, (*picture.shape[:2], 3)), interpolation="none", aspect="auto")
    axes.set(xticks=[], yticks=[])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)


def describe_absent_runs(table: pd.DataFrame, look: Look, *, width: float) -> str:
    """Return a message that lists the runs without images, wrapped to `width` inches; "" if there are none."""
    titles = [format_run_title(run, look.titles) for run in table.loc[table["trials"] == 0, "run"]]
    return wrap(f"{'; '.join(titles)}: {ABSENT}", int(width / SMALL_LETTER)) if titles else ""


def format_title(table: pd.DataFrame, look: Look, *, width: float) -> str:
    """Return the title of the run whose images are drawn, wrapped to `width` inches."""
    return wrap(format_run_title(str(table.loc[table["part"] != "", "run"].iloc[0]), look.titles), int(width / LETTER))
