"""What is registered by decorator in the library, found by reading its source: planning must not import torch."""

import ast
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).parent


@cache
def registered(where: str, decorator: str) -> tuple[str, ...]:
    """Return the names of the functions in `where` (a module file or folder of the library) decorated `@decorator`.

    >>> "large_final" in registered("pruning", "criterion")
    True
    """
    place = LIBRARY / where
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return tuple(name for file in files for name in _decorated(file, decorator))


def _decorated(file: Path, decorator: str) -> list[str]:
    functions = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)]
    return [function.name for function in functions if decorator in map(_name, function.decorator_list)]


def _name(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.id if isinstance(node, ast.Name) else ""
