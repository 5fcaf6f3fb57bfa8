"""Print a paper's verdicts at a scale as Markdown: python -m workflow.verdicts PAPER SCALE, or `make verdicts`."""

from pathlib import Path

from reproof.experiments.configuration import describe_unknown, list_names, read_configuration
from reproof.experiments.strict_yaml import make_complaint, read_yaml
from reproof.judging.markdown import write_table
from reproof.planning.plan import Plan
from reproof.storage.files import ROOT, ReproofError, read_parquet
from reproof.storage.reading import guard_reading
from reproof.storage.shell import quote_paths
from workflow.command import run_command


def main(paper: str, scale: str) -> None:
    """Print the table; raise ReproofError if the scale or the paper is unknown, or was not run."""
    config = read_yaml(ROOT / "config/config.yaml")
    papers = list_names(ROOT / "config/papers")
    if paper not in papers:
        raise make_complaint(ROOT / "config/papers", "PAPER", describe_unknown(paper, tuple(papers)))
    plan = Plan(read_configuration(config | {"scale": scale, "papers": [paper]}))
    verdicts = f"{plan.locate_tables(paper)}/verdicts.parquet"
    if not Path(verdicts).exists():
        command = f"snakemake --cores all --config {quote_paths([f'scale={scale}', f'papers=[{paper}]'])} -- {verdicts}"
        also = " or: make pull" if paper in (plan.configuration.publish or {}) else ""
        raise ReproofError(f"{verdicts}: is not there, because it was not run here; make it with: {command}{also}")
    with guard_reading(verdicts):  # a sound table may have other columns
        table = write_table(read_parquet(verdicts))
    print(table)


if __name__ == "__main__":
    run_command(main, "python -m workflow.verdicts PAPER SCALE")
