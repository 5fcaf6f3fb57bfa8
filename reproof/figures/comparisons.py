"""Leave out of a figure the runs that a scale lacks, and comparisons whose partner is missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reproof.figures.words import ABSENT, format_run_title, list_runs

Columns = list[list[str]]


def list_measured_panels(table: pd.DataFrame, columns: Sequence[Sequence[str]], options: Mapping[str, Any]) -> Columns:
    """Return the panels with the runs that were measured, without panels that no longer compare anything.

    A panel of several runs compares them, and needs two. A figure that asks for several arms compares arms: a panel
    needs two of them.
    """
    measured = table[table["trials"] > 0]
    arms = {str(run): set(rows["arm"]) for run, rows in measured.groupby("run")} if "arm" in measured else {}
    least = 2 if len(options.get("arms") or ()) > 1 else 1
    # A network on which examples of others were tested is a part of these.
    named = set(measured["run"]) | set(measured.get("part", ()))
    found = [[run for run in column if run in named] for column in columns]
    return [
        here
        for column, here in zip(columns, found, strict=True)
        if len(here) >= min(len(column), 2) and (not arms or max(len(arms.get(run, ())) for run in here) >= least)
    ]


def describe_left_out(
    table: pd.DataFrame, columns: Sequence[Sequence[str]], shown: Sequence[Sequence[str]], titles: Mapping[str, str]
) -> list[str]:
    """Return a sentence on the runs that were not measured, and one on those whose partner was not."""
    rows = table[table["trials"] > 0]
    measured = set(rows["run"]) | set(rows.get("part", ()))
    missing = [run for run in list_runs(columns) if run not in list_runs(shown)]
    words = {
        f"{ABSENT.capitalize()}: ": [run for run in missing if run not in measured],
        "Left out, because what it is compared with was not run: ": [run for run in missing if run in measured],
    }
    return [
        f"{start}{'; '.join(format_run_title(run, titles) for run in runs)}." for start, runs in words.items() if runs
    ]
