"""Print the sizes of the layers of a network as JSON: planning runs this as a program, because it imports no torch.

The input is JSON: {"name": ..., "options": {...}, "input_shape": [C, H, W], "classes": K}.
"""

import json
import sys
from typing import Any

import torch

from reproof.networks.layers import list_prunable
from reproof.networks.registry import build
from reproof.storage.files import ReproofError


def list_sizes(
    name: str, *, options: dict[str, Any], input_shape: tuple[int, int, int], classes: int
) -> dict[str, list[int]]:
    """Return the number of weights of each prunable layer of a network, by kind of layer, in forward order."""
    with torch.device("meta"):  # shapes alone, without memory
        module = build(name, input_shape=input_shape, classes=classes, **options)
    sizes: dict[str, list[int]] = {}
    for weight, kind in list_prunable(module).items():
        sizes.setdefault(kind, []).append(module.get_parameter(weight).numel())
    return sizes


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    try:
        print(json.dumps(list_sizes(asked.pop("name"), **asked)))
    except ReproofError as error:
        sys.exit(f"error: {error}")
