"""What a result depends on: canonical settings, names from hashes, fingerprints of code."""

import ast
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
Registered = tuple[str, str, str]  # (place in the library, decorator, name)


@dataclass(frozen=True)
class Untracked:
    """A parameter that changes no result, such as where checked data comes from: it must not cause a rerun.

    Snakemake compares parameters of plain types only; a subclass of str would reach it as a plain str.
    """

    value: str


def canonical(settings: Any) -> str:
    """Return settings as one line of JSON with sorted keys: equal settings, and only they, give equal text."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def run_name(label: str, settings: Any) -> str:
    """Return `label` plus 8 hex digits of the hash of everything the run depends on."""
    return f"{label}-{hashlib.sha256(canonical(settings).encode()).hexdigest()[:8]}"


@cache
def fingerprint(script: str, registered: tuple[Registered, ...] = ()) -> str:
    """Return 16 hex digits of the code that a script runs: itself and every project module it reaches by imports.

    Modules are compared as parsed, without docstrings and comments, so that only a change of meaning changes it. The
    templates that lie beside a module count as they are. What a job picks by name (a network, a criterion) is not
    imported by name; `registered` lists it, and of its module only that function and what is no other registered
    function counts: adding a network retrains nothing. What modules declare of metrics counts where it is looked up: in
    figures and verdicts, which show its words and units.
    """
    reached = _reached(ROOT / script)
    parts = [f"{path.relative_to(ROOT)}\n{_normalised(path)}" for path in sorted(reached | _beside(reached))]
    parts += [_picked(*one) for one in sorted(set(registered))]
    parts += [_declared_metrics()] if any(map(_looks_metrics_up, reached)) else []
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _reached(script: Path) -> set[Path]:
    seen: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting.extend(_imported(path))
    return seen


def _beside(modules: set[Path]) -> set[Path]:
    """Return what is no code in the library's folders of these modules: templates, style sheets."""
    folders = {path.parent for path in modules if path.is_relative_to(ROOT / "reproof")}
    files = (file for folder in folders for file in folder.iterdir() if file.is_file())
    return {file for file in files if file.suffix not in (".py", ".pyc") and not file.name.startswith(".")}


@cache
def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def _imported(path: Path) -> tuple[Path, ...]:
    """Return the project files that a module imports, anywhere in it, packages' own files included."""
    names: set[str] = set()
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
    return tuple(file for name in names for file in _files(name))


@cache
def _looks_metrics_up(path: Path) -> bool:
    """Return whether a module asks what is declared of metrics: from source, so that no import says where."""
    nodes = [node for node in ast.walk(_parsed(path)) if isinstance(node, ast.ImportFrom)]
    names = {alias.name for node in nodes if node.module == "reproof.metrics" for alias in node.names}
    return "find_metric" in names


def _declared_metrics() -> str:
    from reproof.metrics import read_metrics  # noqa: PLC0415 (only this corner needs the metrics)

    return repr(sorted(read_metrics().items()))


def _files(module: str) -> list[Path]:
    parts = module.split(".")
    packages = [ROOT.joinpath(*parts[:depth], "__init__.py") for depth in range(1, len(parts) + 1)]
    return [path for path in [*packages, ROOT.joinpath(*parts).with_suffix(".py")] if path.is_file()]


@cache
def _normalised(path: Path) -> str:
    if path.suffix != ".py":
        return path.read_text(encoding="utf-8")
    return ast.unparse(_without_docstrings(ast.parse(path.read_text(encoding="utf-8"))))


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and body and _is_text(body[0]):
            node.body = body[1:] or [ast.Pass()]
    return tree


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@cache
def _picked(where: str, decorator: str, name: str) -> str:
    """Return the normalised module of a registered function, without its registered neighbours."""
    from reproof.catalogue import module_of, undecorated  # noqa: PLC0415 (only this corner needs the catalogue)

    path = module_of(where, decorator, name)
    tree = _without_docstrings(undecorated(path, decorator, keep=name))
    reached = sorted(_reached(path) - {path})
    return "\n".join([f"{name} in {path.relative_to(ROOT)}", ast.unparse(tree), *map(_normalised, reached)])
