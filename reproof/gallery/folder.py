"""Build the folder of the gallery: the page and every file that it links to."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from reproof.gallery.costs import read_costs
from reproof.gallery.page import PageFigure, render_page
from reproof.gallery.shapes import FigureEntry, Paper
from reproof.storage.files import ReproofError, read_json, write_json, write_text

# The page shows SVG, and PNG to readers without it; all four are links below the figure.
FORMATS = ("svg", "png", "pdf", "parquet")


def build_gallery(
    *,
    output: Path,
    papers: Sequence[Paper],
    scale: str,
    data: Sequence[str],
    benchmarks: Mapping[str, Sequence[str | Path]],
    versions: Mapping[str, str],
    fingerprint: str,
) -> None:
    """Write the folder `output`: index.html, figures/, records/ and verdicts/. It can be moved or zipped.

    `data` holds the labels of the data sets, `benchmarks` {rule: benchmark files}, `versions` {package: version},
    `fingerprint` that of the code. Raises ReproofError, and a failed build leaves no files.
    """
    with _replace_folder(output) as folder:
        shown = {paper["name"]: _copy_figures(folder, paper) for paper in papers}
        for paper in papers:
            _copy(Path(paper["verdicts"]), folder / "verdicts" / f"{paper['name']}.parquet")
        text = render_page(
            papers=papers,
            figures=shown,
            scale=scale,
            data=data,
            costs=read_costs(benchmarks),
            versions=versions,
            fingerprint=fingerprint,
        )
        write_text(folder / "index.html", text)


def _copy_figures(folder: Path, paper: Paper) -> list[PageFigure]:
    """Copy the figures of a paper and the records of their runs; return the figures for the page."""
    records = read_json(paper["runs"])
    # A figure may name runs that this scale leaves out; they have no records.
    shown = [(entry, [run for run in entry["runs"] if run in records]) for entry in paper["figures"]]
    for run in {run for _, runs in shown for run in runs}:
        write_json(folder / "records" / paper["name"] / f"{run}.json", records[run])
    return [_copy_figure(folder, paper["name"], entry, runs) for entry, runs in shown]


def _copy_figure(folder: Path, paper: str, entry: FigureEntry, runs: Sequence[str]) -> PageFigure:
    stem = Path(entry["stem"])
    for suffix in FORMATS:
        _copy(stem.with_name(f"{stem.name}.{suffix}"), folder / "figures" / paper / f"{stem.name}.{suffix}")
    return PageFigure(
        name=stem.name,
        title=entry["title"],
        where=entry["where"],
        records={run: f"records/{paper}/{run}.json" for run in runs},
        files={suffix: f"figures/{paper}/{stem.name}.{suffix}" for suffix in FORMATS},
        # Caption, alternative text, width and height, as `reproof.figures.save` wrote them.
        **read_json(stem.with_name(f"{stem.name}.json")),
    )


def _copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise ReproofError(
            # `strerror` is the plain sentence of the system ("No space left on device").
            f"{source}: cannot be copied into the gallery ({error.strerror or error}); run Snakemake again"
        ) from error


@contextmanager
def _replace_folder(output: Path) -> Iterator[Path]:
    """Yield a temporary folder next to `output`; replace `output` by it on success, remove it on any error.

    A leftover of a killed build is removed first. The name has no ".tmp", which `remove_temporaries` would remove.
    """
    # Next to the output, because a rename across file systems fails.
    temporary = output.with_name(f".{output.name}.new")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        shutil.rmtree(output, ignore_errors=True)  # `os.replace` refuses a folder that is not empty
        os.replace(temporary, output)
    except OSError as error:
        raise ReproofError(
            f"{output}: cannot be written ({error.strerror or error}); free space or mend rights"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
