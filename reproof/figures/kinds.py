"""Register kinds of figure: each has a pure `select` (tables to a tidy table) and a pure `plot` (that to a figure)."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from reproof.figures.quantities import declare_quantities
from reproof.figures.style import Look
from reproof.metrics import Metric
from reproof.storage.files import ReproofError

Select = Callable[..., pd.DataFrame]
Plot = Callable[[pd.DataFrame, Look], Figure]
Finding = Callable[[pd.DataFrame, Mapping[str, str]], str]  # of a table and the titles of runs


@dataclass(frozen=True)
class Kind:
    """One kind of figure.

    `reading` is the part of the caption that explains the marks; `published` names the marks of published values;
    `finding` states in one sentence what the numbers of a table show.
    """

    name: str
    select: Select
    plot: Plot
    reading: str
    published: str = "Hollow marks"
    finding: Finding | None = None

    def select_table(
        self,
        *,
        tables: Mapping[str, pd.DataFrame],
        columns: Sequence[Sequence[str]],
        references: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
    ) -> pd.DataFrame:
        """Return the tidy table of this figure; raise ReproofError for an unknown option."""
        # The first three parameters are the tables, columns and references; the others are options.
        known = list(inspect.signature(self.select).parameters)[3:]
        for option in options:
            if option not in known:
                raise ReproofError(
                    f"figure kind {self.name}: no option {option!r}; it has {', '.join(known) or 'none'}"
                )
        return self.select(tables, columns, references, **options)


# Filled when a module with kinds is imported; `reproof.figures.drawing` imports them all.
KINDS: dict[str, Kind] = {}


def figure(
    *,
    plot: Plot,
    reads: Callable[[Mapping[str, Any]], Sequence[str | tuple[str, ...]]],
    reading: str,
    published: str = "Hollow marks",
    finding: Finding | None = None,
    quantities: Sequence[Metric] = (),
) -> Callable[[Select], Select]:
    """Register the decorated `select(tables, columns, references, **options)` as a kind of figure drawn by `plot`.

    `tables` maps "measurements", "curves" and "movement" to tidy tables; `columns` lists the overlaid runs of each
    panel; `references` are published values. The selected table has at least the columns `run`, `quantity`, `trials`.
    Its rows with `trials` 0 are published values, or fill the place of what was not measured. `reads` returns the
    metrics that each run must have for this figure, from the options that the configuration gives; of a tuple, each run
    must have one, and of each some run. Planning reads it by `reproof.declarations.evaluate`. `quantities` declares
    what the kind derives from metrics: each `quantity` of the table is a metric or one of these. The name of the
    function is the public name of the kind. `finding` makes the first sentence of the caption from the selected table
    and the titles of runs (`reproof.figures.findings`); kinds of pictures have none.
    """

    def register(select: Select) -> Select:
        declare_quantities(select.__name__, quantities)
        KINDS[select.__name__] = Kind(select.__name__, select, plot, reading, published, finding)
        return select

    return register


def find_table(tables: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """Return the table of this name; raise ReproofError if the caller did not pass it."""
    if name not in tables:
        raise ReproofError(
            f"tables: {name}.parquet is needed for this figure and was not given; add it to the rule's inputs"
        )
    return tables[name]
