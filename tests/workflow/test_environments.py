"""The conda environments hold what their scripts import, in the versions of the lock."""

import re
import sys
from importlib.metadata import packages_distributions

import pytest
import yaml
from packaging.requirements import Requirement
from test_library import imported
from test_shape import RULES, script_of
from workspace import ROOT

from reproof.registry import find_module, list_registered

CONDA_NAMES = {"torch": "pytorch"}
PACKAGES = {"yaml": "pyyaml", "PIL": "pillow"}
BROUGHT_BY = {"numpy": "pandas"}
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))


def pinned(environment):
    """Return {package: version} of an environment."""
    lines = yaml.safe_load((ROOT / "envs" / environment).read_text())["dependencies"]
    return dict(re.fullmatch(r"([\w-]+) =(.+)", line).groups() for line in lines)


def locked(python):
    """Return {package: version} of the lock for a version of Python, on Linux."""
    surroundings = {"python_full_version": f"{python}.0", "python_version": python, "sys_platform": "linux"}
    lines = re.findall(r"^([a-z0-9][^\\\n]*==[^\\\n]*)", (ROOT / "requirements.txt").read_text(), flags=re.MULTILINE)
    wanted = [Requirement(line.strip()) for line in lines]
    wanted = [one for one in wanted if one.marker is None or one.marker.evaluate(surroundings)]
    return {one.name: str(one.specifier).removeprefix("==") for one in wanted}


def reached(script):
    """Return the modules of other packages that a script reaches through the library, and whose data it reads."""
    waiting, seen, outside = [script], set(), set()
    while waiting:
        path = waiting.pop()
        seen.add(path)
        for name in imported(path):
            file = ROOT.joinpath(*name.split("."))
            inside = [one for one in (file.with_suffix(".py"), file / "__init__.py") if one.is_file()]
            waiting += [one for one in inside if one not in seen]
            if name.split(".")[0] not in {"reproof", *sys.stdlib_module_names}:
                outside.add(name.split(".")[0])
        waiting += [one for one in loaded(path) if one not in seen]
        outside |= located(path)
    return outside


def loaded(path):
    """Return the modules that a file imports by a registered name: `registry.load(where, decorator, name)`."""
    kinds = re.findall(r'registry\.load\("(\w+)", "(\w+)"', path.read_text())
    return {find_module(*kind, name) for kind in kinds for name in list_registered(*kind)}


def located(path):
    """Return the packages whose folder a file looks for, to read the data in it."""
    return set(re.findall(r'find_spec\("(\w+)"\)', path.read_text()))


def recorded(script):
    """Return the packages whose versions a script writes into its record."""
    (line,) = re.findall(r"^with run_job\((.*)\)", script.read_text(), flags=re.MULTILINE)
    return set(re.findall(r'"(\w+)"', line))


@pytest.mark.parametrize("environment", [path.name for path in ENVIRONMENTS])
def test_versions_are_those_of_the_lock(environment):
    here = pinned(environment)
    versions = locked(here.pop("python"))
    versions = {CONDA_NAMES.get(name, name): version for name, version in versions.items()}
    assert here == {name: versions[name] for name in here}


@pytest.mark.parametrize("name", RULES)
def test_an_environment_has_what_its_scripts_import(name):
    (environment,) = re.findall(r'"\.\./envs/(\w+\.yaml)"', RULES[name]["conda"])
    there = set(pinned(environment))
    script = ROOT / f"workflow/scripts/{script_of(name)}.py"
    needed = {PACKAGES.get(module, module) for module in reached(script) | recorded(script)}
    needed = {CONDA_NAMES.get(package, package) for package in needed}
    assert {package for package in needed if BROUGHT_BY.get(package, package) not in there} == set()


def test_only_rules_that_train_need_torch():
    with_torch = {name for name, rule in RULES.items() if "torch.yaml" in rule["conda"]}
    assert {"train_dense", "retrain", "train_control"} <= with_torch
    assert not with_torch & {"prune", "measure_movement", "collect", "judge_claims", "draw_figure", "build_gallery"}


def named(*files):
    """Return the packages that these files of requirements name, in lower case."""
    lines = [line.partition("#")[0].strip() for file in files for line in (ROOT / file).read_text().splitlines()]
    return {Requirement(line).name.lower() for line in lines if line}


@pytest.mark.parametrize(
    ("folders", "files"),
    [
        (("reproof", "workflow"), ("requirements.in",)),
        (("bench", "tests"), ("requirements.in", "requirements-dev.in")),
    ],
)
def test_every_imported_package_is_named(folders, files):
    """A package that only another one brings disappears with it."""
    places = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    ours = {path.stem for path in places} | {path.parent.name for path in places} | {*folders, "reproof", "workflow"}
    modules = {name.split(".")[0] for path in places for name in imported(path) | located(path)}
    outside = modules - ours - sys.stdlib_module_names
    packages = packages_distributions()
    missing = {one for one in outside if not {name.lower() for name in packages.get(one, [one])} & named(*files)}
    assert missing == set()
    assert len(outside) > 5
