"""Checks of options that the configuration gives to a registered function: unknown, missing, or text for a number."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from reproof import registry
from reproof.experiments.configuration import describe_no_number, describe_unknown

Problem = tuple[str, str]  # (key below the run, what is wrong)
FACTORY_ARGUMENTS = {"input_shape", "classes"}


@dataclass(frozen=True)
class Signature:
    """The options of a registered function: all, those that may be left out with the values they have, the numbers."""

    options: frozenset[str]
    defaults: Mapping[str, Any]
    numeric: frozenset[str]


@cache
def read_signature(where: str, decorator: str, name: str) -> Signature:
    """Return the options of a registered function; its source is read once, however many runs name it."""
    which = where, decorator, name
    return Signature(
        frozenset(registry.list_options(*which)), registry.read_defaults(*which), registry.list_numeric_options(*which)
    )


def find_option_problems(
    at: str, given: Mapping[str, Any], which: tuple[str, str, str], besides: tuple[str, ...] = ()
) -> Iterator[Problem]:
    """Yield the errors in the options of a registered function; `besides` are keys that belong to its entry instead."""
    its = read_signature(*which)
    options = its.options - FACTORY_ARGUMENTS
    for key in sorted(set(given) - options):
        yield f"{at}.{key}", describe_unknown(key, (*sorted(options), *besides))
    for key in sorted(options - set(given) - set(its.defaults)):
        yield f"{at}.{key}", f"is missing; {which[2]} needs it"
    for key in sorted(its.numeric & set(given)):
        if isinstance(given[key], str | bool) or not isinstance(given[key], int | float):
            yield f"{at}.{key}", describe_no_number(given[key])
