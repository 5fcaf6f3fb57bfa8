"""The page: verdicts first, then paper by paper, as one HTML file that contains its style."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from reproof.gallery.costs import Cost
from reproof.gallery.plain import format_duration, format_effect, format_setting, tie_percent_signs
from reproof.gallery.shapes import Paper
from reproof.storage.files import read_parquet

HERE = Path(__file__).parent
# The order of the counts, and the sign next to each word: readers must not depend on colour.
VERDICTS = {
    "agrees": "agrees",
    "disagrees": "disagrees",
    "inconclusive": "inconclusive",
    "not judged at this scale": "unjudged",
}
PLURALS = {"agrees": "agree", "disagrees": "disagree"}  # "4 agree"


@dataclass(frozen=True)
class PageFigure:
    """One figure of the page. Paths are relative to the page, width and height are in CSS pixels."""

    name: str
    title: str
    where: str
    caption: str
    alt: str
    width: int
    height: int
    files: Mapping[str, str]
    records: Mapping[str, str]


def render_page(
    *,
    papers: Sequence[Paper],
    figures: Mapping[str, Sequence[PageFigure]],
    scale: str,
    data: Sequence[str],
    costs: Sequence[Cost],
    versions: Mapping[str, str],
    fingerprint: str,
) -> str:
    """Return the page as HTML. `figures` maps the name of a paper to its figures."""
    claims = {paper["name"]: read_claims(paper["verdicts"]) for paper in papers}
    return (
        _make_environment()
        .get_template("page.html.j2")
        .render(
            papers=papers,
            figures=figures,
            claims=claims,
            counts={name: count_verdicts(rows) for name, rows in claims.items()},
            total=count_verdicts([row for rows in claims.values() for row in rows]),
            scale=scale,
            data=data,
            # The page warns of data that replaces the original: lossy images change accuracies.
            substitutes=[label for label in data if "JPEG" in label],
            costs=costs,
            versions=versions,
            fingerprint=fingerprint,
            # Inside the page, which then needs no other file to look as intended.
            style=(HERE / "page.css").read_text(encoding="utf-8"),
        )
    )


def read_claims(verdicts: str) -> list[dict[str, Any]]:
    """Return the rows of a verdicts.parquet, judged claims first, each with words for the page.

    `measured` is the effect with its interval, `sign` the sign of the verdict. `finding` is the sentence up to the
    semicolon: expectation, published value and verdict have their own columns.
    """
    # The sort is stable: within judged and unjudged claims, the order of the paper's file remains.
    rows = sorted(read_parquet(verdicts).to_dict("records"), key=lambda row: not row["judged"])
    return [
        row
        | {"measured": format_effect(row), "sign": VERDICTS.get(row["verdict"], "unjudged")}
        | {"finding": row["sentence"].partition("; ")[0].rstrip(".") + "."}
        for row in rows
    ]


def count_verdicts(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, int]]:
    """Return (words after the number, sign, number of claims) of each verdict that occurs, in the order of the page."""
    numbers = Counter(row["verdict"] for row in rows)
    return [
        (verdict if numbers[verdict] == 1 else PLURALS.get(verdict, verdict), sign, numbers[verdict])
        for verdict, sign in VERDICTS.items()
        if numbers[verdict]
    ]


def _make_environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,  # titles and reasons are text: a "<" in one must not become a tag
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,  # a misspelt name must fail the job, not leave a gap
    )
    environment.filters.update(duration=format_duration, setting=format_setting, prose=tie_percent_signs)
    return environment
