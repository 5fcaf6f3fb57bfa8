"""Checkpoints of a block: member by member as written, and nothing read from them that should not be."""

import json
import pickle

import numpy as np
import pytest

from reproof.storage.checkpoints import read_checkpoint, read_kinds, write_checkpoint
from reproof.storage.files import ReproofError, write_tensors

KINDS = {"output.weight": "output", "fc.weight": "fc"}  # in this order, which no sorting gives


def block(value=1.0):
    """Two members, at two points of their training."""
    start = {"fc.weight": np.zeros((2, 3, 3), np.float32), "bias": np.array([[1.0], [2.0]], np.float32)}
    final = {name: weight + np.float32(value) for name, weight in start.items()}
    return {"step0": start, "final": final}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


def test_each_member_comes_back_at_each_point(path):
    write_checkpoint(path, block(), seeds=[4, 7], kinds=KINDS)
    starts, ends = read_checkpoint(path, "step0", "final")
    assert [one["bias"].tolist() for one in starts] == [[1.0], [2.0]]
    assert [one["bias"].tolist() for one in ends] == [[2.0], [3.0]]
    assert ends[1]["fc.weight"].shape == (3, 3)
    assert set(starts[0]) == {"fc.weight", "bias"}


def test_kinds_keep_their_forward_order(path):
    write_checkpoint(path, block(), seeds=[4, 7], kinds=KINDS)
    assert list(read_kinds(path).items()) == list(KINDS.items())


def test_a_point_is_not_taken_for_one_with_a_longer_name(path):
    points = {"step1": {"w": np.ones((1, 2))}, "step10": {"w": np.zeros((1, 2))}}
    write_checkpoint(path, points, seeds=[0], kinds={})
    assert read_checkpoint(path, "step1")[0][0]["w"].tolist() == [1.0, 1.0]


def test_an_absent_point_is_named(path):
    write_checkpoint(path, block(), seeds=[4, 7], kinds=KINDS)
    with pytest.raises(ReproofError, match=r"checkpoint.safetensors: holds no weights at step500; delete it"):
        read_checkpoint(path, "step500")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused_by_name(path, value):
    points = block()
    points["final"]["fc.weight"][1, 2, 0] = value
    write_checkpoint(path, points, seeds=[4, 7], kinds=KINDS)
    assert read_checkpoint(path, "step0")
    with pytest.raises(
        ReproofError, match=r"final/fc.weight holds values that are not finite; delete it and train again"
    ):
        read_checkpoint(path, "final")


class Executed:
    """What an unpickler runs."""

    def __reduce__(self):
        return open, ("executed", "w")


def test_a_pickle_under_a_false_name_is_refused_and_not_executed(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    path.write_bytes(pickle.dumps(Executed()))
    with pytest.raises(ReproofError, match=r"checkpoint.safetensors: cannot be read \(.*\); delete it"):
        read_checkpoint(path, "final")
    assert not (path.parent / "executed").exists()
    with path.open("rb") as file:
        pickle.load(file).close()
    assert (path.parent / "executed").exists(), "an unpickler would have run it"


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_a_truncated_checkpoint_is_refused(path, share):
    write_checkpoint(path, block(), seeds=[4, 7], kinds=KINDS)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ReproofError, match=r"cannot be read \(.*\); delete it and run Snakemake again"):
        read_checkpoint(path, "final")


def test_a_block_with_fewer_members_than_seeds_is_refused(path):
    tensors = {"final/w": np.zeros((1, 2))}
    write_tensors(path, tensors, {"seeds": json.dumps([0, 1]), "kinds": "{}", "shapes": "{}"})
    with pytest.raises(ReproofError, match=r"final/w has shape \(1, 2\), not 2 networks; train it again"):
        read_checkpoint(path, "final")


def sparse(kept, size=64_000):
    """Two networks' weights of which a share is not zero, a negative zero among them."""
    chance, shape = np.random.default_rng(0), (2, 10, size // 20)
    weight = np.where(chance.random(shape) < kept, chance.normal(size=shape), 0).astype(np.float32)
    weight[1, 2, 3] = -0.0
    return {"final": {"fc.weight": weight}}


@pytest.mark.parametrize("kept", [0.0, 0.03, 0.5, 1.0])
def test_pruned_weights_come_back_to_the_bit_whatever_is_kept(path, kept):
    points = sparse(kept)
    write_checkpoint(path, points, seeds=[4, 7], kinds=KINDS)
    (back,) = read_checkpoint(path, "final")
    for index, member in enumerate(back):
        assert member["fc.weight"].tobytes() == points["final"]["fc.weight"][index].tobytes()


def test_a_checkpoint_shrinks_with_its_network(path):
    """A bit for every weight, four bytes for every kept one."""
    sizes = []
    for kept in (1.0, 0.03):
        write_checkpoint(path, sparse(kept), seeds=[4, 7], kinds=KINDS)
        sizes.append(path.stat().st_size)
    assert sizes[0] == pytest.approx(4 * 64_000, rel=0.01)
    assert sizes[1] == pytest.approx(64_000 / 8 + 0.03 * 4 * 64_000, rel=0.1)


def header(tensors, about, body=b""):
    """A file in the format of safetensors, as somebody hostile may write it."""
    text = json.dumps({"__metadata__": about, **tensors}).encode()
    return len(text).to_bytes(8, "little") + text + body


def tensor(kind, shape, start, end):
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


ABOUT = {"seeds": "[0]", "kinds": "{}", "shapes": "{}"}
PACKED = {"final/w|places": tensor("U8", [1], 0, 1), "final/w|values": tensor("F32", [1], 1, 5)}
HOSTILE = {
    "a header longer than any file": (2**63 - 1).to_bytes(8, "little") + b"{}",
    "a header longer than this file": (10**9).to_bytes(8, "little") + b"{}",
    "tensors one over the other": header(
        {n: tensor("F32", [1, 2], 0, 8) for n in ("final/a", "final/b")}, ABOUT, bytes(8)
    ),
    "more weights than bytes": header({"final/w": tensor("F32", [2**40, 2**40], 0, 8)}, ABOUT, bytes(8)),
    "a type numpy does not have": header({"final/w": tensor("BF16", [1, 2], 0, 4)}, ABOUT, bytes(4)),
    "truth values for weights": header({"final/w": tensor("BOOL", [1, 2], 0, 2)}, ABOUT, bytes(2)),
    "a single number": header({"final/w": tensor("F32", [], 0, 4)}, ABOUT, bytes(4)),
    "no metadata": header({"final/w": tensor("F32", [1, 1], 0, 4)}, {}, bytes(4)),
    "seeds that are no list": header({"final/w": tensor("F32", [1, 1], 0, 4)}, ABOUT | {"seeds": "3"}, bytes(4)),
    "a shape of petabytes": header(PACKED, ABOUT | {"shapes": json.dumps({"final/w": [1, 2**50]})}, bytes(5)),
    "a negative shape": header(PACKED, ABOUT | {"shapes": json.dumps({"final/w": [-1, -8]})}, bytes(5)),
    "one value for eight places": header(PACKED, ABOUT | {"shapes": '{"final/w": [1, 8]}'}, b"\xff" + bytes(4)),
    "places without a shape": header(PACKED, ABOUT, bytes(5)),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_checkpoint_is_refused_by_name(path, content):
    path.write_bytes(content)
    with pytest.raises(ReproofError, match=r"^.*checkpoint\.safetensors: "):
        read_checkpoint(path, "final")
