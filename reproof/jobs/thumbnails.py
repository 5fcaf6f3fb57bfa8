"""Images told pixel by pixel, so that a figure can draw them."""

from collections.abc import Iterator

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

MOST = 48  # pixels a side: enough to see what an image is of, in rows of a table


def pixels(image: Tensor) -> Iterator[tuple[float, float]]:
    """Yield (place, value) of an image [C, H, W] in [0, 1], channel by channel and row by row.

    One with a side above 48 pixels is reduced to 48 x 48, each pixel the mean of those it stands for.
    """
    small = image if max(image.shape[1:]) <= MOST else adaptive_avg_pool2d(image, MOST)
    return ((float(place), value) for place, value in enumerate(small.flatten().tolist()))
