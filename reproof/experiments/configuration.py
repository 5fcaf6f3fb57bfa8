"""The configuration: papers patched by a scale, merged, then checked so strictly that a typing error cannot pass.

Every complaint is one line that names file and key and says what would be right.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, relevance
from referencing import Registry, Resource

from reproof.experiments.strict_yaml import Tree, make_complaint, read_yaml
from reproof.storage.files import ROOT, ReproofError
from reproof.storage.places import check_place

SCHEMAS = ROOT / "workflow" / "schemas"
LONGEST = 120  # characters of a complaint; jsonschema repeats the whole mapping first, so only the end is shown


@dataclass(frozen=True)
class SettingsSource:
    """The settings of a paper, as published or as a scale changes them, and the file and key that an error names."""

    settings: Tree
    file: Path
    under: str = ""

    def make_complaint(self, key: str, what: str) -> ReproofError:
        """Return the error for one key of these settings."""
        return make_complaint(self.file, self.under + key, what)


@dataclass(frozen=True)
class Paper:
    """One paper at one scale, merged and checked, with what the scale changed.

    An error in the published settings names the paper's file. An error only in the merged settings names the scale's.
    """

    name: str
    published: SettingsSource
    merged: SettingsSource
    departures: tuple[Tree, ...]

    @property
    def settings(self) -> Tree:
        """The settings at this scale."""
        return self.merged.settings

    @property
    def published_runs(self) -> Tree:
        """The runs as the paper's file has them."""
        runs: Tree = self.published.settings["runs"]
        return runs


@dataclass(frozen=True)
class Configuration:
    """The papers at one scale, and the settings of the scale and of the data: the input of the plan."""

    scale: str
    about: str
    blocks: Tree
    data: Tree
    papers: tuple[Paper, ...]
    scales: tuple[str, ...]
    publish: Tree | None = None


def read_configuration(config: Tree, *, folder: Path = ROOT / "config", trusted: bool = False) -> Configuration:
    """Return the configuration that `config` (config/config.yaml and command line) asks for, merged and valid.

    Raises ReproofError for an unknown scale or paper, for an unreadable file, and for all that the schemas do not
    allow. With `trusted` the schemas are not checked: another process has checked them before.
    """
    check = _accept if trusted else _check
    check(SettingsSource(config, folder / "config.yaml"), "config.schema.yaml")
    for key in ("mirror", "imagefolder"):
        if place := config["data"].get(key):
            # Before anything logs it: an address may hold a password.
            check_place(place, f"{folder / 'config.yaml'}: data.{key}", addresses=key == "mirror")
    scale_file = _find_file(folder / "scales", config["scale"], "scale")
    scale = read_yaml(scale_file)
    check(SettingsSource(scale, scale_file), "scale.schema.yaml")
    for paper in scale.get("papers", {}):
        if paper not in list_names(folder / "papers"):
            raise make_complaint(
                scale_file, f"papers.{paper}", describe_unknown(paper, tuple(list_names(folder / "papers")))
            )
    papers = tuple(_read_paper(name, scale, scale_file, folder, check) for name in config["papers"])
    scales = tuple(list_names(folder / "scales"))
    blocks, publish = scale["blocks"], scale.get("publish")
    return Configuration(config["scale"], scale["about"], blocks, config["data"], papers, scales, publish)


