"""One Slurm for all tests here; they are skipped, with the reason, where none can be started."""

import tempfile
from pathlib import Path

import pytest
from node import missing, one_node


@pytest.fixture(scope="session")
def node():
    """The running Slurm of one node; its folder must be one that every user can enter, which pytest's own are not."""
    why = missing()
    if why:
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder, one_node(Path(folder)) as node:
        yield node
