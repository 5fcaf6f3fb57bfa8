"""What the authors do to a layer's values beside masking them: signed constants, and rescaling by the share kept."""

import numpy as np

from reproof.storage.files import Array


def compute_signed_constant(weights: Array) -> Array:
    """Return the weights' signs times their standard deviation (Zhou et al. 2019, section 5.1).

    The deviation is that of the drawn values of the layer, all of them, as in the authors' code.
    """
    return np.asarray(np.sign(weights) * weights.std(dtype=np.float64), weights.dtype)


def compute_rescaling(mask: Array) -> float:
    """Return size / kept: what the weights of a layer are multiplied by to make up for those masked out.

    An empty mask gives 1: there is nothing to rescale.
    """
    kept = int(np.count_nonzero(mask))
    return mask.size / kept if kept else 1.0