def list_names(folder: Path) -> list[str]:
    """Return the names of the YAML files of a folder."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def list_figure_runs(figure: Tree) -> list[str]:
    """Return the runs that an entry under `figures` draws, panel by panel."""
    return [run for panel in figure["runs"] for run in ([panel] if isinstance(panel, str) else panel)]


def merge(base: Any, patch: Any) -> Any:
    """Return `base` with `patch` laid over it: mappings merge, anything else replaces, null removes a key.

    The key "*" with null removes every key of `base` that `patch` does not name.
    """
    if not isinstance(patch, dict):
        return patch
    base = base if isinstance(base, dict) else {}
    if "*" in patch:
        patch = {key: value for key, value in patch.items() if key != "*"}
        base = {key: value for key, value in base.items() if key in patch}
    both = base | {key: merge(base.get(key), value) for key, value in patch.items()}
    return {key: value for key, value in both.items() if value is not None}


def _read_paper(
    name: str, scale: Tree, scale_file: Path, folder: Path, check: Callable[[SettingsSource, str], None]
) -> Paper:
    file = _find_file(folder / "papers", name, "papers")
    base, patch = read_yaml(file), scale.get("papers", {}).get(name, {})
    published = SettingsSource(merge(base, {}), file)
    merged = SettingsSource(merge(base, patch), scale_file, f"papers.{name}.")
    check(published, "paper.schema.yaml")
    runs = merged.settings.get("runs")
    for run in sorted(set(runs) - set(published.settings["runs"])) if isinstance(runs, dict) else []:
        raise merged.make_complaint(f"runs.{run}", describe_unknown(run, published.settings["runs"]))
    check(merged, "paper.schema.yaml")
    return Paper(name, published, merged, tuple(_find_differences(published.settings, merged.settings)))


def _find_differences(base: Any, merged: Any, at: tuple[str, ...] = ()) -> Iterator[Tree]:
    """Yield {key, paper, here} for each value of the runs in which the scale departs from the paper."""
    if not isinstance(base, dict) or not isinstance(merged, dict):
        if base != merged:
            yield {"key": ".".join(at), "paper": _shorten(base), "here": _shorten(merged)}
        return
    for key in list(dict.fromkeys([*base, *merged])) if at else ["runs"]:
        yield from _find_differences(base.get(key), merged.get(key), (*at, key))


def _shorten(value: Any) -> Any:
    """Return a value as the table of departures shows it; a whole mapping (a run, a control) becomes "run"."""
    return "run" if isinstance(value, dict) else "not run" if value is None else value


def _find_file(folder: Path, name: str, what: str) -> Path:
    names = list_names(folder)
    if name not in names:
        raise make_complaint(folder.parent / "config.yaml", what, describe_unknown(name, tuple(names)))
    return folder / f"{name}.yaml"


@cache
def _read_schemas() -> Registry[Any]:
    files = SCHEMAS.glob("*.schema.yaml")
    return Registry().with_resources((file.name, Resource.from_contents(read_yaml(file))) for file in files)


def _accept(source: SettingsSource, schema: str) -> None:
    """Accept the settings without a check."""


def _check(source: SettingsSource, schema: str) -> None:
    """Raise ReproofError for the most relevant violation of a schema, if there is one."""
    validator = Draft202012Validator(_read_schemas()[schema].contents, registry=_read_schemas())
    error = max(validator.iter_errors(source.settings), key=relevance, default=None)
    if error is not None:
        path, what = _describe_error(error)
        raise source.make_complaint(".".join(map(str, path)) or "(top)", what)


def _describe_error(error: ValidationError) -> tuple[list[Any], str]:
    """Return (path of the key, the error and the correction)."""
    path, value = list(error.absolute_path), cast(Any, error.instance)
    if error.validator == "additionalProperties":
        known = list(error.schema.get("properties", {})) if isinstance(error.schema, dict) else []
        extra = sorted(key for key in dict(value) if key not in known)[0]
        near = get_close_matches(extra, known, 1)
        return [*path, extra], f"unknown key; did you mean {near[0]!r}?" if near else f"unknown key; known: {known}"
    if error.validator in ("type", "oneOf") and isinstance(value, str) and _is_number(value):
        return path, describe_no_number(value)
    text = " ".join(error.message.split())
    return path, text if len(text) < LONGEST else f"... {text[-LONGEST // 2 :]}"


def describe_no_number(value: Any) -> str:
    """Return the complaint about a value that should be a number; for `1e-4` with the form that YAML reads as one."""
    if isinstance(value, str) and _is_number(value):
        return f"{value!r} is text, not a number: YAML reads it so; write {_as_yaml_number(value)}"
    return f"{value!r} is not a number"


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


def describe_unknown(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Return the complaint about a name that is not among the known ones."""
    near = get_close_matches(name, list(known), 1)
    return (
        f"{name!r} is unknown; {f'did you mean {near[0]!r}?' if near else 'choose one of ' + ', '.join(sorted(known))}"
    )
