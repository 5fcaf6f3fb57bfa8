"""The sources of a project: modules, what they define, and which definition a name stands for."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from reproof.provenance.scopes import (
    FUNCTIONS,
    WHOLE,
    Imported,
    find_bound_names,
    find_imports,
    is_main,
    is_text,
    returns_argument,
    walk_own_nodes,
    walk_statements,
)
from reproof.registry import list_modules, read_source

# Marks of `reproof.registry` at which fingerprints end: code that surrounds a job, and reading what modules declare.
BOUNDARY, DECLARATIONS = "changes_no_result", "reads_declarations"


@dataclass(frozen=True, order=True)
class Target:
    """A definition of the project: the file of its module, and its name there; `WHOLE` is the module itself."""

    file: Path
    name: str


@dataclass(frozen=True, eq=False)
class Module:
    """One parsed file: its definitions, its imports, and the statements that act when it is imported."""

    file: Path
    body: Sequence[ast.stmt]

    @cached_property
    def definitions(self) -> Mapping[str, list[ast.stmt]]:
        """{name: statements that bind it}, those of functions that assign it as a global included."""
        found: dict[str, list[ast.stmt]] = {}
        for statement in self.body:
            if not isinstance(statement, ast.Import | ast.ImportFrom):
                for name in find_bound_names([statement]):
                    found.setdefault(name, []).append(statement)
        for statement in self.body:
            names = {
                name for node in walk_statements([statement]) if isinstance(node, ast.Global) for name in node.names
            }
            for name in names & found.keys():
                found[name].append(statement)
        return found

    @cached_property
    def imports(self) -> Mapping[str, Imported]:
        """{name: what it stands for} of the imports outside functions."""
        return dict(find_imports(walk_own_nodes(self.body)))

    @cached_property
    def imported(self) -> frozenset[str]:
        """Dotted names of all modules that the file imports, anywhere in it."""
        names: set[str] = set()
        for node in walk_statements(self.body):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
        return frozenset(names)


@dataclass(frozen=True)
class Tree:
    """The sources below a folder. Files are read once: make a new tree after an edit."""

    root: Path
    _modules: dict[Path, Module] = field(default_factory=dict, repr=False)
    _files: dict[str, Path | None] = field(default_factory=dict, repr=False)
    _imported: dict[Path, tuple[Path, ...]] = field(default_factory=dict, repr=False)

    def read_module(self, file: Path) -> Module:
        """Return a parsed file, without the part that runs only where it is the program."""
        if file not in self._modules:
            self._modules[file] = Module(file, [one for one in read_source(file).body if not is_main(one)])
        return self._modules[file]

    def find_file(self, module: str) -> Path | None:
        """Return the file of a module of the project by its dotted name; None for a library or a mere folder."""
        if module not in self._files:
            place = self.root.joinpath(*module.split("."))
            candidates = (place.with_suffix(".py"), place / "__init__.py")
            self._files[module] = next((one for one in candidates if one.is_file()), None)
        return self._files[module]

    def format_module_name(self, file: Path) -> str:
        """Return the dotted name of the module in a file."""
        parts = file.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def is_ours(self, module: str) -> bool:
        """Return whether a dotted name is a module or package of the project."""
        return self.find_file(module) is not None or self.root.joinpath(*module.split(".")).is_dir()

    def find_imported(self, file: Path) -> tuple[Path, ...]:
        """Return the project files that importing a module runs directly, its packages' own files included."""
        if file not in self._imported:
            parts = [name.split(".") for name in self.read_module(file).imported]
            names = {".".join(one[:depth]) for one in parts for depth in range(1, len(one) + 1)}
            self._imported[file] = tuple(found for name in sorted(names) if (found := self.find_file(name)))
        return self._imported[file]

    def resolve(self, module: str, name: str) -> Target | str:
        """Return the definition that `module.name` stands for, through re-exports; a dotted name for a library's."""
        file = self.find_file(module)
        if name == WHOLE:
            return Target(file, WHOLE) if file else module
        if file and name in self.read_module(file).definitions:
            return Target(file, name)
        if file and name in self.read_module(file).imports:
            imported = self.read_module(file).imports[name]
            return self.resolve(imported.module, imported.attribute)
        if submodule := self.find_file(f"{module}.{name}"):
            return Target(submodule, WHOLE)
        return f"{module}.{name}"

    def has_effect(self, statement: ast.stmt, file: Path) -> bool:
        """Return whether a statement of a module does more, when it is imported, than define a name."""
        if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
            return any(self._registers(one, file) for one in statement.decorator_list)
        if isinstance(statement, ast.Assign):
            return not all(isinstance(node, ast.Name | ast.Tuple | ast.List) for node in statement.targets)
        defines = ast.Import | ast.ImportFrom | ast.AnnAssign | ast.AugAssign | ast.Pass
        return not isinstance(statement, defines) and not is_text(statement)

    def _registers(self, decorator: ast.expr, file: Path) -> bool:
        """Return whether a function of the project decorates, and may do more than return its argument."""
        target = self.resolve_decorator(decorator, file)
        if isinstance(target, str):
            return False
        statements = self.read_module(target.file).definitions.get(target.name, [])
        return any(isinstance(one, FUNCTIONS) for one in statements) and not self.is_mark(target)

    def resolve_decorator(self, decorator: ast.expr, file: Path) -> Target | str:
        """Return what a decorator of a top-level definition refers to."""
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        parts = ast.unparse(function).split(".")
        if len(parts) == 1 and parts[0] in self.read_module(file).definitions:
            return Target(file, parts[0])
        imported = self.read_module(file).imports.get(parts[0])
        if imported is None:
            return ".".join(parts)
        where = ".".join(filter(None, (imported.module, imported.attribute)))
        return self.resolve(imported.module, imported.attribute) if len(parts) == 1 else self.resolve(where, parts[-1])

    def is_mark(self, target: Target) -> bool:
        """Return whether a function only returns its argument, or a function that does: it marks what it decorates."""
        statements = self.read_module(target.file).definitions.get(target.name, [])
        return bool(statements) and all(isinstance(one, FUNCTIONS) and returns_argument(one) for one in statements)

    def find_mark(self, target: Target) -> str:
        """Return the mark on a definition at which fingerprints end; "" if it has none."""
        statements = self.read_module(target.file).definitions.get(target.name, [])
        marked = [one for one in statements if isinstance(one, (*FUNCTIONS, ast.ClassDef))]
        found = [self.resolve_decorator(mark, target.file) for one in marked for mark in one.decorator_list]
        names = {one.name for one in found if isinstance(one, Target)}
        return next((mark for mark in (BOUNDARY, DECLARATIONS) if mark in names), "")

    def find_declared(self, keyword: str, folder: Path) -> Iterator[tuple[Path, ast.expr]]:
        """Yield (file, value) of every decorator below a folder that states this keyword argument."""
        for file in list_modules(folder):
            functions = (one for one in self.read_module(file).body if isinstance(one, FUNCTIONS))
            calls = (one for function in functions for one in function.decorator_list if isinstance(one, ast.Call))
            yield from ((file, one.value) for call in calls for one in call.keywords if one.arg == keyword)
