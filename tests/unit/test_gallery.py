"""The gallery: everything the page links to lies in its folder, verdicts come first, and nothing is hidden."""

import json
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pages
import pandas as pd
import pytest

from reproof.gallery import build_gallery
from reproof.gallery.costs import read_costs
from reproof.gallery.page import count_verdicts, read_claims
from reproof.gallery.plain import format_duration, format_effect, format_setting, tie_percent_signs
from reproof.storage.files import ReproofError, remove_temporaries, write_parquet


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pages.built(tmp_path_factory.mktemp("gallery"))


@pytest.fixture(scope="module")
def page(gallery: Path) -> "Page":
    return Page((gallery / "index.html").read_text(encoding="utf-8"))


def test_every_link_is_relative_and_leads_somewhere(gallery: Path, page: "Page") -> None:
    places = [link for link in page.links if not link.startswith(("#", "data:"))]
    # Two figures with five links each at least, so that an empty page cannot pass.
    assert len(places) >= 2 * 5 and all((gallery / place).is_file() for place in places)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    # No absolute path and no address: the folder can be moved, zipped and opened without a network.
    assert not any(Path(place).is_absolute() or ":" in place for place in places)


def test_no_file_is_left_over_and_no_script_is_needed(gallery: Path, page: "Page") -> None:
    shown = {place for link in page.links if (place := gallery / link).is_file()} | {gallery / "index.html"}
    assert {path for path in gallery.rglob("*") if path.is_file()} == shown
    assert "script" not in page.tags


def test_verdicts_come_before_figures_each_as_a_word_with_its_sign(page: "Page") -> None:
    assert page.text.index("0.21 points [−0.08 to 0.50]") < page.text.index("Early stopping <figure_1>")
    for word in ("agrees", "disagrees", "inconclusive", "not judged at this scale"):
        assert word in page.text
    assert page.links.count("#inconclusive") == 2 + 3  # one row in each paper, and the three tallies


def test_each_picture_has_a_text_and_the_svg_its_png_beside_it(page: "Page") -> None:
    pictures = page.attributes("img")
    assert len(pictures) == 2 and all(picture["alt"].startswith("Early-stop iteration") for picture in pictures)
    assert [picture["src"] for picture in pictures] == [
        source["srcset"].replace(".svg", ".png") for source in page.attributes("source")
    ]


def test_tables_tell_their_headings_and_captions(page: "Page") -> None:
    assert page.attributes("html")[0]["lang"] == "en-GB"
    assert all(heading.get("scope") in ("col", "row", "rowgroup") for heading in page.attributes("th"))
    assert page.tags.count("table") == 3 and page.tags.count("caption") == 2
    assert page.tags.count("h1") == 1


def test_substituted_data_are_named_at_the_top(page: "Page") -> None:
    assert page.text.index("Not the original pixels.") < page.text.index("Verdicts")
    assert "CIFAR-10 (JPEG copy)" in page.text and "demo: every figure in minutes on a laptop" in page.text


def test_departures_and_costs_are_told(page: "Page") -> None:
    for words in ("runs.lenet.training.steps", "50000", "2000", "left out", "not set", "closest to figure 3"):
        assert words in page.text
    assert "None: every setting is the paper's." in page.text
    for words in ("train_dense", "1 min 15 s", "812 MB", "+ 1 elsewhere", "3f9a0c2e1d", "2.13.0"):
        assert words in page.text


def test_records_of_a_run_travel_with_the_page(gallery: Path) -> None:
    record = json.loads((gallery / "records/lottery_ticket/lenet.json").read_text())
    assert [each["settings"]["steps"] for each in record.values()] == [2000]
    # A run without records.
    assert not (gallery / "records/lottery_ticket/conv_2.json").exists()


def test_the_same_results_give_the_same_page(gallery: Path, tmp_path: Path) -> None:
    again = pages.built(tmp_path)
    assert (again / "index.html").read_bytes() == (gallery / "index.html").read_bytes()


def test_a_new_gallery_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "stale.svg").touch()
    assert not (pages.built(tmp_path) / "stale.svg").exists()


def test_what_a_killed_build_left_is_swept_away(tmp_path: Path) -> None:
    """By the next build; and the removal of half-written files by the job, which comes before it, meets no folder."""
    left = tmp_path / ".all.new"
    left.mkdir()
    (left / "stale.svg").touch()
    remove_temporaries(tmp_path / "all")
    assert not (pages.built(tmp_path) / "stale.svg").exists()
    assert not left.exists()


def test_a_missing_figure_is_named_and_nothing_is_left_behind(tmp_path: Path) -> None:
    pages.built(tmp_path)
    shutil.rmtree(tmp_path / "all")
    (tmp_path / "figure_1.pdf").unlink()
    paper = pages._paper(tmp_path, [tmp_path / "figure_1"], "lottery_ticket")
    with pytest.raises(ReproofError, match=r"figure_1\.pdf: cannot be copied into the gallery \(No such file"):
        build_gallery(
            output=tmp_path / "all", papers=[paper], scale="", data=[], benchmarks={}, versions={}, fingerprint=""
        )
    # Neither a gallery nor the temporary folder of its build.
    assert not [path for path in tmp_path.iterdir() if "all" in path.name]


