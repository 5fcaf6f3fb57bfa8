"""What makes the planning of a large graph faster, beside Snakemake: no number of it changes."""

import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any

WRAPPED_AS = ("callable", "_evaluator")  # what Snakemake keeps a function in


def tell_signatures(rules: Iterable[Any]) -> None:
    """Write down what each function of the rules takes.

    Snakemake asks each time before it calls one, a dozen times a job; what a function tells of itself is looked up, not
    worked out. A function that is kept in some other way is asked as before.
    """
    found = {
        function for rule in rules for one in (*rule.input, *rule.params, *rule.resources.values())
        for function in _functions(one)
    }  # fmt: skip
    for function in found:
        function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]


def _functions(value: Any) -> Iterator[Callable[..., Any]]:
    if inspect.isfunction(value):
        yield value
    for name in WRAPPED_AS:
        inner = getattr(value, name, None)
        if inner is not None and not isinstance(inner, str):
            yield from _functions(inner)
