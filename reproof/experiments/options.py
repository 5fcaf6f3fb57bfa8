"""Checks of options that the configuration gives to a registered function: unknown, missing, or of another type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from reproof import registry
from reproof.experiments.configuration import describe_unknown
from reproof.experiments.option_types import find_type_problem, make_exact

Problem = tuple[str, str]  # (key below the run, what is wrong)
FACTORY_ARGUMENTS = {"input_shape", "classes"}


@dataclass(frozen=True)
class Signature:
    """The options of a registered function: all, the values of those that may be left out, their annotations."""

    options: frozenset[str]
    defaults: Mapping[str, Any]
    annotations: Mapping[str, str]


@cache
def read_signature(where: str, decorator: str, name: str) -> Signature:
    """Return the options of a registered function; its source is read once, however many runs name it."""
    which = where, decorator, name
    return Signature(
        frozenset(registry.list_options(*which)), registry.read_defaults(*which), registry.read_annotations(*which)
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
    for key in sorted(its.annotations.keys() & set(given)):
        problem = find_type_problem(its.annotations[key], given[key])
        if problem:
            yield f"{at}.{key}", problem


def make_exact_options(given: Mapping[str, Any], which: tuple[str, str, str]) -> dict[str, Any]:
    """Return options with integers as floats where the registered function asks for floats.

    The options of an unknown function stay as they are: a check names it later.
    """
    known = which[2] in registry.list_registered(*which[:2])
    annotations = read_signature(*which).annotations if known else {}
    return {key: make_exact(annotations[key], one) if key in annotations else one for key, one in given.items()}
