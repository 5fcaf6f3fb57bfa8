"""The rooms of the library: which may import which, and what none of them does."""

import ast
import graphlib
import subprocess
import sys

import pytest
from workspace import ROOT

MODULES = sorted((ROOT / "reproof").rglob("*.py"))
BASE = {"storage", "registry", "seeding", "settings", "declarations", "metrics"}
SCIENCE = {
    *("data", "networks", "pruning", "training", "supermasks"),
    *("connectivity", "probing", "representations", "attacks"),
}
FLOORS = {  # room: the rooms that it may import. Science and the planning of experiments never meet.
    **{"storage": set(), "seeding": set(), "settings": set(), "registry": {"storage"}},
    **{"declarations": {"storage", "registry"}, "metrics": {"storage", "registry", "declarations"}},
    **{"provenance": BASE, "execution": BASE | {"provenance"}},
    **{"data": BASE, "networks": BASE, "pruning": BASE, "probing": BASE},
    **{"training": BASE | {"data", "networks"}, "representations": BASE | {"networks"}},
    **{"connectivity": BASE | {"data", "training"}, "supermasks": BASE | {"data", "networks", "training"}},
    "attacks": BASE | {"data", "networks", "training"},
    "operations": BASE | SCIENCE,
    **{"judging": BASE, "figures": BASE, "gallery": BASE | {"judging"}},
    "pipeline": BASE | SCIENCE | {"operations", "provenance", "judging", "figures", "gallery"},
    "experiments": BASE | {"provenance", "judging"},
    "planning": BASE | {"provenance", "experiments"},
    "publishing": BASE | {"provenance", "experiments", "planning"},
}
PLANNING = [path for room in ("planning", "publishing") for path in sorted((ROOT / "reproof" / room).glob("*.py"))]
every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))


def imported(path):
    """Return the modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module or ""} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@every_module
def test_no_module_imports_snakemake(path):
    assert not [name for name in imported(path) if name.split(".")[0].startswith("snakemake")]


def room_of(module):
    """Return the room of a module of the library by its dotted name; a module at the root is a room of its own."""
    return module.split(".")[1]


@every_module
def test_arrows_between_rooms_run_downwards(path):
    """The table says which room may import which; connectivity that imports operations, say, fails here."""
    dotted = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    if dotted == "reproof.__init__":
        return
    own = room_of(dotted)
    rooms = {room_of(name) for name in imported(path) if name.startswith("reproof.")} & FLOORS.keys()
    assert rooms - {own} <= FLOORS[own]


def test_the_table_of_rooms_is_the_library_and_has_no_circle():
    here = {path.relative_to(ROOT / "reproof").with_suffix("").parts[0] for path in MODULES} - {"__init__"}
    assert here == set(FLOORS)
    assert len([path for path in (ROOT / "reproof").glob("*.py") if path.stem != "__init__"]) <= 4
    graphlib.TopologicalSorter({room: below - {room} for room, below in FLOORS.items()}).prepare()


@pytest.mark.parametrize("room", sorted(SCIENCE | {"operations", "pipeline", "judging", "figures", "gallery"}))
def test_science_does_not_know_the_configuration(room):
    names = {name for path in (ROOT / "reproof" / room).rglob("*.py") for name in imported(path)}
    assert not {name for name in names if name.split(".")[0] == "yaml"}
    assert not {"experiments", "planning", "publishing"} & FLOORS[room]


@pytest.mark.parametrize("path", [*PLANNING, ROOT / "workflow/forecast.py"], ids=lambda path: path.stem)
def test_planning_takes_no_path_and_no_settings_apart(path):
    """A job is a value: nothing reads its run, seeds or settings back from a path or a line that was made of them."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    methods = [call for call in calls if isinstance(call.func, ast.Attribute)]
    cutting = {"split", "rsplit", "partition", "rpartition"}
    assert not [ast.unparse(one) for one in methods if one.func.attr in cutting and "'/'" in map(ast.unparse, one.args)]
    assert "json" not in imported(path)


@every_module
def test_files_are_short_and_say_what_they_are(path):
    text = path.read_text()
    assert len(text.splitlines()) < 250
    assert ast.get_docstring(ast.parse(text))


@every_module
def test_no_seed_is_global(path):
    """Generators are passed: a global one makes a result depend on what ran before it."""
    calls = [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    forbidden = {"torch.manual_seed", "np.random.seed", "random.seed", "np.random.rand", "np.random.randn"}
    assert not forbidden & set(calls)


def test_planning_loads_neither_torch_nor_what_draws_and_judges():
    """A start would cost seconds, and so would every job: Snakemake plans again in each."""
    code = """
import sys, yaml
from pathlib import Path
from reproof.experiments.configuration import read_configuration
from reproof.planning.plan import Plan
plan = Plan(read_configuration(yaml.safe_load(Path("config/config.yaml").read_text())))
plan.find_code("train_dense", next(iter(plan.runs["lottery_ticket"].values())).dense)
print(sorted({"torch", "pandas", "matplotlib", "scipy", "snakemake"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_pruning_loads_neither_torch_nor_pandas():
    code = """
import sys
from reproof import registry
from reproof.execution import job_log
from reproof.provenance import identity
from reproof.pipeline import prune
registry.load("pruning", "criterion", "large_final")
print(sorted({"torch", "pandas", "matplotlib", "scipy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
