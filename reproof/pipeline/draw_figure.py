"""Draw one figure of a paper from the paper's tables."""

import json
from collections.abc import Sequence

from reproof.figures import Context, Names, draw, save
from reproof.storage.files import read_json, read_parquet


def draw_figure(*, settings: str, tables: dict[str, str], data: Sequence[str], stem: str) -> None:
    """Write the figure to `stem` with suffixes for SVG, PNG and PDF, its table and its caption.

    `settings` is JSON, `tables` maps names of tables to paths of parquet files, `data` are the records of the paper's
    data sets, of which the settings name those of this figure.
    """
    asked = json.loads(settings)
    labels = tuple(read_json(record)["label"] for record in data if record in asked["data"])
    drawing = draw(
        asked["kind"],
        tables={name: read_parquet(path) for name, path in tables.items()},
        runs=asked["runs"],
        context=Context(
            asked["scale"], labels, asked["departures"], asked["titles"], Names(**asked["names"]), asked["classes"]
        ),
        references=asked["references"],
        options=asked.get("options", {}),
    )
    save(drawing, stem)
