"""The mask criteria of Zhou et al. 2019 (table 1 and section 5) other than `large_final` and `large_init`.

Each returns scores, float64 of the shape of the layer, from the float32 weights before and after training; the least
are pruned. Equal scores are ordered at random (`ties.break_ties`). Weights pruned before have the final value 0 and are
not ranked again.
"""

import numpy as np

from reproof.pruning.criteria import criterion
from reproof.pruning.ties import break_ties, make_generator
from reproof.storage.files import Array


@criterion
def small_final(initial: Array, final: Array) -> Array:
    """Keep the weights with the smallest magnitude after training.

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    return break_ties(-np.abs(final), initial)


@criterion
def random(initial: Array, final: Array) -> Array:
    """Keep weights at random.

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    return make_generator(initial, "random").random(initial.shape)


@criterion
def small_init(initial: Array, final: Array) -> Array:
    """Keep the weights with the smallest magnitude before training.

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    return break_ties(-np.abs(initial), initial)


@criterion
def large_init_large_final(initial: Array, final: Array) -> Array:
    """Keep the weights that are large before and after: min(alpha |w_f|, |w_i|), alpha aligning their percentiles.

    A weight is kept while it is above the same percentile of both distributions, so its score is the lower of its two
    percentiles.

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    left = final != 0  # percentiles are those of the weights that earlier rounds kept
    return break_ties(
        np.minimum(_compute_percentile(np.abs(initial), left), _compute_percentile(np.abs(final), left)), initial
    )


@criterion
def small_init_small_final(initial: Array, final: Array) -> Array:
    """Keep the weights that are small before and after: -max(alpha |w_f|, |w_i|), alpha aligning their percentiles.

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    # Negated magnitudes: a small weight then has a high percentile.
    left = final != 0
    return break_ties(
        np.minimum(_compute_percentile(-np.abs(initial), left), _compute_percentile(-np.abs(final), left)), initial
    )


@criterion
def magnitude_increase(initial: Array, final: Array) -> Array:
    """Keep the weights whose magnitude grew most: |w_f| - |w_i|.

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    # With pixels in [0, 1], weights that read a pixel which is 0 in every image never move. They all tie at 0, and an
    # order by place would prune whole units.
    return break_ties(np.abs(final) - np.abs(initial), initial)


@criterion
def movement(initial: Array, final: Array) -> Array:
    """Keep the weights that moved furthest: |w_f - w_i|.

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    return break_ties(np.abs(final - initial), initial)


@criterion
def large_final_same_sign(initial: Array, final: Array) -> Array:
    """Keep large final weights that kept their sign: max(0, w_i w_f / |w_i|).

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    # All weights that changed their sign tie at 0: they are pruned first, in random order.
    return break_ties(np.where(_compare_signs(initial, final), np.abs(final), 0), initial)


@criterion
def large_final_diff_sign(initial: Array, final: Array) -> Array:
    """Keep large final weights that changed their sign: max(0, -w_i w_f / |w_i|).

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    return break_ties(np.where(_compare_signs(initial, final), 0, np.abs(final)), initial)


@criterion
def magnitude_increase_same_sign(initial: Array, final: Array) -> Array:
    """Keep weights that grew and kept their sign.

    A weight that changed its sign scores 0, as in the authors' code. One that shrank scores less and is pruned first.

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    return break_ties(np.where(_compare_signs(initial, final), np.abs(final) - np.abs(initial), 0), initial)


@criterion
def magnitude_increase_diff_sign(initial: Array, final: Array) -> Array:
    """Keep weights that grew and changed their sign; one that kept its sign scores 0, as in the authors' code.

    initial, final: float32 of one shape. Returns scores of that shape, float64.
    """
    return break_ties(np.where(_compare_signs(initial, final), 0, np.abs(final) - np.abs(initial)), initial)


@criterion
def snip(initial: Array, final: Array, *, gradient: Array) -> Array:
    """Keep the weights whose removal would change the loss most before training: |g w_i| (Lee et al. 2019).

    The criterion is in the authors' code alone. initial, final, gradient: float32 of one shape; g is the gradient of
    the loss at the initial weights. Returns scores of that shape, float64.
    """
    return break_ties(np.abs(gradient * initial), initial)


@criterion
def grad(initial: Array, final: Array, *, gradient: Array) -> Array:
    """Keep the weights with the largest gradient before training: |g| (in the authors' code alone).

    initial, final, gradient: float32 of one shape. Returns scores of that shape, float64.
    """
    return break_ties(np.abs(gradient), initial)


def _compare_signs(initial: Array, final: Array) -> Array:
    """Return bool, of the shape of the layer: True where both values have the same sign."""
    return np.asarray(np.sign(initial) == np.sign(final))


def _compute_percentile(values: Array, among: Array) -> Array:
    """Return for each value the share, in [0, 1], of the values selected by the bool array `among` that are less."""
    ranked = np.sort(values[among])
    # `left` counts the values strictly below, so that equal values share a percentile and `break_ties` orders them. The
    # least divisor is 1, for a layer that has lost all its weights.
    return np.searchsorted(ranked, values, side="left") / max(len(ranked), 1)
