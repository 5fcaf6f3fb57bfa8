"""Planning a large graph: what functions of rules take is told once, wherever Snakemake keeps them."""

import subprocess

from workspace import ROOT

SNAKEFILE = """
import sys
sys.path.insert(0, {root!r})
from workflow.planning import tell_signatures

def data(wildcards):
    return f"{{wildcards.name}}.txt"

def settings(wildcards, input):
    return str(input)

def memory(wildcards, attempt):
    return 100 * attempt

rule all:
    input: "a.out"

rule one:
    input: data
    output: "{{name}}.out"
    params: settings=settings, code="plain"
    resources: units=memory, mem_mb=memory
    shell: "cp {{input}} {{output}} # {{params.settings}} {{resources.units}} {{resources.mem_mb}}"

tell_signatures(workflow.rules)
told = (one.__signature__ for one in (data, settings, memory))
print("TOLD", *told, file=sys.stderr)
"""


def test_functions_of_rules_are_found_wherever_snakemake_keeps_them(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE.format(root=str(ROOT)))
    (tmp_path / "a.txt").touch()
    command = ["snakemake", "-n", "-p", "--cores", "1"]
    ran = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    told = ran.stdout + ran.stderr
    assert "TOLD (wildcards) (wildcards, input) (wildcards, attempt)" in told
    assert "cp a.txt a.out # a.txt 100 100" in told
