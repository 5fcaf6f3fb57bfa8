"""What the gallery is handed: plain dictionaries, so that they can come from JSON."""

from typing import Any, NotRequired, TypedDict


class Departure(TypedDict):
    """One setting in which this scale differs from the paper. `key` is dotted: "runs.lenet.training.steps"."""

    key: str
    paper: Any
    here: Any
    why: NotRequired[str]


class FigureEntry(TypedDict):
    """One figure: `stem` is the path of its files without suffix, as `reproof.figures.save` writes them."""

    stem: str
    title: str
    where: str
    runs: list[str]


class Paper(TypedDict):
    """One paper: figures in the order of the page; `verdicts` the path of its verdicts.parquet; `records` per run."""

    name: str
    title: str
    citation: str
    summary: str
    figures: list[FigureEntry]
    verdicts: str
    departures: list[Departure]
    records: dict[str, list[str]]
