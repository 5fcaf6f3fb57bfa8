"""What surrounds a job: paths that nothing can run in are refused, and variables that would change results are gone."""

import os
import shutil
import subprocess
import sys

import pytest
from workspace import ROOT

from reproof.execution.surroundings import DROPPED, check_folder, check_folder_of_cluster, prepare_environment
from reproof.storage.errors import ReproofError

USABLE = [
    "a b",
    "it's",
    "h#1",
    "100%",
    "a;b",
    "ü 日本",
    "-dash",
    "~",
    "a&b",
    "*",
    "[x]",
    "(p)",
    "!",
    "<>",
    "a,b=c",
    "x" * 200,
    "é" * 200,
    "it's a " + "x" * 200,
]
UNUSABLE = ["{x}", "a}", "a:b", 'a"b', "$HOME", "a`b`", "a\\b", "a\nb", "a\tb", "\udcff", "it's" + "x" * 100, "#" * 100]
BRACES = "error: '{folder}': nothing can run in this folder, because its path contains '{{' "


@pytest.mark.parametrize("name", USABLE)
def test_most_names_of_folders_are_usable(name):
    check_folder(f"/home/{name}/reproof")


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_name_that_snakemake_or_an_installed_command_misreads_is_refused(name):
    with pytest.raises(ReproofError, match="nothing can run in this folder") as caught:
        check_folder(f"/home/{name}/reproof")
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", [*USABLE, *UNUSABLE])
def test_a_cluster_takes_plain_names_only(name):
    check_folder_of_cluster("/home/user_1/reproof-2.0+x@y/.venv/bin/python3")
    if name not in ("-dash", "100%", "a,b=c", "x" * 200):
        with pytest.raises(ReproofError, match="jobs cannot be submitted from this folder"):
            check_folder_of_cluster(f"/home/{name}/reproof")


def test_make_refuses_such_a_folder_before_it_installs(tmp_path):
    folder = tmp_path / "{x}"
    for name in ("reproof/execution", "reproof/storage"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("Makefile", "requirements.txt", "reproof/__init__.py"):
        shutil.copy(ROOT / name, folder / name)
    made = subprocess.run(
        ["make", "install", f"PYTHON={sys.executable}"], cwd=folder, check=False, capture_output=True, text=True
    )
    assert made.returncode != 0 and not (folder / ".venv").exists()
    assert made.stderr.startswith(BRACES.format(folder=folder)), made.stderr


def test_variables_that_would_change_results_are_dropped_or_fixed():
    variables = dict.fromkeys(DROPPED, "1") | {"PYTHONHASHSEED": "7", "PYTHONUTF8": "0", "CUDA_VISIBLE_DEVICES": "1"}
    prepare_environment(variables)
    assert variables == {"PYTHONHASHSEED": "0", "PYTHONUTF8": "1", "CUDA_VISIBLE_DEVICES": "1"}


@pytest.mark.parametrize("name", ["torch.py", "numpy/__init__.py", "json.py", "reproof/__init__.py", "yaml.py"])
def test_a_path_that_hides_a_package_is_refused(name, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    for path in (str(tmp_path), f"/nowhere:{tmp_path}:", os.path.relpath(tmp_path)):
        with pytest.raises(ReproofError, match=f"^PYTHONPATH: {tmp_path / name} hides /.*; start again with: env -u"):
            prepare_environment({"PYTHONPATH": path})


@pytest.mark.parametrize("name", ["sitecustomize.py", "own_module.py", "torch/README", "notes.json"])
def test_a_path_that_hides_nothing_is_left(name, tmp_path):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    for path in (str(tmp_path), "", "/nowhere", str(ROOT), f"{ROOT}:{tmp_path}"):
        variables = {"PYTHONPATH": path}
        prepare_environment(variables)
        assert variables["PYTHONPATH"] == path


def test_text_that_python_does_not_read_as_utf_8_is_refused():
    own = os.environ | {"PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    ran = subprocess.run(
        [sys.executable, "-m", "reproof.execution.surroundings"],
        cwd=ROOT, env=own, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert ran.returncode == 1 and ran.stderr.startswith("error: PYTHONUTF8, LC_ALL: Python takes text for ascii")
