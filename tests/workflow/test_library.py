"""The library imports neither Snakemake nor, where it is science, the configuration."""

import ast
import subprocess
import sys

import pytest
from workspace import ROOT

MODULES = sorted((ROOT / "reproof").rglob("*.py"))
ABOUT_CONFIGURATION = {
    "configuration",
    "yaml_files",
    "cross_checks",
    "runs",
    "plan",
    "planned_job",
    "job_settings",
    "layout",
    "controls_and_evaluations",
    "options",
    "integrity",
    "inventory",
    "publishing",
    "resources",
}
PLANNING = ["plan", "layout", "planned_job", "job_settings", "inventory", "resources", "publishing", "forecast"]
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


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.stem not in ABOUT_CONFIGURATION],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_science_does_not_know_the_configuration(path):
    names = imported(path)
    assert not [name for name in names if name.split(".")[0] == "yaml"]
    assert not names & {f"reproof.{module}" for module in ABOUT_CONFIGURATION}


@pytest.mark.parametrize("path", [*(ROOT / f"reproof/{name}.py" for name in PLANNING), ROOT / "workflow/forecast.py"])
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
plan.code("train_dense", next(iter(plan.runs["lottery_ticket"].values())).dense)
print(sorted({"torch", "pandas", "matplotlib", "scipy", "snakemake"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_pruning_loads_neither_torch_nor_pandas():
    code = """
import sys
from reproof import registry
from reproof.execution import job_log as console
from reproof.provenance import identity as provenance
from reproof.operations import prune
registry.load("pruning", "criterion", "large_final")
print(sorted({"torch", "pandas", "matplotlib", "scipy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
