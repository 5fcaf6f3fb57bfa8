"""The images that excite a unit, or a random direction, most (Szegedy et al. 2014, section 3).

The paper compares argmax over held-out images of <phi(x), e_i> with that of <phi(x), v> for random v, by eye. The scale
of the features matters. ReLU features are not negative and differ in scale: the few most active units, and the common
mean, dominate a random direction over raw features. `standardise_features` gives all units equal weight first.
"""

import torch
from torch import Tensor
from torch.linalg import vecdot

from reproof.storage.files import ReproofError


def standardise_features(features: Tensor) -> Tensor:
    """Return features [N, D] with mean 0 and standard deviation 1 over the images: float64; constant units become 0."""
    centred = features.double() - features.double().mean(dim=0)
    spread = centred.square().mean(dim=0).sqrt()
    # Compared exactly: a computed spread of a constant unit may differ from 0 by rounding.
    constant = features.eq(features[0]).all(dim=0)
    return torch.where(constant, 0, centred / spread.masked_fill(constant, 1))


def find_active(features: Tensor) -> Tensor:
    """Return the indices int64 [n] of the units that differ between images; the others rank nothing."""
    return features.ne(features[0]).any(dim=0).nonzero().squeeze(-1)


def draw_unit_vectors(count: int, units: Tensor, *, dimension: int, generator: torch.Generator) -> Tensor:
    """Return e_i, float64 [count, dimension], of `count` different units drawn from the indices `units`.

    Raises ReproofError if there are fewer units.
    """
    if count > len(units):
        raise ReproofError(f"units: {count} of {len(units)} units were asked for; ask for fewer")
    drawn = units.cpu()[torch.randperm(len(units), generator=generator)[:count]]
    return torch.eye(dimension, dtype=torch.float64)[drawn]


def draw_random_directions(count: int, units: Tensor, *, dimension: int, generator: torch.Generator) -> Tensor:
    """Return unit vectors, float64 [count, dimension], uniform on the sphere of the indices `units`."""
    drawn = torch.zeros(count, dimension, dtype=torch.float64)
    # A normal vector has no preferred direction, so its direction is uniform on the sphere.
    drawn[:, units.cpu()] = torch.randn(count, len(units), dtype=torch.float64, generator=generator)
    lengths: Tensor = vecdot(drawn, drawn).sqrt()
    return drawn / lengths[:, None]


def find_most_excited(features: Tensor, directions: Tensor, *, k: int) -> Tensor:
    """Return the k images of greatest <phi(x), v> for each direction: int64 [directions, k], greatest first.

    `features` are [N, D], `directions` [directions, D]. Of equal values the first image comes first. Raises
    ReproofError unless 1 <= k <= N.
    """
    if not 1 <= k <= len(features):
        raise ReproofError(f"units: the top {k} of {len(features)} images were asked for")
    # Stable sorting below breaks ties by place, equally on every device.
    excitement = directions.to(features) @ features.T
    return excitement.argsort(dim=-1, descending=True, stable=True)[:, :k]
