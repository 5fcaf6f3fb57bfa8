"""The examples in docstrings run and give what they say."""

import doctest
import importlib

import pytest
from workspace import ROOT

MODULES = sorted(path for path in (ROOT / "reproof").rglob("*.py") if ">>> " in path.read_text())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_examples_in_docstrings_run(path):
    module = importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    found = doctest.testmod(module)
    assert found.attempted > 0 and found.failed == 0
