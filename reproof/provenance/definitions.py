"""Definitions of a source tree, written so that only what they compute counts.

A definition is a function, a class or a constant at the top of a module. `Tree.text` writes one as text in which

* a reference to a definition of the project is a number, and a reference to a library is its full dotted name: where a
  definition lies, what it is called and how it is imported do not show;
* local variables are numbered;
* docstrings, comments, annotations, the messages of raised errors, and decorators that return their argument unchanged
  are left out: none of them changes a result.

What stays is what can change a result: statements, constants, parameters, attributes, keyword arguments.
"""

import ast
from dataclasses import dataclass, field
from pathlib import Path

from reproof.provenance.scopes import WHOLE
from reproof.provenance.source_tree import Target, Tree
from reproof.provenance.writer import Text, Writer


@dataclass(frozen=True)
class Definitions:
    """The definitions of a source tree as texts, each written once."""

    tree: Tree
    _texts: dict[Target, Text] = field(default_factory=dict, repr=False)
    _effects: dict[Path, tuple[Text, ...]] = field(default_factory=dict, repr=False)

    def write_definition(self, target: Target) -> Text:
        """Return a definition as text."""
        if target not in self._texts:
            self._texts[target] = Writer(self.tree, target).write()
        return self._texts[target]

    def write_effects(self, file: Path) -> tuple[Text, ...]:
        """Return, as text, the statements of a module that act when it is imported, and do not only define a name."""
        if file not in self._effects:
            acting = (one for one in self.tree.read_module(file).body if self.tree.has_effect(one, file))
            self._effects[file] = tuple(Writer(self.tree, Target(file, WHOLE)).write_statement(one) for one in acting)
        return self._effects[file]

    def write_expression(self, file: Path, value: ast.expr) -> Text:
        """Return an expression at the top of a module as text."""
        return Writer(self.tree, Target(file, WHOLE)).write_expression(value)
