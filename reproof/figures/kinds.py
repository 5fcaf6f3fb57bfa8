"""The kinds of figure: each a pure `select` (tables to one tidy table) and a pure `plot` (that table to a picture)."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from reproof.figures.style import Look
from reproof.storage.files import ReproofError

Select = Callable[..., pd.DataFrame]
Plot = Callable[[pd.DataFrame, Look], Figure]


@dataclass(frozen=True)
class Kind:
    """One kind of figure.

    `reading` is the sentence of the caption that says how to read it, `published` how published values are shown.
    """

    name: str
    select: Select
    plot: Plot
    reading: str
    published: str = "Hollow marks"

    def select_table(
        self,
        *,
        tables: Mapping[str, pd.DataFrame],
        columns: Sequence[Sequence[str]],
        references: Sequence[Mapping[str, Any]],
        options: Mapping[str, Any],
    ) -> pd.DataFrame:
        """Return the tidy table of this figure; raise ReproofError for an option that the kind does not have."""
        known = list(inspect.signature(self.select).parameters)[3:]
        for option in options:
            if option not in known:
                raise ReproofError(
                    f"figure kind {self.name}: no option {option!r}; it has {', '.join(known) or 'none'}"
                )
        return self.select(tables, columns, references, **options)


KINDS: dict[str, Kind] = {}


def figure(*, plot: Plot, reading: str, published: str = "Hollow marks") -> Callable[[Select], Select]:
    """Register the decorated `select(tables, columns, references, **options)` as a kind of figure drawn by `plot`.

    `tables` maps "measurements", "curves" and "movement" to tidy tables; `columns` lists, panel by panel, the runs laid
    over one another; `references` are published values. The function's own name is the kind's public name.
    """

    def register(select: Select) -> Select:
        KINDS[select.__name__] = Kind(select.__name__, select, plot, reading, published)
        return select

    return register


def find_table(tables: Mapping[str, pd.DataFrame], name: str) -> pd.DataFrame:
    """Return a table that a kind of figure needs; raise ReproofError if the caller left it out."""
    if name not in tables:
        raise ReproofError(
            f"tables: {name}.parquet is needed for this figure and was not given; add it to the rule's inputs"
        )
    return tables[name]
