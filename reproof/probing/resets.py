"""The probes of Zhang, Bengio & Singer (section 2): a trained network with some of its layers put back.

What a probe leaves alone is shared with the trained network, not copied: a hundred probes need little memory.
"""

from collections.abc import Collection, Mapping

import numpy as np
import torch
from torch import Tensor

from reproof.storage.files import Array, ReproofError


def convert_to_tensors(weights: Mapping[str, Array]) -> dict[str, Tensor]:
    """Return a state of tensors with memory of its own from one of arrays."""
    return {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}


def put_back(trained: Mapping[str, Tensor], source: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """Return the trained state with the values of `names` taken from `source`, all others as trained.

    With the state at checkpoint t as the source that is re-initialisation ("checkpoint-t robustness"); with a fresh
    draw of the whole network from its own initialiser it is re-randomisation, of these layers only.
    """
    missing = sorted(set(names) - set(source))
    if missing:
        raise ReproofError(f"reset: {missing[0]} is not in the state that it is to be put back to")
    return {name: source[name] if name in names else value for name, value in trained.items()}


def silence(trained: Mapping[str, Tensor], names: Collection[str]) -> dict[str, Tensor]:
    """Return the trained state with the values of `names` at 0: residual blocks removed (`layers.silencing`)."""
    return {name: torch.zeros_like(value) if name in names else value for name, value in trained.items()}
