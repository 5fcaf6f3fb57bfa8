"""Vouch that the code as it is makes the same tables: python -m workflow.vouch SCALE "why".

For a change of code that leaves every bit of certain results as it is, and was seen to. Tables that were pulled alone
would be refused for it; this writes into dvc.yaml, with the reason, that they are what the new code makes too. What
made them stays told beside it.
"""

import sys
from pathlib import Path

from reproof.configuration import read_configuration
from reproof.files import ReproofError
from reproof.plan import Plan
from reproof.publishing import STAGE, PublishedCode, compute_code, find_tables_of_other_code, write_stage
from reproof.yaml_files import read_yaml


def main(scale: str, because: str, file: Path = Path("dvc.yaml")) -> None:
    """Write the codes of a scale's tables that are there alone and would be refused."""
    try:
        plan = _plan(scale)
        refused = find_tables_of_other_code(plan, PublishedCode.read(file))
        if not refused:
            raise ReproofError(f"results/tables/{scale}: nothing that was pulled alone is of other code than this")
        if not because.strip():
            raise ReproofError("say why: which trainings were run by both codes, and gave the same bits")
        content = read_yaml(file)
    except ReproofError as error:
        sys.exit(f"error: {error}")
    code = {plan.tables(paper): compute_code(plan, paper) for paper in refused}
    content["stages"][STAGE]["meta"].setdefault("same", []).append({"because": because, "code": code})
    write_stage(content, file)
    print(f"vouched for: {', '.join(code)}")


def _plan(scale: str) -> Plan:
    return Plan(read_configuration(read_yaml(Path("config/config.yaml")) | {"scale": scale}))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit('error: python -m workflow.vouch SCALE "why"')
    main(*sys.argv[1:])
