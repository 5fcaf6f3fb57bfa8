"""Comparisons of which both sides are at a floor or at the ceiling: they show nothing, whatever their interval is.

Two attacks that leave no accuracy are not equally strong, and two networks that learned nothing are not equally good.
A side is at a floor if its share is 0 in all seeds, or if it is the accuracy of networks at chance. It is at the
ceiling if its share is 1 in all seeds. "0" and "1" are exact: not one example is otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from reproof.judging.rows import Unmeasured, find_rows, place_rows
from reproof.judging.terms import Term
from reproof.metrics import find_metric, is_near_chance
from reproof.settings import USUAL_CLASSES

ATTACKED = "epsilon"  # the axis of accuracies under attack; their place 0 is no attack
ROUNDING = 1e-9

Array = npt.NDArray[np.float64]


def describe_standstill(
    terms: Sequence[Term], values: Sequence[Array], table: pd.DataFrame, classes: Mapping[str, int]
) -> str:
    """Return why two sides compare nothing, "" if they compare something, or are no shares.

    `values` [seeds] belong to the `terms`. `classes` is {run: number of classes} of the runs that have other than ten,
    0 if unknown. The `table` is that of `complete_table`.
    """
    sides = list(zip(terms, values, strict=True))
    if not all(_is_share(term) and each.ndim == 1 for term, each in sides):
        return ""
    if all(np.all(each >= 1 - ROUNDING) for each in values):
        return "both sides are at 100 % in all seeds, so that nothing is compared"
    zero = [bool(np.all(np.abs(each) <= ROUNDING)) for each in values]
    if all(zero):
        return "both sides are at 0 % in all seeds, so that nothing is compared"
    # One side at 0 and the other at chance: a network that learned nothing, next to one that an attack fools entirely.
    floors = [low or _is_at_chance(term, each, table, classes) for low, (term, each) in zip(zero, sides, strict=True)]
    return "" if not all(floors) else f"{_name_floors(zero)}, so that nothing is compared"


def _name_floors(zero: Sequence[bool]) -> str:
    return "one side is at 0 % and the other at chance" if any(zero) else "both sides are at chance"


def _is_share(term: Term) -> bool:
    # A reach is a place on an axis, not a share of examples.
    return term.reach is None and find_metric(term.metric).is_share


def _is_at_chance(term: Term, values: Array, table: pd.DataFrame, classes: Mapping[str, int]) -> bool:
    """Return True if the accuracies are near chance in all seeds. A network under attack must be so without it."""
    count = classes.get(term.run, USUAL_CLASSES)
    if not count or "accuracy" not in term.metric:
        return False
    # An attack takes any network past chance on the way to 0, where accuracies still compare.
    shown = [values, *([_read_unattacked(term, table)] if find_metric(term.metric).axis == ATTACKED else [])]
    return all(each.size > 0 and all(is_near_chance(one, count) for one in each) for each in shown)


def _read_unattacked(term: Term, table: pd.DataFrame) -> Array:
    """Return the accuracies of a side without attack, of all seeds; none if they were not measured."""
    try:
        rows = place_rows(find_rows(table, term), replace(term, at={**term.at, "at": 0.0}))
    except Unmeasured:
        return np.array([])
    return rows["value"].to_numpy(dtype=float)
