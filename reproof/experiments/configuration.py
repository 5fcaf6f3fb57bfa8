"""The configuration: papers patched by a scale, merged, then checked so strictly that a typing error cannot pass.

Every complaint is one line that names file and key and says what would be right.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from reproof.experiments.schemas import SettingsSource, check_schema, read_schema
from reproof.experiments.strict_yaml import Tree, make_complaint, read_yaml
from reproof.experiments.yaml_scalars import is_integer, shorten
from reproof.storage.files import ROOT
from reproof.storage.places import check_place

NAME = "[a-z0-9_]+"  # of scales, papers and figures, which are parts of paths
CONFIG_SCHEMA = "config.schema.yaml"
FULL_SCALE = "paper"  # runs every paper as published; any other scale runs the papers that it names


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
    left_out: tuple[str, ...] = ()

    def describe_left_out(self) -> str:
        """Return which of the papers asked for this scale does not run, and the remedy; "" if it runs all."""
        if not self.left_out:
            return ""
        names = ", ".join(self.left_out)
        return f"scale {self.scale} leaves out {names}; name a paper under `papers` of its file to run it"


def check_config_file(file: Path) -> None:
    """Raise ReproofError for a config.yaml that Snakemake would read otherwise than it is written, or must not run.

    Snakemake's own reader takes the last of two equal keys, and its template engine runs expressions.
    """
    check_schema(SettingsSource(read_yaml(file), file), CONFIG_SCHEMA)


def read_configuration(config: Tree, *, folder: Path = ROOT / "config", trusted: bool = False) -> Configuration:
    """Return the configuration that `config` (config/config.yaml and command line) asks for, merged and valid.

    Raises ReproofError for an unknown scale or paper, for an unreadable file, and for all that the schemas do not
    allow. With `trusted` the schemas are not checked: another process has checked them before.
    """
    check = _accept if trusted else check_schema
    config = {key: _read_typed(value) if key == "data" else value for key, value in config.items()}
    check(SettingsSource(config, folder / "config.yaml"), CONFIG_SCHEMA)
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
    for paper in config["papers"]:
        _find_file(folder / "papers", paper, "papers")
    run = [name for name in config["papers"] if config["scale"] == FULL_SCALE or name in scale.get("papers", {})]
    if not run:
        raise make_complaint(scale_file, "papers", f"names none of {', '.join(config['papers'])}; add the paper to run")
    return Configuration(
        scale=config["scale"],
        about=scale["about"],
        blocks=scale["blocks"],
        data=config["data"],
        papers=tuple(_read_paper(name, scale, scale_file, folder, check) for name in run),
        scales=tuple(list_names(folder / "scales")),
        publish=scale.get("publish"),
        left_out=tuple(name for name in config["papers"] if name not in run),
    )


def _read_typed(data: Any) -> Any:
    """Return the settings of data with text of the command line in its type: Snakemake reads all there as text.

    In a file, such text is an error of its own: see `check_config_file`.
    """
    known = read_schema(CONFIG_SCHEMA)["properties"]["data"]["properties"]
    return {key: _parse(value, known.get(key, {})) for key, value in data.items()} if isinstance(data, dict) else data


def _parse(value: Any, schema: Tree) -> Any:
    kinds = schema.get("type", [])
    if not isinstance(value, str):
        return value
    if "null" in kinds and value in ("null", ""):
        return None
    return int(value) if kinds == "integer" and is_integer(value) else value


def list_names(folder: Path) -> list[str]:
    """Return the names of the YAML files of a folder; hidden ones are those of systems and editors."""
    return sorted(path.stem for path in folder.glob("*.yaml") if not path.name.startswith("."))


def list_figure_runs(figure: Tree) -> list[str]:
    """Return the runs that an entry under `figures` draws, panel by panel."""
    return [run for panel in list_figure_panels(figure) for run in panel]


def list_figure_panels(figure: Tree) -> list[list[str]]:
    """Return the runs of each panel of an entry under `figures`."""
    return [[panel] if isinstance(panel, str) else list(panel) for panel in figure["runs"]]


def list_drawn_figures(figures: Tree, here: Collection[str]) -> list[str]:
    """Return the figures of which at least one panel is drawn where only the runs `here` are run.

    Of a panel that overlays runs two are needed: one alone compares nothing.
    """
    panels = {name: list_figure_panels(figure) for name, figure in figures.items()}
    return [name for name, each in panels.items() if any(len(set(here) & set(p)) >= min(len(p), 2) for p in each)]


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
    if not re.fullmatch(NAME, name):
        odd = f"{name!r} holds more than lower-case letters, digits and _, which paths of results need; rename its file"
        raise make_complaint(folder.parent / "config.yaml", what, odd)
    return folder / f"{name}.yaml"


def _accept(source: SettingsSource, schema: str) -> None:
    """Accept the settings without a check."""


def describe_unknown(name: str, known: Mapping[str, Any] | tuple[str, ...]) -> str:
    """Return the complaint about a name that is not among the known ones."""
    near = get_close_matches(name, list(known), 1)
    remedy = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(sorted(known))}"
    return f"{shorten(name)!r} is unknown; {remedy}"
