"""Changes to the values of a masked layer (Zhou et al. 2019): signed constants, and rescaling by the share kept."""

import numpy as np

from reproof.storage.files import Array


def compute_signed_constant(weights: Array) -> Array:
    """Return the signs of the weights times their standard deviation (Zhou et al. 2019, section 5.1).

    weights: floating point, any shape; the result has its shape and dtype. The deviation is that of all drawn values of
    the layer, kept and pruned, as in the authors' code.
    """
    # In float64: the float32 sum over a large layer loses digits.
    return np.asarray(np.sign(weights) * weights.std(dtype=np.float64), weights.dtype)


def compute_rescaling(mask: Array) -> float:
    """Return size / kept, the factor of "dynamic weight rescaling", which makes up for the masked weights of a layer.

    mask: bool, any shape. An empty mask gives 1, because no weight is left to rescale.
    """
    kept = int(np.count_nonzero(mask))
    return mask.size / kept if kept else 1.0
