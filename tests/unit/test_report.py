"""The captions of `snakemake --report` render, with every name that they use."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined

CAPTIONS = sorted(Path("workflow/report").glob("*.rst"))
SNAKEMAKE = SimpleNamespace(
    config={"scale": "demo", "papers": ["lottery_ticket"]},
    wildcards=SimpleNamespace(paper="lottery_ticket", figure="figure_1"),
    output=SimpleNamespace(record="results/figures/lottery_ticket/figure_1.record.json"),
)


@pytest.mark.parametrize("caption", CAPTIONS, ids=lambda path: path.stem)
def test_a_caption_renders_without_a_warning(caption: Path) -> None:
    text = Environment(undefined=StrictUndefined).from_string(caption.read_text()).render(snakemake=SNAKEMAKE)
    body = publish_parts(text, writer="html", settings_overrides={"halt_level": 2})["body"]
    assert "demo" in body and "{{" not in body


def test_there_is_a_caption_for_each_kind_of_result() -> None:
    assert {caption.stem for caption in CAPTIONS} >= {"workflow", "figure", "verdicts"}
