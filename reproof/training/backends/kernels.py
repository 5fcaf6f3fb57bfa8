"""Compiled loops for fully connected networks: batches, gradients, updates, and a step on the kept weights alone.

On the kept weights alone, all layers form one list of units: the constant 1 (biases are weights from it), then the
inputs that the mask uses, then the neurons, layer by layer. The arguments are

- values: float32 [units, columns], the activations, a column for each example.
- slopes: float32 [neurons, columns], the derivatives of the loss by the neurons' weighted sums.
- first: the unit of the first neuron. Neuron r is unit first + r.
- start: int64 [neurons + 1]. The weights of neuron r are entries start[r] to start[r + 1] of `weights`.
- source: int32 [weights], the unit that each weight comes from. weights, gradient: float32 [weights].
- hidden: the number of neurons with a ReLU; the others are the outputs.

The loops take four weights at a time, so that the sum they add to is loaded and stored once.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit

from reproof.storage.files import Array

F = TypeVar("F", bound=Callable[..., Any])
# Reordered sums and fused multiply-adds let the processor take sixteen numbers at a time. The flags do not assume that
# numbers are finite, because divergence must be detected.
FAST = {"reassoc", "contract", "nsz", "arcp"}
ZERO, ONE = np.float32(0), np.float32(1)
BETA_1, BETA_2, EPSILON = np.float32(0.9), np.float32(0.999), np.float32(1e-8)
RHO = np.float32(0.9)


def _compile(function: F) -> F:
    """Compile a loop on its first call, and cache it on disk."""
    # Without `error_model="numpy"` a division by zero would raise an error, and each division would first be checked.
    return cast(F, njit(cache=True, fastmath=FAST, error_model="numpy")(function))


@_compile
def gather(values: Array, images: Array, chosen: Array, pixels: Array, table: Array, channel: Array) -> None:
    """Fill `values[1:]` with the used pixels of the chosen images.

    images: uint8 [N, pixels]. chosen: int64 [batch]. pixels, channel: int64 [used]. table: float32 [C, 256], the
    normalised value of each byte of each channel.
    """
    # Whole images are copied first. A row is read at the full rate of the memory; single pixels would each wait for it.
    batch = np.empty((len(chosen), images.shape[1]), images.dtype)
    for column in range(len(chosen)):
        image, copy = images[chosen[column]], batch[column]
        for pixel in range(len(image)):
            copy[pixel] = image[pixel]
    # Row 0 is left alone: it holds the constant 1.
    for place in range(len(pixels)):
        pixel, row, known = pixels[place], values[1 + place], table[channel[place]]
        for column in range(len(chosen)):
            row[column] = known[batch[column, pixel]]


@_compile
def load(inputs: Array, images: Array, chosen: Array, scale: Array, shift: Array) -> None:
    """Fill `inputs`, float32 [batch, pixels], with the chosen images, each channel scaled and shifted.

    images: uint8 [N, pixels]. chosen: int64 [batch]. scale, shift: float32 [C].
    """
    pixels = images.shape[1] // len(scale)
    for row in range(len(chosen)):
        for channel in range(len(scale)):
            first, times, plus = channel * pixels, scale[channel], shift[channel]
            image, out = images[chosen[row], first : first + pixels], inputs[row, first : first + pixels]
            for place in range(len(out)):
                out[place] = np.float32(image[place]) * times + plus


@_compile
def forward(values: Array, first: int, start: Array, source: Array, weights: Array, hidden: int) -> None:
    """Fill the rows of all neurons with weighted sums, and apply the ReLU to the first `hidden` of them.

    values: float32 [units, columns], changed in place. The other arguments are those of the module's description.
    """
    columns = values.shape[1]
    # Neurons come layer by layer, so that the sources of each are filled already.
    for neuron in range(len(start) - 1):
        out = values[first + neuron]
        for j in range(columns):
            out[j] = ZERO
        k, end = start[neuron], start[neuron + 1]
        # The inner loop runs along the columns, which lie next to each other: the processor takes many at a time.
        while k + 4 <= end:
            a, b, c, d = values[source[k]], values[source[k + 1]], values[source[k + 2]], values[source[k + 3]]
            u, v, w, x = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
            for j in range(columns):
                out[j] += (u * a[j] + v * b[j]) + (w * c[j] + x * d[j])
            k += 4
        # The at most three weights that are left.
        while k < end:
            a, u = values[source[k]], weights[k]
            for j in range(columns):
                out[j] += u * a[j]
            k += 1
        if neuron < hidden:
            for j in range(columns):
                out[j] = max(out[j], ZERO)


@_compile
def compute_output_slopes(values: Array, slopes: Array, labels: Array, chosen: Array, classes: int) -> None:
    """Set the slopes of the outputs to (softmax - target) / batch, as of mean cross-entropy, and all others to 0.

    labels: int64 [N]. chosen: int64 [batch].
    """
    for row in range(slopes.shape[0]):
        for j in range(slopes.shape[1]):
            slopes[row, j] = ZERO
    outputs, wanted = values[-classes:], slopes[-classes:]
    batch = len(chosen)
    # Columns beyond the batch are padding. Their slopes stay 0, so that they add nothing to any gradient.
    for j in range(batch):
        # The greatest logit is subtracted below, so that no exponential overflows.
        greatest = outputs[0, j]
        for c in range(1, classes):
            greatest = max(greatest, outputs[c, j])
        total = ZERO
        for c in range(classes):
            wanted[c, j] = np.exp(outputs[c, j] - greatest)
            total += wanted[c, j]
        for c in range(classes):
            # The loss is a mean, so each example's slope is divided by the batch.
            wanted[c, j] /= total * np.float32(batch)
        wanted[labels[chosen[j]], j] -= ONE / np.float32(batch)


@_compile
def backward(
    values: Array, slopes: Array, first: int, start: Array, source: Array, weights: Array, hidden: int, gradient: Array
) -> None:
    """Fill the gradient of every kept weight, the last neuron first; `slopes` collects the back-propagated slopes.

    slopes: float32 [neurons, columns], 0 but for the outputs, changed in place. gradient: float32 [weights]. The other
    arguments are those of the module's description.
    """
    columns = values.shape[1]
    # Last to first: all neurons that read this one have added their part to its slope.
    for neuron in range(len(start) - 2, -1, -1):
        slope, value = slopes[neuron], values[first + neuron]
        if neuron < hidden:
            for j in range(columns):
                # The derivative of the ReLU at 0 is taken as 0, as in torch.
                slope[j] = slope[j] if value[j] > ZERO else ZERO
        k, end = start[neuron], start[neuron + 1]
        while k + 4 <= end:
            a, b, c, d = values[source[k]], values[source[k + 1]], values[source[k + 2]], values[source[k + 3]]
            p, q, r, s = ZERO, ZERO, ZERO, ZERO
            for j in range(columns):
                y = slope[j]
                p += y * a[j]
                q += y * b[j]
                r += y * c[j]
                s += y * d[j]
            gradient[k], gradient[k + 1], gradient[k + 2], gradient[k + 3] = p, q, r, s
            k += 4
        while k < end:
            a, p = values[source[k]], ZERO
            for j in range(columns):
                p += slope[j] * a[j]
            gradient[k] = p
            k += 1
        # Sources ascend within a neuron: the last one shows whether any of them is a neuron.
        if start[neuron] == end or source[end - 1] < first:
            continue  # of the first layer: nothing uses the slopes of the inputs
        for k in range(start[neuron], end):
            if source[k] >= first:
                below, u = slopes[source[k] - first], weights[k]
                for j in range(columns):
                    below[j] += u * slope[j]


@_compile
def apply_adam(
    weights: Array, gradient: Array, mean: Array, square: Array, count: int, rate: float, decay: float
) -> None:
    """Apply Adam (Kingma & Ba 2015, algorithm 1) in place.

    weights, gradient, mean, square: float32 [weights]. `count` is the number of this step, from 1.
    """
    # The bias corrections, once a step and in float64: 1 - 0.999 loses three digits in float32.
    step = np.float32(rate / (1 - 0.9**count))
    root = np.float32(1 / np.sqrt(1 - 0.999**count))
    shrink = np.float32(decay)
    for k in range(len(weights)):
        # Decay is a part of the gradient, as in torch's Adam; AdamW would shrink the weight itself.
        slope = gradient[k] + shrink * weights[k]
        mean[k] += (ONE - BETA_1) * (slope - mean[k])
        square[k] = BETA_2 * square[k] + (ONE - BETA_2) * slope * slope
        # Epsilon is added to the corrected root, as in torch.
        weights[k] -= step * mean[k] / (np.sqrt(square[k]) * root + EPSILON)


@_compile
def apply_sgd(weights: Array, gradient: Array, velocity: Array, momentum: float, rate: float, decay: float) -> None:
    """Apply gradient descent with momentum in place, as torch defines it: v = momentum * v + g; w -= rate * v.

    weights, gradient, velocity: float32 [weights].
    """
    keep, step, shrink = np.float32(momentum), np.float32(rate), np.float32(decay)
    for k in range(len(weights)):
        velocity[k] = keep * velocity[k] + (gradient[k] + shrink * weights[k])
        weights[k] -= step * velocity[k]


@_compile
def apply_rmsprop(weights: Array, gradient: Array, square: Array, rate: float, decay: float) -> None:
    """Apply RMSprop (Tieleman & Hinton 2012, lecture 6.5) in place, with 0.9 of the mean square kept.

    weights, gradient, square: float32 [weights].
    """
    step, shrink = np.float32(rate), np.float32(decay)
    for k in range(len(weights)):
        slope = gradient[k] + shrink * weights[k]
        square[k] = RHO * square[k] + (ONE - RHO) * slope * slope
        weights[k] -= step * slope / (np.sqrt(square[k]) + EPSILON)
