"""The shape of the workflow: what every rule has, one name for rule, script, log and library function, thin files."""

import ast
import re

import pytest
from workspace import ROOT

FILES = [ROOT / "Snakefile", *sorted((ROOT / "rules").glob("*.smk"))]
DIRECTIVES = {"message", "output", "log", "benchmark", "conda", "threads", "resources", "params", "script"}


def rules():
    """Return {name: {directive: its text}} of all rules."""
    found = {}
    for file in FILES:
        for block in re.split(r"^rule (?=\w+:$)", file.read_text(), flags=re.MULTILINE)[1:]:
            name, _, body = block.partition(":\n")
            parts = re.split(r"^    (\w+):", body, flags=re.MULTILINE)
            assert name not in found
            found[name] = dict(zip(parts[1::2], parts[2::2], strict=True))
    return found


RULES = rules()
assert set(RULES.pop("all")) == {"default_target", "input"}
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
    assert set(RULES[name]) - {"input", "priority"} == DIRECTIVES


@every_rule
def test_rule_script_log_and_library_function_carry_one_name(name):
    rule = RULES[name]
    assert rule["script"].strip() == f'"../workflow/scripts/{name}.py"'
    (log,) = re.findall(r'"(logs/.*)"', rule["log"])
    assert log.endswith(f"/{name}.log")
    assert f'PLAN.code("{name}"' in rule["params"]
    library = ast.parse((ROOT / f"reproof/jobs/{name}.py").read_text())
    assert name in [node.name for node in library.body if isinstance(node, ast.FunctionDef)]
    assert f"from reproof.jobs.{name} import {name}\n" in (ROOT / f"workflow/scripts/{name}.py").read_text()


@every_rule
def test_settings_and_code_are_params_and_the_record_is_an_output(name):
    assert re.search(r"^ +settings=", RULES[name]["params"], flags=re.MULTILINE)
    assert re.search(r"^ +code=", RULES[name]["params"], flags=re.MULTILINE)
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
    assert {path.stem for path in SCRIPTS} == set(RULES)
    jobs = {path.stem for path in (ROOT / "reproof/jobs").glob("*.py")} - {
        "__init__",
        "beside",
        "own_training",
        "subject",
        "thumbnails",
        "training",
    }
    assert jobs == set(RULES)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_each_file_opens_with_what_it_does_and_stays_short(file):
    text = file.read_text()
    assert ast.get_docstring(ast.parse(text.split("\n\n\n")[0])), "a docstring comes first"
    limit = {"Snakefile": 45, "common.smk": 60}.get(file.name, 150)
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
    assert text.startswith(f'"""Adapter: reproof.jobs.{script.stem}."""\n')
    branches = (ast.If, ast.For, ast.While, ast.Try, ast.FunctionDef)
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, branches)]


@every_script
def test_what_costs_time_to_import_is_imported_where_an_error_is_logged(script):
    top = [node for node in ast.parse(script.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert {node.module for node in top} == {"reproof.adapter"}
