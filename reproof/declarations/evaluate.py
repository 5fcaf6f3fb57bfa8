"""Evaluate the declaration in the decorator of a registered function without importing the function's module.

Planning reads the metrics and costs of operations, but must not import torch, which the modules of operations do.
Therefore only the definitions that the declaration reaches are executed.
"""

import ast
import builtins
import symtable
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from reproof.registry import LIBRARY, find_decorator_call, find_function, find_module, parse_module, reads_declarations
from reproof.storage.errors import ReproofError

ALLOWED = {LIBRARY.name, *sys.stdlib_module_names}  # anything else may take seconds to import


@reads_declarations
@cache
def read_declaration(where: str, decorator: str, name: str, *, only: str = "") -> Mapping[str, Any]:
    """Return {keyword: value} of the decorator of a registered function; {} for a bare decorator.

    `only` names the one keyword to read, where others reach more than planning loads.

    The values may use definitions at the top level of the module, the standard library, and modules of the project
    that need no other package. Raises ReproofError with file and function for an expression that reaches more.
    """
    # The cache is per process: sources do not change while a plan is made.
    path = find_module(where, decorator, name)
    tree = parse_module(path)
    call = find_decorator_call(find_function(tree, decorator, name), decorator)
    keywords = [one for one in call.keywords if only in ("", one.arg)] if call else []
    return _evaluate(tree, keywords, path, f"{_shorten(path)}: {decorator} {name}")


def _evaluate(tree: ast.Module, keywords: list[ast.keyword], path: Path, what: str) -> dict[str, Any]:
    reached = _find_reached(tree, keywords, what)
    # In the order of the module: a definition may use an earlier one.
    definitions = [node for node in tree.body if node in reached]
    namespace: dict[str, Any] = {"__name__": f"declaration of {what}"}
    # Code of the project itself, no input of a user. The path in `compile` makes tracebacks point at the source.
    exec(compile(ast.Module(definitions, []), str(path), "exec"), namespace)
    expressions = {str(one.arg): compile(ast.Expression(one.value), str(path), "eval") for one in keywords}
    return {key: eval(expression, namespace) for key, expression in expressions.items()}


def _find_reached(tree: ast.Module, keywords: list[ast.keyword], what: str) -> list[ast.stmt]:
    """Return the top-level statements that keyword arguments need; check the imports among them."""
    reached: list[ast.stmt] = []
    # A search over names: a definition may use others, which may use further ones.
    waiting = [name for keyword in keywords for name in _list_names(keyword.value)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        found = list(_find_definitions(tree, name))
        # A name that nothing at the top level binds is a local or a misspelt one; executing it would fail less clearly.
        if not found and not hasattr(builtins, name):
            raise ReproofError(f"{what}: its declaration reads {name}; define it at the top level of the module")
        # All statements that bind the name, because an assignment may be extended below (`READING += ...`).
        for node in found:
            _check_imports(node, what)
            waiting += _list_names(node)
        reached += found
    return reached


def _find_definitions(tree: ast.Module, name: str) -> Iterator[ast.stmt]:
    """Yield the top-level statements that bind a name: imports, assignments, functions, classes."""
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            # `import a.b` binds `a`.
            bound = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound = {node.name}
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            bound = {one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)}
        else:
            continue
        if name in bound:
            yield node


def _list_names(node: ast.AST) -> set[str]:
    """Return the names that a definition or an expression reads from its module."""
    found: set[str] = set()
    # The symbol tables know which names are local, so that parameters and variables do not count.
    tables = [symtable.symtable(ast.unparse(node), "", "exec")]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        own = table.get_type() == "module"
        found |= {one.get_name() for one in table.get_symbols() if one.is_referenced() and (own or one.is_global())}
    return found


def _check_imports(node: ast.stmt, what: str) -> None:
    """Raise ReproofError if a statement imports, directly or not, a package that planning does not load."""
    for module in _list_modules(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
        package = _find_foreign_package(module)
        if package:
            # The import at fault may lie in another module, so the message names the way to it.
            through = "" if module.partition(".")[0] == package else f" through {module}"
            raise ReproofError(
                f"{what}: its declaration reaches {package}{through}, which planning does not import; use the standard "
                "library, and modules of the project that need no other package"
            )


@cache
def _find_foreign_package(module: str) -> str:
    """Return the first package that importing a module needs beyond those allowed; "" if there is none."""
    waiting, seen = [module], set[Path]()
    while waiting:
        name = waiting.pop()
        if name.partition(".")[0] not in ALLOWED:
            return name.partition(".")[0]
        for path in _list_files(name) - seen:
            seen.add(path)
            # An allowed module may import a foreign one, and importing executes its whole chain.
            waiting += [one for node in _list_imports(parse_module(path)) for one in _list_modules(node)]
    return ""


def _list_imports(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports executed when a module is imported, which excludes imports inside functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _list_imports(child)


def _list_modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]


def _list_files(module: str) -> set[Path]:
    """Return the files of the project executed by an import: the module and the `__init__.py` of its packages."""
    parts = module.split(".")
    # Importing a.b.c executes the `__init__` of a and of a.b first.
    files = {LIBRARY.parent.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)}
    return {file for file in files | {LIBRARY.parent.joinpath(*parts).with_suffix(".py")} if file.is_file()}


def _shorten(path: Path) -> str:
    return str(path.relative_to(LIBRARY.parent))
