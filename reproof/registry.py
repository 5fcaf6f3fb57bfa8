"""Functions registered by decorator, found by parsing the source of the library: planning must not import torch."""

import ast
import importlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from reproof.storage.errors import ReproofError

LIBRARY = Path(__file__).parent
Function = TypeVar("Function", bound=Callable[..., Any])


# `reproof.provenance` looks for this decorator and the next one by name in the source.
def changes_no_result(function: Function) -> Function:
    """Mark code that surrounds the work of a job and computes nothing of its result: fingerprints of code end there.

    Examples are the log, the record and the lookup of functions by name. The function found by name still counts.
    """
    return function


def reads_declarations(function: Function) -> Function:
    """Mark the function that reads declarations: a job that reaches it depends on every declaration."""
    return function


@changes_no_result
def list_registered(where: str, decorator: str, *, library: Path = LIBRARY) -> tuple[str, ...]:
    """Return the names of the functions in `where` (a module file or folder of the library) decorated `@decorator`.

    >>> "large_final" in list_registered("pruning", "criterion")
    True
    """
    # In the order of files and of definitions: figures and messages use it.
    return tuple(_find_modules(where, decorator, library))


def find_module(where: str, decorator: str, name: str, *, library: Path = LIBRARY) -> Path:
    """Return the file that defines the registered function; raise ReproofError with the known names if none does."""
    modules = _find_modules(where, decorator, library)
    if name not in modules:
        raise ReproofError(f"{decorator} {name!r} is unknown; choose one of {', '.join(sorted(modules))}")
    return modules[name]


@changes_no_result
def load(where: str, decorator: str, name: str) -> Callable[..., Any]:
    """Return the registered function itself, importing its module only now."""
    path = find_module(where, decorator, name).relative_to(LIBRARY.parent).with_suffix("")
    # The only place that imports a module by name: a job loads just what its settings name.
    function: Callable[..., Any] = getattr(importlib.import_module(".".join(path.parts)), name)
    return function


@changes_no_result
def list_options(where: str, decorator: str, name: str, *, library: Path = LIBRARY) -> tuple[str, ...]:
    """Return the names of the registered function's keyword-only arguments: its options in the configuration."""
    return tuple(argument.arg for argument in _read_function(where, decorator, name, library).args.kwonlyargs)


def read_defaults(where: str, decorator: str, name: str) -> dict[str, Any]:
    """Return {option: default} of the optional options of the registered function."""
    arguments = _read_function(where, decorator, name).args
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    # `kw_defaults` holds None for an option without a default; the default None is a node.
    return {option.arg: ast.literal_eval(value) for option, value in pairs if value is not None}


def read_annotations(where: str, decorator: str, name: str) -> dict[str, str]:
    """Return {option: text of its annotation} of the annotated options of the registered function."""
    arguments = _read_function(where, decorator, name).args.kwonlyargs
    # As text: nothing of the module is executed.
    return {one.arg: ast.unparse(one.annotation) for one in arguments if one.annotation}


def find_function(tree: ast.Module, decorator: str, name: str) -> ast.FunctionDef:
    """Return the function of this name that a parsed module registers; raise ValueError unless there is exactly one."""
    (function,) = [node for node in _list_functions(tree, decorator) if node.name == name]
    return function


def find_decorator_call(function: ast.FunctionDef, decorator: str) -> ast.Call | None:
    """Return the call `decorator(...)` above a function; None where the decorator has no arguments."""
    (node,) = [node for node in function.decorator_list if _get_name(node) == decorator]
    return node if isinstance(node, ast.Call) else None


def _read_function(where: str, decorator: str, name: str, library: Path = LIBRARY) -> ast.FunctionDef:
    return find_function(parse_module(find_module(where, decorator, name, library=library)), decorator, name)


@cache
def parse_module(path: Path) -> ast.Module:
    """Return the syntax tree of a module. The tree is cached and shared, so no caller may change it."""
    # Planning asks for hundreds of declarations of a few dozen modules.
    return read_source(path)


def read_source(path: Path) -> ast.Module:
    """Return the syntax tree of a module as it is now; raise ReproofError if it is no Python."""
    try:
        return ast.parse(path.read_text(encoding="utf-8"), path.name)
    except (OSError, SyntaxError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ReproofError(f"{path}: cannot be read as Python ({reason}); mend it, or move it elsewhere") from error


def list_modules(folder: Path) -> list[Path]:
    """Return the modules below a folder, sorted; hidden files are those of systems and editors."""
    return sorted(file for file in folder.rglob("*.py") if not file.name.startswith("."))


@cache
def _find_modules(where: str, decorator: str, library: Path = LIBRARY) -> dict[str, Path]:
    place = library / where
    files = list_modules(place) if place.is_dir() else [place]
    return {node.name: file for file in files for node in _list_functions(parse_module(file), decorator)}


def _list_functions(tree: ast.Module, decorator: str) -> list[ast.FunctionDef]:
    # Top-level functions alone: a nested one cannot be imported by name.
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return [function for function in functions if decorator in map(_get_name, function.decorator_list)]


def _get_name(node: ast.expr) -> str:
    node = node.func if isinstance(node, ast.Call) else node
    return node.id if isinstance(node, ast.Name) else ""
