"""One smoke run, shared by all tests here; those that change something take a copy of it."""

import pytest


@pytest.fixture(scope="session")
def smoke(pristine, tmp_path_factory):
    """A copy of the repository in which everything has run at smoke scale, from nothing."""
    workspace = pristine.copy(tmp_path_factory.mktemp("smoke") / "reproof")
    workspace.snakemake("results/figures/all")
    return workspace


@pytest.fixture
def finished(smoke, tmp_path):
    """A copy of the finished smoke run, for one test to change."""
    return smoke.copy(tmp_path / "reproof")
