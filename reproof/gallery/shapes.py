"""The input of the gallery: plain dictionaries, because they are read from JSON."""

from typing import Any, NotRequired, TypedDict


class Departure(TypedDict):
    """One difference from the paper. `key` is a setting, "runs.lenet.training.steps", or plain words."""

    key: str
    paper: Any
    here: Any
    why: NotRequired[str]


class FigureEntry(TypedDict):
    """One figure: `stem` is the path of its files without suffix, as `reproof.figures.save` writes them."""

    # Relative to the folder in which Snakemake runs.
    stem: str
    title: str
    where: str
    runs: list[str]


class Paper(TypedDict):
    """One paper with its `figures` in the order of the page.

    `verdicts` is the path of verdicts.parquet, `runs` that of runs.json with the records of each run. `departures` are
    those of every scale and of this one.
    """

    name: str
    title: str
    citation: str
    summary: str
    figures: list[FigureEntry]
    verdicts: str
    departures: list[Departure]
    runs: str
