"""The resets of Zhang, Bengio & Singer 2022 (section 2): a trained network with some of its layers reset.

A probe shares the other tensors with the trained network, so that a hundred probes need little memory.
"""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from reproof.storage.files import ReproofError


def put_back(trained: Mapping[str, Tensor], source: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """Return the trained state with the values of `names` replaced by those of `source`.

    All are whole states, {name: tensor} of equal shapes and dtypes.

    With the state at step t as the source it is re-initialisation ("checkpoint-t robustness"). With a fresh draw of the
    whole network from its initialiser it is re-randomisation of these layers. Raises ReproofError if a name is not in
    `source`.
    """
    missing = sorted(set(names) - set(source))
    if missing:
        raise ReproofError(f"reset: {missing[0]} is not in the state that it is to be put back to")
    return {name: source[name] if name in names else value for name, value in trained.items()}


def silence(trained: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """Return the trained state with the values of `names` at 0. See `layers.find_branch_norms` for removed blocks.

    trained: {name: tensor}. Shapes and dtypes do not change.
    """
    return {name: torch.zeros_like(value) if name in names else value for name, value in trained.items()}
