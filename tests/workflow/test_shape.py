"""The shape of the workflow: what every rule has, one name for rule, script, log and library function, thin files."""

import ast
import re

import pytest
from workspace import ROOT

from reproof.registry import list_registered
from reproof.settings import get_stored_name

FILES = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
DIRECTIVES = {"message", "output", "log", "benchmark", "conda", "threads", "resources", "params", "script"}


def rules():
    """Return {name: {directive: its text}} of all rules; an operation has its own directives and its template's."""
    found = {}
    heads = r"^(rule (?=\w+:$)|use rule operation as (?=\w+ with:$))"
    for file in FILES:
        _, *blocks = re.split(heads, file.read_text(), flags=re.MULTILINE)
        for head, block in zip(blocks[::2], blocks[1::2], strict=True):
            name, _, body = block.partition(":\n")
            name = name.removesuffix(" with")
            parts = re.split(r"^    (\w+):", body, flags=re.MULTILINE)
            assert name not in found
            own = dict(zip(parts[1::2], parts[2::2], strict=True))
            found[name] = own if head == "rule " else found["operation"] | own
    return found


RULES = rules()
assert set(RULES.pop("all")) == {"default_target", "input"}
TEMPLATE = RULES.pop("operation")
OPERATIONS = set(list_registered("operations", "operation"))
SCRIPTS = sorted((ROOT / "workflow/scripts").glob("*.py"))
every_rule = pytest.mark.parametrize("name", RULES)
every_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)


def test_the_operations_of_the_design_are_there():
    assert set(RULES) >= {
        "fetch_dataset",
        "train_dense",
        "prune",
        "retrain",
        "train_control",
        "collect",
        "judge_claims",
    }


@every_rule
def test_every_rule_has_all_its_directives_and_runs_a_script(name):
    assert set(RULES[name]) - {"input", "priority", "wildcard_constraints"} == DIRECTIVES


@every_rule
def test_rule_script_log_and_library_function_carry_one_name(name):
    rule, script = RULES[name], script_of(name)
    assert rule["script"].strip() == f'"../workflow/scripts/{script}.py"'
    (log,) = re.findall(r'"(logs/.*)"', rule["log"])
    assert log.endswith(f"/{name}.log")
    assert f'PLAN.find_code("{script}"' in rule["params"]
    library = ast.parse((ROOT / f"reproof/{room_of(name)}/{name}.py").read_text())
    assert name in [node.name for node in library.body if isinstance(node, ast.FunctionDef)]
    if script == name:
        text = (ROOT / f"workflow/scripts/{name}.py").read_text()
        assert f"from reproof.{room_of(name)}.{name} import {name}\n" in text


def room_of(name):
    """Return the package that holds the work of a rule."""
    return "operations" if (ROOT / f"reproof/operations/{name}.py").exists() else "pipeline"


def script_of(name):
    """Return the script that a rule runs: one serves all operations."""
    return "operation" if name in OPERATIONS else name


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_has_paths_and_a_message_of_its_own(name):
    rule = RULES[name]
    places = {"output": "results", "log": "logs", "benchmark": "benchmarks"}
    for directive, folder in places.items():
        found = re.findall(r'"(\w+/\w+)/', rule[directive])
        assert set(found) == {f"{folder}/{get_stored_name(name)}"}
    assert rule["message"].strip() and rule["message"] != TEMPLATE["message"]


def test_the_rule_of_any_operation_gives_way_to_those_of_their_own():
    orders = re.findall(r"^ruleorder: (.*) > operation$", (ROOT / "rules/operations.smk").read_text(), flags=re.M)
    assert {name for order in orders for name in order.split(" > ")} == OPERATIONS | {"train_control"}
    assert set(TEMPLATE) == DIRECTIVES | {"input"}


@every_rule
def test_settings_and_code_are_params_and_the_record_is_an_output(name):
    """They depend on wildcards alone: Snakemake does not remember parameters that depend on inputs or outputs."""
    assert re.search(r"^ +settings=lambda wildcards: ", RULES[name]["params"], flags=re.MULTILINE)
    assert re.search(r"^ +code=lambda wildcards: ", RULES[name]["params"], flags=re.MULTILINE)
    assert re.search(r'^ +record="results/', RULES[name]["output"], flags=re.MULTILINE)


@every_rule
def test_inputs_and_outputs_are_named(name):
    for directive in ("input", "output"):
        for line in RULES[name].get(directive, "").splitlines():
            if line.strip() and line.startswith(" " * 8) and not line.startswith(" " * 9) and line.strip() != "),":
                assert re.match(r"^ {8}\w+=", line), line


@every_rule
def test_needs_grow_with_each_attempt(name):
    for need in ("mem_mb", "runtime"):
        assert re.search(rf"{need}=lambda wildcards, attempt: .*(\* |, )attempt\)?,\n", RULES[name]["resources"])


def test_there_is_a_rule_for_every_script_and_every_job():
    assert set(RULES) >= OPERATIONS
    assert {path.stem for path in SCRIPTS} == {script_of(name) for name in RULES}
    rooms = (ROOT / "reproof/operations", ROOT / "reproof/pipeline")
    assert {path.stem for room in rooms for path in room.glob("*.py")} - {"__init__"} == set(RULES)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_each_file_opens_with_what_it_does_and_stays_short(file):
    text = file.read_text()
    assert ast.get_docstring(ast.parse(text.split("\n\n\n")[0])), "a docstring comes first"
    limit = {"Snakefile": 45, "common.smk": 60, "operations.smk": 240}.get(file.name, 150)
    assert len(text.splitlines()) <= limit


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_rules_follow_wildcards_and_nothing_else(file):
    text = file.read_text()
    assert not re.search(r"^\s*(run|shell|checkpoint \w+|wrapper):", text, flags=re.MULTILINE)
    assert not re.search(r"^[ \t]+rule ", text, flags=re.MULTILINE), "no rule in a loop or behind an if"
    assert "config[" not in text


@every_script
def test_scripts_are_thin_adapters(script):
    text = script.read_text()
    assert len(text.splitlines()) <= 30
    assert ".config" not in text
    what = f"reproof.{room_of(script.stem)}.{script.stem}"
    what = "the operation that the settings name" if script.stem == "operation" else what
    assert text.startswith(f'"""Adapter: {what}."""\n')
    branches = (ast.If, ast.For, ast.While, ast.Try, ast.FunctionDef)
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, branches)]


@every_script
def test_what_costs_time_to_import_is_imported_where_an_error_is_logged(script):
    top = [node for node in ast.parse(script.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {node.module for node in top} == {"reproof.execution.job"}
