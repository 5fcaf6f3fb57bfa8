"""What is registered by decorator, found without importing it."""

import pytest

from reproof.figures import KINDS
from reproof.judging.judges import JUDGES
from reproof.networks import list_networks
from reproof.provenance.fingerprint import read_file_states
from reproof.provenance.source_tree import Tree
from reproof.registry import find_module, list_options, list_registered, load, parse_module
from reproof.storage.files import ReproofError

PLACES = {
    ("pruning", "criterion"): {"large_final", "large_init"},
    ("pruning", "control"): {"reinitialise", "shuffle_mask", "reshuffle_initial", "prune_at_init", "noise"},
    ("networks", "network"): {"lenet_300_100", "conv_2", "conv_4", "conv_6", "resnet_20", "vgg_16", "vgg_19"},
    ("data", "source"): {"mnist5k", "mnist", "cifar10", "cifar10_jpeg", "imagefolder"},
    ("figures", "figure"): {"early_stopping_and_accuracy", "learning_curves", "weight_movement"},
}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[1])
def test_what_the_papers_use_is_found(place):
    assert PLACES[place] <= set(list_registered(*place))


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[1])
def test_everything_found_can_be_loaded_under_its_name(place):
    for name in list_registered(*place):
        assert load(*place, name).__name__ == name


def test_what_is_read_from_source_is_what_the_libraries_register():
    assert set(list_registered("figures", "figure")) == set(KINDS)
    assert set(list_registered("judging", "judge")) == set(JUDGES)
    assert set(list_registered("networks", "network")) == set(list_networks())


def test_a_single_module_can_be_searched():
    assert list_registered("pruning/criteria.py", "criterion") == ("large_final", "large_init")
    assert list_registered("pruning/masks.py", "criterion") == ()


def test_options_are_the_keyword_only_arguments():
    assert list_options("pruning", "control", "noise") == ("scale",)
    assert list_options("pruning", "control", "shuffle_mask") == ()
    assert set(list_options("networks", "network", "lenet_300_100")) == {"input_shape", "classes", "width"}


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ReproofError, match=r"^criterion 'largest' is unknown; choose one of grad, large_final, large_"):
        find_module("pruning", "criterion", "largest")


STRAY = {"._plain.py": b"\x00\x05\x16\x07", ".plain.py.swp.py": b"b0VIM", ".#plain.py": None}


@pytest.mark.parametrize("name", STRAY)
def test_files_that_systems_and_editors_drop_are_no_modules(tmp_path, name):
    """An editor marks an open file by a link to nothing; macOS adds a second file to each on other disks."""
    (tmp_path / "place").mkdir()
    (tmp_path / "place/plain.py").write_text("@mark\ndef plain():\n    return 1\n")
    if STRAY[name] is None:
        (tmp_path / "place" / name).symlink_to("somebody@somewhere.1234")
    else:
        (tmp_path / "place" / name).write_bytes(STRAY[name])
    assert list_registered("place", "mark", library=tmp_path) == ("plain",)
    assert read_file_states(tmp_path) == read_file_states(tmp_path / "place")
    assert [file.name for file, _ in Tree(tmp_path).find_declared("metrics", tmp_path)] == []


@pytest.mark.parametrize(
    "content", [b"def f(:\n", b"\xff", b"x = '\0'\n", b"if 1:\nx\n", b"(" * 1000, b"x = " + b"9" * 5000 + b"\n"]
)
def test_a_module_that_is_no_python_is_one_line(tmp_path, content):
    (tmp_path / "bad.py").write_bytes(content)
    for read in (parse_module, Tree(tmp_path).read_module):
        with pytest.raises(ReproofError, match=r"bad\.py: cannot be read as Python \(.+\); mend it, or move") as caught:
            read(tmp_path / "bad.py")
        assert "\n" not in str(caught.value)
