"""The configuration: papers patched by a scale, merged, then checked so strictly that a typing error cannot pass.

Every complaint is one line that names file and key and says what would be right.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, relevance
from referencing import Registry, Resource

from reproof.files import ReproofError

Tree = dict[str, Any]
ROOT = Path(__file__).parent.parent
SCHEMAS = ROOT / "workflow" / "schemas"


@dataclass(frozen=True)
class Paper:
    """One paper at one scale, merged and checked, with what the scale changed."""

    name: str
    settings: Tree
    departures: tuple[Tree, ...]
    published_runs: Tree
    source: Callable[[list[Any]], Path]


@dataclass(frozen=True)
class Configuration:
    """All that the plan is made of."""

    scale: str
    about: str
    blocks: Tree
    data: Tree
    papers: tuple[Paper, ...]
    scales: tuple[str, ...]


def read_configuration(config: Tree, *, folder: Path = ROOT / "config") -> Configuration:
    """Return the configuration that `config` (config/config.yaml and command line) asks for, merged and valid.

    Raises ReproofError for an unknown scale or paper, an unreadable file and everything the schemas do not allow.
    """
    _check(config, "config.schema.yaml", lambda path: folder / "config.yaml")
    scale_file = _named(folder / "scales", config["scale"], "scale")
    scale = _read(scale_file)
    _check(scale, "scale.schema.yaml", lambda path: scale_file)
    papers = tuple(_paper(name, scale, scale_file, folder) for name in config["papers"])
    scales = tuple(available(folder / "scales"))
    return Configuration(config["scale"], scale["about"], scale["blocks"], config["data"], papers, scales)


def available(folder: Path) -> list[str]:
    """Return the names of the YAML files of a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def merge(base: Any, patch: Any) -> Any:
    """Return `base` with `patch` laid over it: mappings merge, anything else replaces, null removes a key.

    The key "*" with null removes every key of `base` that `patch` does not name.
    """
    if not isinstance(base, dict) or not isinstance(patch, dict):
        return patch
    if "*" in patch:
        patch = {key: value for key, value in patch.items() if key != "*"}
        base = {key: value for key, value in base.items() if key in patch}
    both = base | {key: merge(base.get(key), value) for key, value in patch.items()}
    return {key: value for key, value in both.items() if value is not None}


def complaint(where: Path, key: str, what: str) -> ReproofError:
    """Return the error for one key of one file."""
    shown = where.relative_to(ROOT) if where.is_relative_to(ROOT) else where
    return ReproofError(f"{shown}: {key}: {what}")


def _paper(name: str, scale: Tree, scale_file: Path, folder: Path) -> Paper:
    file = _named(folder / "papers", name, "paper")
    base, patch = _read(file), scale.get("papers", {}).get(name, {})
    source = _source(patch, scale_file, file)
    _check(merge(base, {}), "paper.schema.yaml", source)
    merged = merge(base, patch)
    _check(merged, "paper.schema.yaml", source)
    return Paper(name, merged, tuple(_differences(base, merged)), base["runs"], source)


def _source(patch: Tree, scale_file: Path, paper_file: Path) -> Callable[[list[Any]], Path]:
    """Return a function that says which file set a key of the merged paper."""

    def source(path: list[Any]) -> Path:
        node: Any = patch
        for key in path:
            if not isinstance(node, dict) or key not in node:
                return paper_file
            node = node[key]
        return scale_file

    return source


def _differences(base: Any, merged: Any, at: tuple[str, ...] = ()) -> Iterator[Tree]:
    """Yield {key, paper, here} for each value of the runs in which the scale departs from the paper."""
    if not isinstance(base, dict) or not isinstance(merged, dict):
        if base != merged:
            yield {"key": ".".join(at), "paper": _short(base), "here": _short(merged)}
        return
    for key in list(dict.fromkeys([*base, *merged])) if at else ["runs"]:
        yield from _differences(base.get(key), merged.get(key), (*at, key))


def _short(value: Any) -> Any:
    """Return a value as a table shows it: of a whole mapping (a run, a control) only that it is there or not."""
    return "run" if isinstance(value, dict) else "not run" if value is None else value


def _named(folder: Path, name: str, what: str) -> Path:
    names = available(folder)
    if name not in names:
        raise complaint(folder.parent / "config.yaml", what, f"{name!r} is unknown; choose one of {', '.join(names)}")
    return folder / f"{name}.yaml"


def _read(path: Path) -> Tree:
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ReproofError(f"{path}: is not readable YAML: {' '.join(str(error).split())}") from error
    if not isinstance(tree, dict):
        raise ReproofError(f"{path}: is empty or no mapping; see workflow/schemas for its keys")
    return tree


@cache
def _registry() -> Registry[Any]:
    files = SCHEMAS.glob("*.schema.yaml")
    return Registry().with_resources((file.name, Resource.from_contents(_read(file))) for file in files)


def _check(tree: Tree, schema: str, source: Callable[[list[Any]], Path]) -> None:
    """Raise ReproofError for the most telling violation of a schema, if there is one."""
    validator = Draft202012Validator(_registry()[schema].contents, registry=_registry())
    error = max(validator.iter_errors(tree), key=relevance, default=None)
    if error is not None:
        path, what = _told(error)
        raise complaint(source(path), ".".join(map(str, path)) or "(top)", what)


def _told(error: ValidationError) -> tuple[list[Any], str]:
    """Return (path of the key, what is wrong with it and what would be right)."""
    path, value = list(error.absolute_path), cast(Any, error.instance)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {})) if isinstance(error.schema, dict) else []
        extra = sorted(key for key in dict(value) if key not in known)[0]
        near = get_close_matches(extra, known, 1)
        return [*path, extra], f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known: {known}"
    if error.validator == "type" and isinstance(value, str) and _is_number(value):
        return path, f"{value!r} is text, not a number: YAML reads it so; write {_as_yaml_number(value)}"
    return path, error.message.replace("\n", " ")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _as_yaml_number(text: str) -> str:
    mantissa, _, exponent = f"{float(text):e}".partition("e")
    digits = f"{float(mantissa):.10g}"
    return f"{digits if '.' in digits else digits + '.0'}e{int(exponent):+d}"


def unknown(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Return the complaint about a name that is not among the known ones."""
    near = get_close_matches(name, list(known), 1)
    return (
        f"{name!r} is unknown; {f'did you mean {near[0]!r}?' if near else 'choose one of ' + ', '.join(sorted(known))}"
    )
