"""Values of options against the annotations of the functions that take them: nothing is imported, text is compared."""

import ast
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from reproof.experiments.yaml_scalars import describe_no_integer, describe_no_number, shorten

LISTS, MAPPINGS = ("Sequence", "list", "tuple"), ("Mapping", "dict")


def find_type_problem(annotation: str, value: Any) -> str:
    """Return what is wrong with the type of a value, with the remedy; "" if it has the annotated type.

    An annotation that is none of the plain types, their lists, mappings and unions says nothing about the value.

    >>> find_type_problem("int", 2.0), find_type_problem("Sequence[float]", [1, 0.5])
    ('2.0 is no integer; write 2', '')
    """
    return _find_problem(_parse(annotation), value)


def make_exact(annotation: str, value: Any) -> Any:
    """Return the value with integers as floats where the annotation asks for floats: 1 and 1.0 name one run.

    >>> make_exact("Sequence[float]", [1, 0.5]), make_exact("int", 1)
    ([1.0, 0.5], 1)
    """
    return _convert(_parse(annotation), value)


@cache
def _parse(annotation: str) -> ast.expr:
    return ast.parse(annotation, mode="eval").body


def _find_problem(kind: ast.expr, value: Any) -> str:
    if isinstance(kind, ast.BinOp):
        found = [_find_problem(one, value) for one in (kind.left, kind.right)]
        return "" if "" in found else found[0]
    if isinstance(kind, ast.Subscript):
        return _find_problem_within(kind, value)
    if isinstance(kind, ast.Constant) and kind.value is None:
        return "" if value is None else "is not null"
    check = CHECKS.get(kind.id) if isinstance(kind, ast.Name) else None
    return check(value) if check else ""


def _find_problem_within(kind: ast.Subscript, value: Any) -> str:
    """Return the first problem of the values of a list or mapping."""
    name, inner = ast.unparse(kind.value), _get_inner(kind)
    if name in LISTS:
        if not isinstance(value, list | tuple):
            return f"{shorten(str(value))!r} is no list; write [{shorten(str(value))}]"
        return next(filter(None, (_find_problem(inner, one) for one in value)), "")
    if name in MAPPINGS:
        if not isinstance(value, Mapping):
            return f"{shorten(str(value))!r} is no mapping; write {{name: value}}"
        return next(filter(None, (_find_problem(inner, one) for one in value.values())), "")
    return ""


def _convert(kind: ast.expr, value: Any) -> Any:
    if isinstance(kind, ast.BinOp):
        right = _find_problem(kind.left, value)
        return _convert(kind.right if right else kind.left, value)
    if isinstance(kind, ast.Name) and kind.id == "float" and isinstance(value, int | float):
        return value if isinstance(value, bool) else float(value) + 0.0  # of -0.0 as well, which is written otherwise
    if isinstance(kind, ast.Subscript):
        name, inner = ast.unparse(kind.value), _get_inner(kind)
        if name in LISTS and isinstance(value, list | tuple):
            return [_convert(inner, one) for one in value]
        if name in MAPPINGS and isinstance(value, Mapping):
            return {key: _convert(inner, one) for key, one in value.items()}
    return value


def _get_inner(kind: ast.Subscript) -> ast.expr:
    """Return the annotation of the items of a list, or of the values of a mapping."""
    if not isinstance(kind.slice, ast.Tuple):
        return kind.slice
    return kind.slice.elts[0 if ast.unparse(kind.value) in LISTS else -1]


def _check_integer(value: Any) -> str:
    if isinstance(value, float):
        return describe_no_integer(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return describe_no_number(value)
    # Python would count from the end: `examples: -1` would be all but the last.
    return f"{value} is below 0, and all integers here are counts; write 0 or more" if value < 0 else ""


def _check_float(value: Any) -> str:
    return "" if isinstance(value, int | float) and not isinstance(value, bool) else describe_no_number(value)


def _check_text(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return f"{value!r} is not text; quote it"
    return "" if isinstance(value, str) else f"{shorten(str(value))!r} is not text"


def _check_boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else f"{shorten(str(value))!r} is neither true nor false; write one of them"


CHECKS: dict[str, Callable[[Any], str]] = {
    "int": _check_integer, "float": _check_float, "str": _check_text, "bool": _check_boolean,
}  # fmt: skip
