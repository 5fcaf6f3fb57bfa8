"""Verdicts as a Markdown table, for a paper's page in docs/ or for a thesis."""

from collections.abc import Hashable

import pandas as pd

HEAD = ("claim", "the paper says", "verdict", "measured", "published")


def write_table(verdicts: pd.DataFrame) -> str:
    """Return the judged claims as a table, one a line, and the number of those not judged.

    `verdicts` has the columns of `reproof.judging.claims.Verdict`.
    """
    judged = verdicts[verdicts["judged"]]
    rows = [HEAD, ("---",) * len(HEAD), *map(_list_cells, judged.to_dict("records"))]
    # A plain bar would end the cell; the sign in its place looks like one (U+2223).
    lines = [f"| {' | '.join(cell.replace('|', '∣') for cell in row)} |" for row in rows]
    return "\n".join([*lines, "", _count_unjudged(len(verdicts) - len(judged))])


def _list_cells(verdict: dict[Hashable, object]) -> tuple[str, ...]:
    measured = str(verdict["sentence"]).partition("; ")[0].rstrip(".")  # what follows is the verdict, in words
    return str(verdict["claim"]), str(verdict["says"]), f"**{verdict['verdict']}**", measured, str(verdict["published"])


def _count_unjudged(count: int) -> str:
    if not count:
        return "Every claim is judged at this scale."
    return f"{count} further claim{'s' if count > 1 else ''}: not judged at this scale."
