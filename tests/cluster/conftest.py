"""One Slurm for all tests here; they are skipped, with the reason, where none can be started."""

import pytest
from node import missing, one_node


@pytest.fixture(scope="session")
def node(tmp_path_factory):
    """The running Slurm of one node."""
    why = missing()
    if why:
        pytest.skip(why)
    with one_node(tmp_path_factory.mktemp("slurm")) as node:
        yield node
