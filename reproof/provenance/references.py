"""References: what a name in a definition stands for, as text that says neither its place nor its name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reproof.provenance.scopes import WHOLE, Imported
from reproof.provenance.source_tree import Target, Tree

MODULE, FOREIGN = "module:", "library:"


@dataclass(eq=False)
class Scope:
    """Names bound in a function, a comprehension or a class; `names` maps them to what is written for them."""

    names: dict[str, str]
    imports: Mapping[str, Imported] = field(default_factory=dict)
    is_class: bool = False
    shared: frozenset[str] = frozenset()  # declared global or nonlocal: looked up further out


class References:
    """The references of one definition, numbered in the order in which they occur."""

    def __init__(self, tree: Tree, target: Target) -> None:
        self.tree, self.target = tree, target
        self.targets: dict[Target, int] = {}
        self.reads_names = self.reads_class_names = False  # of definitions, as text

    def write_name(self, name: str, scopes: Sequence[Scope]) -> str:
        """Return a name as text; a module's is "module:" with its dotted name, until it is known how it is used."""
        for scope in reversed(scopes):
            if (scope.is_class and scope is not scopes[-1]) or name in scope.shared:
                continue
            if name in scope.imports:
                return self._write_found(self._resolve(scope.imports[name]))
            if name in scope.names:
                return scope.names[name]
        module = self.tree.read_module(self.target.file)
        if name == self.target.name:
            return "self"
        if name in module.definitions:
            return self._write_found(Target(self.target.file, name))
        if name in module.imports:
            return self._write_found(self._resolve(module.imports[name]))
        return f"builtin:{name}"

    def write_member(self, value: str, name: str) -> str:
        """Return an attribute of what `value` is the text of; one of a module is what it stands for there."""
        if name in ("__name__", "__qualname__"):
            of_class = value.startswith("(Call func=builtin:type ")
            self.reads_class_names, self.reads_names = True, self.reads_names or not of_class
        if value.startswith(MODULE):
            return self._write_found(self.tree.resolve(value.removeprefix(MODULE), name))
        return f"{value}.{name}" if value.startswith(FOREIGN) else f"(Attribute {value} {name})"

    def write_value(self, text: str) -> str:
        """Return the text of what is used as a value; of a module that is all it holds."""
        if not text.startswith(MODULE):
            return text
        file = self.tree.find_file(text.removeprefix(MODULE))
        return self._write_number(Target(file, WHOLE)) if file else text

    def _resolve(self, imported: Imported) -> Target | str:
        return self.tree.resolve(imported.module, imported.attribute)

    def _write_found(self, target: Target | str) -> str:
        if isinstance(target, str):
            return f"{MODULE if self.tree.is_ours(target) else FOREIGN}{target}"
        return (
            f"{MODULE}{self.tree.format_module_name(target.file)}"
            if target.name == WHOLE
            else self._write_number(target)
        )

    def _write_number(self, target: Target) -> str:
        return "{" + str(self.targets.setdefault(target, len(self.targets))) + "}"
