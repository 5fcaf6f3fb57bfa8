"""What all tests share: snapshots that `pytest --fix` rewrites, and copies of the repository to run Snakemake in."""

import json
import sys

import pytest
from workspace import Workspace


@pytest.fixture(autouse=True)
def one_thread():
    """Compute on one thread, as jobs do: with more, sums would round otherwise on other machines."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption("--fix", action="store_true", help="rewrite the snapshots; read their difference before a commit")


@pytest.fixture
def snapshot(request):
    """Return a function that compares a value with `snapshots/{name}.json` next to the test."""

    def compare(name, value):
        file = request.path.parent / "snapshots" / f"{name}.json"
        if request.config.getoption("--fix"):
            file.parent.mkdir(exist_ok=True)
            file.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
        # Read again after a rewrite, so that what JSON cannot hold (a tuple, an integer key) fails at once.
        kept = json.loads(file.read_text())
        assert value == kept, f"{file} says otherwise; if the change is meant, run pytest --fix and read the difference"

    return compare


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """A copy of the repository in which nothing has run, with all its papers. Tests that change it take a copy."""
    return Workspace.of_repository(tmp_path_factory.mktemp("repository") / "reproof")


@pytest.fixture(scope="session")
def pristine(repository, tmp_path_factory):
    """The same with the first paper alone: a run of it is short."""
    return repository.copy(tmp_path_factory.mktemp("pristine") / "reproof").of_papers("lottery_ticket")


@pytest.fixture
def workspace(pristine, tmp_path):
    """A copy of the repository for one test, to change and run in."""
    return pristine.copy(tmp_path / "reproof")
