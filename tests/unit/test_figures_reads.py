"""What kinds of figures declare that they read: known metrics, whatever the options, found without drawing anything."""

import subprocess
import sys

import pytest
from workspace import ROOT

from reproof import registry
from reproof.declarations.evaluate import read_declaration
from reproof.metrics import read_metrics

KINDS = registry.list_registered("figures", "figure")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_declares_metrics_that_exist(kind):
    reads = read_declaration("figures", "figure", kind, only="reads")["reads"]
    assert reads({})
    metrics = {metric for entry in reads({}) for metric in ((entry,) if isinstance(entry, str) else entry)}
    assert metrics <= set(read_metrics())


@pytest.mark.parametrize("kind", KINDS)
def test_options_decide_what_is_read(kind):
    reads = read_declaration("figures", "figure", kind, only="reads")["reads"]
    other = {"metrics": ["test_loss_at_end"], "metric": "test_transfer_excess_error"}
    other["split"] = "test" if kind == "transfer" else "train"
    for option in set(other) & set(registry.list_options("figures", "figure", kind)):
        assert set(reads({option: other[option]})) != set(reads({})), option


def test_what_figures_read_is_found_without_drawing():
    code = """
import sys
from reproof import registry
from reproof.declarations.evaluate import read_declaration
for kind in registry.list_registered("figures", "figure"):
    read_declaration("figures", "figure", kind, only="reads")["reads"]({})
print(sorted({"torch", "pandas", "matplotlib", "numpy"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
