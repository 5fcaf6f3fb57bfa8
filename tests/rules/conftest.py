"""A folder with a tiny data set, and a dense block trained on it once."""

import shutil

import pytest
from tiny import Folder

from reproof.pipeline.train_dense import train_dense


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with data, the dense block's checkpoint with steps 0, 4 and the end, and its curves."""
    folder = Folder(tmp_path_factory.mktemp("trained"))
    train_dense(folder.job(snapshots=[0, 4]), checkpoint=folder("dense.safetensors"), curves=folder("dense.parquet"))
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of it for one test."""
    shutil.copytree(trained.path, tmp_path / "folder")
    copy = Folder.__new__(Folder)
    copy.path = tmp_path / "folder"
    return copy
