"""Find the declarations of the quantities that figures show: metrics, and what a kind of figure derives from tables."""

from collections.abc import Sequence
from dataclasses import replace

from reproof.metrics import Metric, read_metrics
from reproof.storage.errors import ReproofError

DERIVED: dict[str, Metric] = {}  # {name: declaration}; filled when the modules of kinds are imported


def declare_quantities(kind: str, quantities: Sequence[Metric]) -> None:
    """Add the quantities that a kind of figure derives; raise ReproofError if another kind declares one otherwise.

    Several kinds may derive the same quantity.
    """
    for one in quantities:
        # Two kinds may share a quantity, but a name with two units would draw one of them wrongly.
        if DERIVED.setdefault(one.name, one) != one:
            raise ReproofError(
                f"figure kind {kind}: another kind declares {one.name!r} with another unit or other words; rename it"
            )


def find_quantity(name: str) -> Metric:
    """Return the declaration of a quantity in a figure's table; raise ReproofError if there is none.

    A place may follow the name: "Test accuracy, iteration 30" has the unit of "Test accuracy".
    """
    # A figure with a panel per moment puts the moment into the quantity, because panels are made per quantity.
    base, comma, place = name.partition(", ")
    found = read_metrics().get(base) or DERIVED.get(base)
    if found is None:
        raise ReproofError(
            f"figures: nothing declares the quantity {base!r}, so its unit is unknown; add Metric({base!r}, ...) "
            "to `metrics` of the operation that measures it, or to `quantities` of the kind of figure that derives it"
        )
    return replace(found, words=f"{found.in_legend}, {place}") if comma else found
