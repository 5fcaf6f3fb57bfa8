"""The mark of a criterion, apart from the criteria: so a new one prunes nothing anew."""

from collections.abc import Callable

from reproof.files import Array

Criterion = Callable[[Array, Array], Array]


def criterion(function: Criterion) -> Criterion:
    """Mark a function of a layer's initial and final weights as a criterion, to be found by name."""
    return function
