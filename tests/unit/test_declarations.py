"""Declarations in decorators, evaluated from source: planning reads them without what their modules import."""

import subprocess
import sys

import pytest
from workspace import ROOT

from reproof import registry
from reproof.declarations import evaluate as declarations
from reproof.declarations.costs import Size
from reproof.declarations.evaluate import read_declaration
from reproof.registry import list_registered
from reproof.storage.files import ReproofError

HEAD = "import torch\nfrom torch import Tensor\nfrom math import comb\nfrom reproof.declarations.costs import Size\n\n"
FUNCTION = "\n\ndef one(x: Tensor) -> Tensor:\n    return x\n"


@pytest.fixture
def declared(tmp_path, monkeypatch):
    """Returns what a module with such a text declares of `one`; the library's own modules stay what they are."""
    (tmp_path / "place").mkdir()
    monkeypatch.setattr(registry, "_find_modules", registry._find_modules.__wrapped__)
    monkeypatch.setattr(declarations, "find_module", lambda *which: registry.find_module(*which, library=tmp_path))
    monkeypatch.setattr(declarations, "_shorten", lambda path: path.name)

    def read(text, head=HEAD):
        (tmp_path / "place/module.py").write_text(head + text + FUNCTION)
        return dict(read_declaration.__wrapped__("place", "marked", "one"))

    registry.parse_module.cache_clear()
    yield read
    registry.parse_module.cache_clear()


def test_keyword_arguments_are_evaluated_with_what_they_reach(declared):
    text = """
BASE = 2
BASE += 1
UNUSED = torch.zeros(3)
OTHERS: list[int] = [*(BASE + i for i in range(2))]

def helper(n):
    return comb(n, 2) + BASE

def cost(torch, *, units=BASE):
    return Size(helper(units), torch)

@marked(metrics=OTHERS, cost=cost, size=Size(1, products=2), plain="x")"""
    found = declared(text)
    assert (found["metrics"], found["size"], found["plain"]) == ([3, 4], Size(1, 2), "x")
    assert found["cost"](7, units=4) == Size(6 + 3, 7), "an argument called as a package is is none"


def test_a_bare_decorator_declares_nothing(declared):
    assert declared("@marked") == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("@marked(cost=torch.zeros(3))", r"module.py: marked one: its declaration reaches torch, which planning"),
        ("def deep():\n    return torch.zeros(3)\n\n@marked(cost=deep)", "its declaration reaches torch, which"),
        ("def deep(x: Tensor): ...\n\n@marked(cost=deep)", "its declaration reaches torch"),
        ("@marked(cost=nowhere)", "its declaration reads nowhere; define it at the top level of the module"),
        ("if True:\n    X = 1\n\n@marked(cost=X)", "its declaration reads X; define it at the top level"),
        (
            "from reproof.networks.layers import scale_units\n\n@marked(cost=scale_units(3, 1.0))",
            r"its declaration reaches (torch|numpy) through reproof.networks.layers",
        ),
        (
            "from reproof.pipeline.collect import MEASURES\n\n@marked(cost=MEASURES)",
            r"reaches (pandas|numpy) through reproof.pipeline",
        ),
    ],
)
def test_what_reaches_torch_or_nothing_is_refused_with_file_and_name(declared, text, says):
    with pytest.raises(ReproofError, match=says):
        declared(text)


def test_operations_and_networks_are_read_without_torch_or_pandas():
    """A declaration that is right under torch and wrong in planning would be found by a cluster."""
    code = """
import sys
from reproof.registry import list_registered
from reproof.declarations.evaluate import read_declaration
for which in (("operations", "operation"), ("pipeline", "measurement"), ("networks", "network")):
    for name in list_registered(*which):
        assert read_declaration(*which, name)
print(sorted({"torch", "pandas", "scipy", "matplotlib", "yaml"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "which",
    [("operations", "operation"), ("operations", "measurement"), ("pipeline", "measurement"), ("networks", "network")],
)
def test_the_decorators_return_the_function_that_is_registered(which):
    for name in list_registered(*which):
        function = registry.load(*which, name)
        assert function.__name__ == name and function.__module__.startswith("reproof.")
