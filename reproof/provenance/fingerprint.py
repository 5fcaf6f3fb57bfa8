"""Fingerprints of code: equal for code that computes the same, wherever it lies and whatever it is called.

A job's code is its script with every definition that the script reaches, and what the job picks by name. Each counts
as `provenance.definitions` writes it. A change of any of them changes the fingerprint; a moved, renamed or added module
or function does not.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from reproof.provenance.definitions import Definitions
from reproof.provenance.identity import Registered, format_canonical
from reproof.provenance.records import read_state
from reproof.provenance.scopes import WHOLE
from reproof.provenance.source_tree import DECLARATIONS, Target, Tree
from reproof.provenance.writer import Text
from reproof.registry import find_module
from reproof.storage.files import ROOT, ReproofError, is_of_system, read_json, write_json

LIBRARY = "reproof"
SOURCES = (LIBRARY, "workflow/scripts")


@dataclass(frozen=True)
class Code:
    """The code of a project, read once; make a new one after an edit."""

    root: Path = ROOT

    @cached_property
    def _definitions(self) -> Definitions:
        return Definitions(Tree(self.root))

    def compute_fingerprint(self, script: str, registered: Iterable[Registered] = ()) -> str:
        """Return 16 hex digits of the code that a script runs, and of the functions that its job picks by name.

        `registered` lists the picks as (place in the library, decorator, name). Names of picks count, as settings hold
        them. Of modules that are imported, statements that act on import count as well, such as the filling of a
        table; of folders of reached definitions, files that are no code, such as templates; where a job reads what
        modules declare, all metrics that they declare.
        """
        start = Target(self.root / script, WHOLE)
        picks = {f"{mark} {name}": Target(self._file(place, mark, name), name) for place, mark, name in registered}
        texts = [
            (key, self._definitions.write_definition(target)) for key, target in {"script": start, **picks}.items()
        ]
        texts += [("import", text) for text in self._effects(one.file for one in (start, *picks.values()))]
        parts, folders = set(), set()
        for key, text in texts:  # grows
            lines, reached = self._closure(text)
            parts.add(f"{key} {_hash(lines)}")
            folders |= {one.file.parent for one in reached}
            if key != "declared" and any(self._definitions.tree.find_mark(one) == DECLARATIONS for one in reached):
                texts += [("declared", one) for one in self._declared]
        return _hash([*sorted(parts), *_files(folders, self.root / LIBRARY)])[:16]

    @cached_property
    def _declared(self) -> list[Text]:
        """What modules declare of metrics: code that reads it computes something else when it changes."""
        found = self._definitions.tree.find_declared("metrics", self.root / LIBRARY)
        return [self._definitions.write_expression(file, value) for file, value in found]

    def _file(self, place: str, mark: str, name: str) -> Path:
        return find_module(place, mark, name, library=self.root / LIBRARY)

    def _closure(self, start: Text) -> tuple[list[str], set[Target]]:
        """Return a text with all that it reaches, a line each, and what it reaches; lines name targets by number."""
        numbers = {target: number for number, target in enumerate(start.targets)}
        waiting, texts = list(numbers), [start]
        for target in waiting:  # grows
            text = self._definitions.write_definition(target)
            texts.append(text)
            for one in text.targets:
                if one not in numbers:
                    numbers[one] = len(numbers)
                    waiting.append(one)
        all_named, classes_named = (any(getattr(one, f"reads_{of}names") for one in texts) for of in ("", "class_"))
        counts = [all_named or (classes_named and one.is_class) for one in texts[1:]]
        names = ["", *(target.name if named else "" for target, named in zip(waiting, counts, strict=True))]
        if any(one.reads_types for one in texts):
            names = [f"{name} {text.types}" for name, text in zip(names, texts, strict=True)]
        lines = [
            f"{name} {text.text} {[numbers[one] for one in text.targets]}"
            for name, text in zip(names, texts, strict=True)
        ]
        return lines, set(waiting)

    def _effects(self, files: Iterable[Path]) -> list[Text]:
        """Return the statements that act when these files, and all that they import, are imported."""
        modules: dict[Path, None] = {}
        waiting = list(files)
        while waiting:
            file = waiting.pop()
            if file not in modules:
                modules[file] = None
                waiting.extend(self._definitions.tree.find_imported(file))
        ours = (file for file in modules if file.is_relative_to(self.root / LIBRARY))
        return [text for file in ours for text in self._definitions.write_effects(file)]


def _files(folders: Iterable[Path], library: Path) -> Iterator[str]:
    """Yield name and content of the files in folders of the library that are no code: templates, style sheets."""
    for folder in sorted(one for one in folders if one.is_relative_to(library)):
        for file in sorted(folder.iterdir()):
            if file.is_file() and file.suffix not in (".py", ".pyc") and not is_of_system(file):
                yield f"{file.name} {file.read_text(encoding='utf-8', errors='backslashreplace')}"


def _hash(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of code, kept from start to start while no source file changes in size, time or place on disk.

    Reading all sources takes longer than the rest of a start, and on a cluster each job starts Snakemake again.
    """

    file: Path = Path(".snakemake/reproof_code.json")
    root: Path = ROOT
    fresh: dict[str, str] = field(default_factory=dict)

    def compute(self, script: str, registered: Iterable[Registered] = ()) -> str:
        """Return the fingerprint of a script and of what its job picks by name."""
        picks = sorted(set(registered))
        key = format_canonical([script, picks])
        if key not in self.fresh:
            self.fresh[key] = self._kept.get(key) or self._code.compute_fingerprint(script, picks)
        return self.fresh[key]

    def keep(self) -> None:
        """Keep them for later starts; one that cannot write reads the sources again."""
        known = self._kept | self.fresh
        if known != self._kept:
            with suppress(ReproofError, OSError):
                write_json(self.file, {"sources": self._sources, "code": known})

    @cached_property
    def _code(self) -> Code:
        return Code(self.root)

    @cached_property
    def _kept(self) -> dict[str, str]:
        try:
            content = read_json(self.file)
            code = content["code"] if content["sources"] == self._sources else {}
        except (ReproofError, TypeError, KeyError):
            return {}
        return code if isinstance(code, dict) and all(isinstance(one, str) for one in code.values()) else {}

    @cached_property
    def _sources(self) -> list[list[str | int]]:
        return read_file_states(*(self.root / place for place in SOURCES))


def read_file_states(*places: Path) -> list[list[str | int]]:
    """Return the state of every file below these folders: an edit that keeps size and time still changes `ctime`."""
    files = ((path, read_state(path)) for place in places for path in _sources_below(place))
    return [[path, s.st_size, s.st_mtime_ns, s.st_ctime_ns, s.st_ino] for path, s in sorted(files)]


def _sources_below(place: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (os.path.join(folder, name) for name in names if not name.startswith("."))  # an editor's own
