"""Writes one definition as text; `reproof.provenance.definitions` says what counts in it."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from reproof.provenance.references import References, Scope
from reproof.provenance.scopes import (
    COMPREHENSIONS,
    FUNCTIONS,
    WHOLE,
    find_bound_names,
    find_imports,
    is_message,
    is_text,
    walk_own_nodes,
)
from reproof.provenance.source_tree import Target, Tree

READ_TYPES = ("library:dataclasses.fields", "library:typing.get_type_hints", "__annotations__")
LEFT_OUT = frozenset({"ctx", "type_comment", "kind", "annotation", "returns", "simple"})
MEANT = frozenset({"ClassVar", "InitVar", "KW_ONLY"})  # annotations of fields that a dataclass acts on


@dataclass(frozen=True)
class Text:
    """A definition as text; `{n}` in it stands for `targets[n]`. Names count where code reads them, as `f.__name__`."""

    text: str
    targets: tuple[Target, ...]
    reads_names: bool = False
    reads_class_names: bool = False
    types: str = ""  # of the fields of a class

    @property
    def reads_types(self) -> bool:
        """Whether it asks for the types of fields."""
        return any(name in self.text for name in READ_TYPES)

    @property
    def is_class(self) -> bool:
        """Whether it is the definition of a class."""
        return self.text.startswith("(ClassDef")


class Writer:
    """Writes one definition."""

    def __init__(self, tree: Tree, target: Target) -> None:
        self.tree, self.target = tree, target
        self.references = References(tree, target)
        self.locals = 0
        self.types: list[str] = []

    def write(self) -> Text:
        """Return the definition as text."""
        if mark := self.tree.find_mark(self.target):
            return Text(mark, ())
        module = self.tree.read_module(self.target.file)
        if self.target.name == WHOLE:  # written like the body of a function
            scopes = [self._function_scope(module.body, None)]
            return self._text(self._block(module.body, scopes))
        statements = list(dict.fromkeys(module.definitions[self.target.name]))
        return self._text(" ".join(self._top(one) for one in statements))

    def write_statement(self, statement: ast.stmt) -> Text:
        """Return one statement of a module as text."""
        return self._text(f"{getattr(statement, 'name', '')} {self._top(statement)}")

    def write_expression(self, value: ast.expr) -> Text:
        """Return an expression of a module as text."""
        return self._text(self._node(value, []))

    def _text(self, text: str) -> Text:
        found = self.references
        return Text(text, tuple(found.targets), found.reads_names, found.reads_class_names, " ".join(self.types))

    def _top(self, statement: ast.stmt) -> str:
        """Return a statement at the top of a module; the name that it defines is not written."""
        if isinstance(statement, FUNCTIONS):
            return self._function(statement, [], "", self._decorators(statement))
        if isinstance(statement, ast.ClassDef):
            return self._class(statement, [], "", self._decorators(statement))
        return self._node(statement, [])

    def _decorators(self, statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
        """Return the decorators that change what they decorate."""
        kept = []
        for one in statement.decorator_list:
            target = self.tree.resolve_decorator(one, self.target.file)
            if isinstance(target, str) or not self.tree.is_mark(target):
                kept.append(self._node(one, []))
        return " ".join(kept)

    # Scopes

    def _function_scope(self, body: Sequence[ast.AST], arguments: ast.arguments | None) -> Scope:
        parameters = [one for one in ast.iter_child_nodes(arguments) if isinstance(one, ast.arg)] if arguments else []
        names = {one.arg: f"parameter:{one.arg}" for one in parameters}
        shared = frozenset(
            name for one in walk_own_nodes(body) if isinstance(one, ast.Global | ast.Nonlocal) for name in one.names
        )
        imported = dict(find_imports(walk_own_nodes(body)))
        for name in find_bound_names(body):
            if name not in names and name not in shared and name not in imported:
                names[name] = self._local()
        return Scope(names, imported, shared=shared)

    def _local(self) -> str:
        self.locals += 1
        return f"local:{self.locals}"

    # Nodes

    def _function(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef, scopes: list[Scope], name: str, marks: str
    ) -> str:
        head = self._fields(node.args, scopes)  # defaults are computed outside
        inner = [*scopes, self._function_scope(node.body, node.args)]
        return f"({type(node).__name__} {name} [{marks}] {head} {self._block(node.body, inner)})"

    def _class(self, node: ast.ClassDef, scopes: list[Scope], name: str, marks: str) -> str:
        bases = " ".join(self._node(one, scopes) for one in (*node.bases, *node.keywords))
        inner = [*scopes, Scope({one: f"member:{one}" for one in find_bound_names(node.body)}, is_class=True)]
        return f"(ClassDef {name} [{marks}] [{bases}] {self._block(node.body, inner)})"

    def _block(self, body: Sequence[ast.stmt], scopes: list[Scope]) -> str:
        kept = (one for one in body if not isinstance(one, ast.Import | ast.ImportFrom | ast.Pass) and not is_text(one))
        return "[" + " ".join(filter(None, (self._node(one, scopes) for one in kept))) + "]"

    def _node(self, node: ast.AST, scopes: list[Scope]) -> str:
        if isinstance(node, ast.Name | ast.Attribute):
            return self.references.write_value(self._name(node, scopes))
        if isinstance(node, ast.Constant):
            return f"({type(node.value).__name__} {node.value!r})"
        if isinstance(node, FUNCTIONS):
            marks = " ".join(self._node(one, scopes) for one in node.decorator_list)
            return self._function(node, scopes, self.references.write_name(node.name, scopes), marks)
        if isinstance(node, ast.ClassDef):
            marks = " ".join(self._node(one, scopes) for one in node.decorator_list)
            return self._class(node, scopes, self.references.write_name(node.name, scopes), marks)
        if isinstance(node, ast.Lambda):
            return self._lambda(node, scopes)
        if isinstance(node, COMPREHENSIONS):
            return self._comprehension(node, scopes)
        if isinstance(node, ast.Raise):
            return self._raise(node, scopes)
        if isinstance(node, ast.AnnAssign):
            return self._annotated(node, scopes)
        if isinstance(node, ast.Call) and (value := self._cast(node, scopes)):
            return value
        return f"({type(node).__name__} {self._fields(node, scopes)})"

    def _name(self, node: ast.expr, scopes: list[Scope]) -> str:
        """Return a name, an attribute, or whatever an attribute belongs to."""
        if isinstance(node, ast.Name):
            return self.references.write_name(node.id, scopes)
        if isinstance(node, ast.Attribute):
            return self._folder(node) or self.references.write_member(self._name(node.value, scopes), node.attr)
        return self._node(node, scopes)

    def _fields(self, node: ast.AST, scopes: list[Scope]) -> str:
        parts = []
        for name, value in ast.iter_fields(node):
            if name in LEFT_OUT or value is None or value == []:
                continue
            if name in ("body", "orelse", "finalbody") and isinstance(value, list):
                parts.append(f"{name}={self._block(value, scopes)}")
            elif isinstance(value, list):
                parts.append(f"{name}=[{' '.join(self._value(one, scopes) for one in value)}]")
            else:
                parts.append(f"{name}={self._bound_name(node, name, value, scopes)}")
        return " ".join(parts)

    def _bound_name(self, node: ast.AST, field_name: str, value: object, scopes: list[Scope]) -> str:
        """Return a field; the names that handlers and patterns bind are variables."""
        if isinstance(value, str) and field_name in ("name", "rest") and not isinstance(node, ast.alias):
            return self.references.write_name(value, scopes)
        return self._value(value, scopes)

    def _value(self, value: object, scopes: list[Scope]) -> str:
        return self._node(value, scopes) if isinstance(value, ast.AST) else str(value)

    def _lambda(self, node: ast.Lambda, scopes: list[Scope]) -> str:
        inner = [*scopes, self._function_scope([node.body], node.args)]
        return f"(Lambda {self._fields(node.args, scopes)} {self._node(node.body, inner)})"

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scopes: list[Scope]
    ) -> str:
        first, *_ = node.generators
        source = self._node(first.iter, scopes)  # computed outside
        names = [name for one in node.generators for name in find_bound_names([one.target])]
        inner = [*scopes, Scope({name: self._local() for name in dict.fromkeys(names)})]
        loops = []
        for one in node.generators:
            items = source if one is first else self._node(one.iter, inner)
            tests = " ".join(self._node(test, inner) for test in one.ifs)
            loops.append(f"({one.is_async} {self._node(one.target, inner)} in {items} if [{tests}])")
        parts = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        values = " ".join(self._node(one, inner) for one in parts)
        return f"({type(node).__name__} {values} {' '.join(loops)})"

    def _raise(self, node: ast.Raise, scopes: list[Scope]) -> str:
        """Return what is raised, without its message."""
        if not isinstance(node.exc, ast.Call):
            return f"(Raise {self._node(node.exc, scopes) if node.exc else ''})"
        parts = [one for one in node.exc.args if not is_message(one)]
        values = [self._node(one, scopes) for one in (node.exc.func, *parts, *node.exc.keywords)]
        return f"(Raise {' '.join(values)})"

    def _annotated(self, node: ast.AnnAssign, scopes: list[Scope]) -> str:
        """Return an assignment; an annotation alone declares a field of a class, and nothing in a function."""
        value = "" if node.value is None else f"value={self._node(node.value, scopes)}"
        if scopes and scopes[-1].is_class:
            self.types.append(ast.unparse(node.annotation))
            words = {part.id for part in ast.walk(node.annotation) if isinstance(part, ast.Name)}
            words |= {part.attr for part in ast.walk(node.annotation) if isinstance(part, ast.Attribute)}
            return f"(Field {' '.join(sorted(words & MEANT))} {self._node(node.target, scopes)} {value})"
        return f"(Assign targets=[{self._node(node.target, scopes)}] {value})" if value else ""

    def _cast(self, node: ast.Call, scopes: list[Scope]) -> str:
        """Return the value of a cast, which has no effect; nothing for any other call."""
        is_cast = (
            isinstance(node.func, ast.Name)
            and self.references.write_name(node.func.id, scopes) == "library:typing.cast"
        )
        return self._node(node.args[1], scopes) if is_cast else ""

    def _folder(self, node: ast.Attribute) -> str:
        """Return the folder that `Path(__file__).parent.parent` means, from the root: a move of the file keeps it."""
        climbed, inner = 0, cast(ast.expr, node)
        while isinstance(inner, ast.Attribute) and inner.attr == "parent":
            climbed, inner = climbed + 1, inner.value
        if climbed and ast.unparse(inner) == "Path(__file__)":
            place = self.target.file.relative_to(self.tree.root)
            above = place.parents[climbed - 1] if climbed <= len(place.parents) else Path("..")
            return f"(Folder {above.as_posix()})"
        return ""
