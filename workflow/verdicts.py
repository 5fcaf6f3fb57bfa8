"""Print a paper's verdicts at a scale as Markdown: python -m workflow.verdicts PAPER SCALE, or `make verdicts`."""

import sys

from reproof.experiments.configuration import describe_unknown, list_names, read_configuration
from reproof.experiments.strict_yaml import make_complaint, read_yaml
from reproof.judging.markdown import write_table
from reproof.planning.plan import Plan
from reproof.storage.files import ROOT, ReproofError, read_parquet


def main(paper: str, scale: str) -> None:
    """Print the table, or say in one line why not."""
    try:
        config = read_yaml(ROOT / "config/config.yaml")
        papers = list_names(ROOT / "config/papers")
        if paper not in papers:
            raise make_complaint(ROOT / "config/papers", "PAPER", describe_unknown(paper, tuple(papers)))
        plan = Plan(read_configuration(config | {"scale": scale, "papers": [paper]}))
        print(write_table(read_parquet(f"{plan.locate_tables(paper)}/verdicts.parquet")))
    except ReproofError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
