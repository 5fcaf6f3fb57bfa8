"""What a piece of Python code binds and imports, found in its syntax tree."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

WHOLE = ""  # the name of a whole module, where code uses the module itself
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Imported:
    """What a name stands for after an import: an attribute of a module, or the module itself."""

    module: str
    attribute: str = WHOLE


def is_main(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"


def is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def is_message(node: ast.expr) -> bool:
    """Return whether an expression is text, whole or put together."""
    if isinstance(node, ast.BinOp):
        return is_message(node.left) and is_message(node.right)
    if isinstance(node, ast.IfExp):
        return is_message(node.body) and is_message(node.orelse)
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def returns_argument(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a function does nothing but return its first argument, or inner functions that do."""
    names = {one.arg for one in (*function.args.posonlyargs, *function.args.args)}
    for statement in function.body:
        if isinstance(statement, FUNCTIONS) and returns_argument(statement):
            names.add(statement.name)
        elif not is_text(statement) and not (isinstance(statement, ast.Return) and _is_one_of(statement.value, names)):
            return False
    return isinstance(function.body[-1], ast.Return)


def _is_one_of(value: ast.expr | None, names: set[str]) -> bool:
    """Return whether a value is one of these names, or a lambda that returns its argument."""
    if isinstance(value, ast.Lambda):
        return _is_one_of(value.body, {one.arg for one in value.args.args})
    return isinstance(value, ast.Name) and value.id in names


def find_imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, Imported]]:
    """Yield (name, what it stands for) of import statements."""
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, Imported(alias.name)
                else:
                    yield alias.name.split(".")[0], Imported(alias.name.split(".")[0])
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, Imported(node.module, alias.name)


def walk_statements(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield all statements of a module, within functions as well, and what holds statements."""
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        inner = (value for _, value in ast.iter_fields(node) if isinstance(value, list))
        waiting.extend(
            one for value in inner for one in value if isinstance(one, ast.stmt | ast.excepthandler | ast.match_case)
        )


def walk_own_nodes(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield the nodes of a function's own body, not those of functions and classes within it."""
    waiting = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            waiting.extend(reversed(list(ast.iter_child_nodes(node))))


def find_bound_names(nodes: Sequence[ast.AST]) -> list[str]:
    """Return the names that code binds in its own scope, in the order in which they stand."""
    names: dict[str, None] = {}
    waiting: list[tuple[ast.AST, bool]] = [(one, False) for one in reversed(nodes)]
    while waiting:
        node, inside = waiting.pop()  # inside a comprehension only `:=` binds in the scope around
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            names[node.name] = None
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
            names[node.target.id] = None
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and not inside:
            names[node.id] = None
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            names[node.name] = None
        elif isinstance(node, ast.MatchMapping) and node.rest:
            names[node.rest] = None
        deeper = inside or isinstance(node, COMPREHENSIONS)
        waiting.extend((child, deeper) for child in reversed(list(ast.iter_child_nodes(node))))
    return list(names)
