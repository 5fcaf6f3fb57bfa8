"""The sizes of the layers of a network, and how many weights pruning keeps of them. Needs no torch."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from reproof.registry import LIBRARY
from reproof.storage.errors import ReproofError

Sizes = Mapping[str, Sequence[int]]  # {kind of layer: the number of weights of each such layer}
Options = Mapping[str, Any]
PROGRAM = "reproof.networks.sizes"


def keep_shares(sizes: Sizes, share: Mapping[str, float]) -> dict[str, list[int]]:
    """Return how many weights each layer keeps without the share of its kind; a kind without a share keeps all.

    Exactly round(share * size) weights go, half rounded to even, as in `reproof.pruning.masks.prune`.

    >>> keep_shares({"fc": [100, 5], "output": [7]}, {"fc": 0.5})
    {'fc': [50, 3], 'output': [7]}
    """
    return {kind: [size - round(share.get(kind, 0.0) * size) for size in each] for kind, each in sizes.items()}


def count_layers(network: Mapping[str, Any], *, shape: tuple[int, int, int], classes: int) -> Sizes:
    """Return the sizes of the layers of a network, given by name and options, for images of `shape` (C, H, W).

    A process of its own builds the network, because that imports torch. Raises ReproofError for impossible options.
    """
    options = {key: value for key, value in network.items() if key != "name"}
    asked = {"name": network["name"], "options": options, "input_shape": shape, "classes": classes}
    return _run_program(json.dumps(asked, sort_keys=True))


@cache
def _run_program(asked: str) -> Sizes:
    done = subprocess.run(
        [sys.executable, "-m", PROGRAM], input=asked, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(Path(LIBRARY).parent)},
    )  # fmt: skip
    if done.returncode:
        raise ReproofError((done.stderr.strip().splitlines() or [asked])[-1].removeprefix("error: "))
    sizes: Sizes = json.loads(done.stdout)
    return sizes
