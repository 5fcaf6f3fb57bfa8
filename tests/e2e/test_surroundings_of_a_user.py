"""The name of the folder and what a user has set change no result: all of it at once, against an ordinary run."""

import os
import shutil
import subprocess
import sys
import sysconfig
from hashlib import sha256
from pathlib import Path

import pytest
from workspace import Workspace

NAME = "it's a #1 %s; ü & (x)*!"
DATA = "results/data/mnist5k/data.safetensors"
SETTINGS = "figure.facecolor: black\nlines.linestyle: --\nsavefig.bbox: tight\nsvg.fonttype: none\n"
HOSTILE = {
    **{
        "LC_ALL": "C",
        "TZ": "Asia/Tokyo",
        "NO_COLOR": "1",
        "TMPDIR": "/nowhere",
        "CDPATH": "/",
    },
    **{
        "OMP_NUM_THREADS": "7",
        "MKL_NUM_THREADS": "5",
        "OPENBLAS_NUM_THREADS": "3",
        "ONEDNN_DEFAULT_FPMATH_MODE": "BF16",
    },
    **{"PYTHONHASHSEED": "7", "PYTHONOPTIMIZE": "2", "PYTHONSTARTUP": "/nowhere.py", "MPLBACKEND": "nonsense"},
}
SUFFIXES = {".safetensors", ".parquet", ".svg", ".png", ".pdf"}


@pytest.fixture
def awkward(pristine, tmp_path):
    """A copy with an awkward name, and a Python of its own inside, as `make` would install it."""
    folder = tmp_path / NAME
    workspace = pristine.copy(folder)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (packages,) = (folder / ".venv").glob("lib/python*/site-packages")
    (packages / "shared.pth").write_text(sysconfig.get_path("purelib"))
    return workspace


def run(workspace, target, **variables):
    """Run Snakemake by the folder's own Python, without a home."""
    own = {name: value for name, value in os.environ.items() if name != "HOME"}
    done = subprocess.run(
        [workspace / ".venv/bin/python", "-m", "snakemake", "--cores", "2", "--config", "scale=smoke", "--", target],
        cwd=workspace.folder, env=own | variables, umask=0o077, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_a_job_runs_in_a_folder_with_an_awkward_name_and_under_settings_of_all_kinds(awkward):
    run(awkward, DATA, **HOSTILE)
    assert (awkward / DATA).exists()


def test_a_folder_that_snakemake_cannot_name_is_one_line(pristine, tmp_path):
    ran = pristine.copy(tmp_path / "{x}").snakemake("-n", DATA, code=1)
    assert "because its path contains '{'" in ran.line("error:") and "Traceback" not in ran.text


def test_a_path_that_hides_the_library_behind_another_clone_is_one_line(pristine, tmp_path, monkeypatch):
    (tmp_path / "reproof").mkdir()
    (tmp_path / "reproof/__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    line = pristine.snakemake("-n", DATA, code=1).line("error:")
    assert line.startswith(f"error: PYTHONPATH: {tmp_path}/reproof/__init__.py hides ")


@pytest.mark.slow
def test_nothing_that_surrounds_a_run_changes_a_result(smoke, awkward, tmp_path):
    (awkward / "matplotlibrc").write_text(SETTINGS)
    (awkward / "torch.py").write_text("raise ImportError('this is not torch')")
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 3\n")  # in the folder above
    (tmp_path / "path").mkdir()
    (tmp_path / "path/sitecustomize.py").touch()
    run(awkward, "results/figures/all", PYTHONPATH=str(tmp_path / "path"), **HOSTILE)
    ordinary, hostile = hash_results(smoke), hash_results(awkward)
    assert len(ordinary) > 50 and hostile == ordinary


def test_a_clone_behind_a_link_is_the_same_folder(pristine, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(shutil.copytree(pristine.folder, tmp_path / "clone", symlinks=True))
    Workspace(link).snakemake(DATA)
    assert Workspace(tmp_path / "clone").planned(DATA) == {}


def hash_results(workspace):
    """Return {file: SHA-256} of everything that holds numbers or is drawn."""
    files = [Path(name) for name in workspace.find("*") if name.suffix in SUFFIXES]
    return {str(name): sha256((workspace / name).read_bytes()).hexdigest() for name in files}