def test_verdicts_are_counted_in_the_order_of_the_page(gallery: Path) -> None:
    claims = read_claims(str(gallery / "verdicts" / "lottery_ticket.parquet"))
    assert [(verdict, n) for verdict, _, n in count_verdicts(claims)] == [
        ("agrees", 1),
        ("disagrees", 1),
        ("inconclusive", 1),
        ("not judged at this scale", 2),
    ]


def test_costs_are_summed_over_jobs_and_sorted(tmp_path: Path) -> None:
    for name, row in {"a": "10\t0:00:10\t100", "b": "20\t0:00:20\t300.5", "c": "0.1\t0:00:00\tNA"}.items():
        (tmp_path / f"{name}.tsv").write_text(f"s\th:m:s\tmax_rss\n{row}\n")
    prune, retrain = read_costs(
        # "gone" is a result that was pulled: no benchmark file. "NA" is a job too short for Snakemake to sample its
        # memory.
        {"retrain": [tmp_path / "a.tsv", tmp_path / "b.tsv"], "prune": [tmp_path / "c.tsv", "gone"]}
    )[::-1]
    assert (retrain.rule, retrain.jobs, retrain.seconds, retrain.longest, retrain.memory) == (
        "retrain",
        2,
        30,
        20,
        300.5,
    )
    assert (prune.rule, prune.jobs, prune.unknown, prune.seconds, prune.memory) == ("prune", 1, 1, 0.1, None)


def test_time_spans_read_well() -> None:
    assert [format_duration(span) for span in (0.0, 0.41, 59.4, 59.7, 75, 3600, 7020, 200000)] == [
        *("0.0 s", "0.4 s", "59 s", "1 min", "1 min 15 s", "1 h", "1 h 57 min", "2 d 7 h"),
    ]


def test_settings_read_as_in_the_paper_file() -> None:
    assert format_setting({"fc": 0.2, "draws": {"n": 3}}) == "fc: 0.2, draws: {n: 3}"
    assert [format_setting(value) for value in ("adam", [0, 2], True, 5)] == ["adam", "[0, 2]", "yes", "5"]


def test_an_effect_is_told_with_its_interval_and_unit() -> None:
    nan = float("nan")
    row = {"effect": 1.4567, "low": 1.2, "high": float("inf"), "unit": "times"}
    assert format_effect(row) == "1.46 times [1.20 to ∞]"
    assert format_effect(row | {"low": nan, "high": nan}) == "1.46 times"
    assert format_effect(row | {"effect": nan}) == ""


def test_no_line_begins_with_a_per_cent_sign() -> None:
    assert tie_percent_signs("from 100 % to 21 %.") == "from 100\N{NO-BREAK SPACE}% to 21\N{NO-BREAK SPACE}%."


class Page(HTMLParser):
    """The parts of a page that the tests look at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self._elements: list[tuple[str, dict[str, str]]] = []
        self._texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_data(self, data: str) -> None:
        self._texts.append(data)

    def attributes(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self._elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join("".join(self._texts).replace("\N{NO-BREAK SPACE}", " ").split())

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self._elements if "id" in attributes]

    @property
    def links(self) -> list[str]:
        return list(self._links())

    def _links(self) -> Iterator[str]:
        for _, attributes in self._elements:
            yield from (attributes[key] for key in ("href", "src", "srcset") if key in attributes)


def test_judged_claims_come_first_and_their_findings_end_before_what_has_a_column(tmp_path):
    rows = [
        {"claim": "B1", "judged": False, "verdict": "not judged at this scale", "sentence": "x is 1; expected 2: so."},
        {"claim": "B2", "judged": True, "verdict": "agrees", "sentence": "y is 3 (95 %); expected 2: agrees."},
    ]
    fields = {"effect": 1.0, "unit": "", "low": 0.0, "high": 2.0, "interval": "95 %", "n": 3}
    write_parquet(tmp_path / "verdicts.parquet", pd.DataFrame([row | fields for row in rows]))
    claims = read_claims(str(tmp_path / "verdicts.parquet"))
    assert [(row["claim"], row["finding"]) for row in claims] == [("B2", "y is 3 (95 %)."), ("B1", "x is 1.")]


@pytest.mark.parametrize(
    ("verdict", "one", "several"),
    [("agrees", "agrees", "agree"), ("disagrees", "disagrees", "disagree"), ("inconclusive",) * 3],
)
def test_a_count_of_verdicts_can_be_read_aloud(verdict: str, one: str, several: str) -> None:
    assert [count_verdicts([{"verdict": verdict}] * n)[0][0] for n in (1, 2, 4)] == [one, several, several]
