"""Tests that every quantity of a figure is declared, so that its axis carries the right unit."""

import pandas as pd
import pytest
import tables

from reproof.figures import KINDS, Context, draw
from reproof.figures.quantities import declare_quantities, find_quantity
from reproof.figures.words import label_quantity
from reproof.metrics import COUNT, SHARE, Metric
from reproof.storage.files import ReproofError

CONTEXT = Context("demo", ("MNIST",), 0)
TABLES = {
    "measurements": pd.concat(
        [tables.measurements(("lenet",)), tables.layers(("lenet",)), tables.copies(), tables.masks(), tables.attacks()]
    ).fillna({"part": ""}),
    "curves": tables.curves(("lenet",)),
    "movement": tables.movement(),
}


def test_an_axis_that_says_per_cent_shows_per_cent() -> None:
    drawing = draw("accuracy_during_training", tables=TABLES, runs=["lenet"], context=CONTEXT)
    axes = drawing.figure.axes[0]
    assert axes.get_ylabel().endswith("Test accuracy (%)")
    low, high = axes.get_ylim()
    assert low > 1 and high > 50


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_quantity_that_a_kind_derives_is_declared(kind: str) -> None:
    table = draw(kind, tables=TABLES, runs=["lenet"], context=CONTEXT).table
    for quantity in table["quantity"].dropna().unique() if "quantity" in table else ():
        assert quantity == "" or find_quantity(quantity).name


def test_a_place_after_the_name_keeps_the_unit() -> None:
    found = find_quantity("Test accuracy, iteration 30")
    assert (found.unit, found.in_legend) == (SHARE, "Test accuracy, iteration 30")
    assert label_quantity("Test accuracy, iteration 30") == "Test accuracy, iteration 30 (%)"


def test_an_undeclared_quantity_is_refused_by_name() -> None:
    with pytest.raises(ReproofError, match="nothing declares the quantity 'speed', so its unit is unknown; add Metric"):
        find_quantity("speed, late")


def test_two_kinds_cannot_declare_one_quantity_with_different_units() -> None:
    declare_quantities("accuracy_during_training", [Metric("Test accuracy", SHARE)])
    with pytest.raises(ReproofError, match="figure kind pie: another kind declares 'Test accuracy'"):
        declare_quantities("pie", [Metric("Test accuracy", COUNT)])
