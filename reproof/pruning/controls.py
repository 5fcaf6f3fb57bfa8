"""Controls: each changes one property of a ticket and keeps the others (Frankle & Carbin 2019).

A control is a function decorated `@control`: it maps a ticket to a changed one and draws from `chance`. Its name is the
word of configuration. The shapes and dtypes are those of the ticket: weights float32 and masks bool, by name.
"""

from dataclasses import replace

import numpy as np

from reproof.pruning.ticket import Ticket, control
from reproof.storage.files import Array


@control
def rewound(ticket: Ticket, chance: np.random.Generator) -> Ticket:
    """Return the ticket itself: the mask with the weights of the rewind point.

    Masks, bool, and start weights, float32, keep their shapes and values.
    """
    return ticket


@control
def reinitialise(ticket: Ticket, chance: np.random.Generator) -> Ticket:
    """Return the same mask on a fresh draw of the weights (section 2, "random reinitialisation").

    Masks, bool, and start weights, float32, keep their shapes by name; all weights change.
    """
    # The whole state, with batch norm: nothing of the ticket but its mask is left.
    return replace(ticket, start=ticket.fresh)


@control
def shuffle_mask(ticket: Ticket, chance: np.random.Generator) -> Ticket:
    """Return the same weights under a random mask that keeps as many in each layer (appendix E, "random sparsity").

    Masks, bool, and start weights, float32, keep their shapes by name; the masks change.
    """
    return replace(ticket, masks={name: _shuffle(mask, chance) for name, mask in ticket.masks.items()})


@control
def reshuffle_initial(ticket: Ticket, chance: np.random.Generator) -> Ticket:
    """Return the same mask, with the kept initial values of each layer permuted among them (appendix F.3).

    Masks, bool, and start weights, float32, keep their shapes by name; the kept weights change.
    """
    start = dict(ticket.start)
    for name, mask in ticket.masks.items():
        start[name] = ticket.start[name].copy()
        start[name][mask] = chance.permutation(ticket.start[name][mask])
    return replace(ticket, start=start)


@control
def prune_at_init(ticket: Ticket, chance: np.random.Generator) -> Ticket:
    """Return the same weights under masks that keep as many, the largest, of each layer (appendix F.4).

    Masks, bool, and start weights, float32, keep their shapes by name; the masks change.
    """
    # As many in each layer as the ticket keeps, so that only the selection differs.
    masks = {name: _keep_largest(np.abs(ticket.start[name]), int(mask.sum())) for name, mask in ticket.masks.items()}
    return replace(ticket, masks=masks)


@control
def noise(ticket: Ticket, chance: np.random.Generator, *, scale: float) -> Ticket:
    """Return the ticket with Gaussian noise added to its weights (appendix F.7).

    `scale` is the standard deviation of the noise in standard deviations of the initialiser of each layer.

    Masks, bool, and start weights, float32, keep their shapes by name; the prunable weights change.
    """
    start = dict(ticket.start)
    for name, deviation in ticket.deviations.items():
        weight = ticket.start[name]
        # Pruned weights get noise as well. The training sets them to 0 before its first step.
        shift = chance.standard_normal(weight.shape, dtype=np.float32) * np.float32(scale * deviation)
        start[name] = weight + shift
    return replace(ticket, start=start)


def _shuffle(mask: Array, chance: np.random.Generator) -> Array:
    """Return a random permutation of a mask, bool of the same shape."""
    return chance.permutation(mask.ravel()).reshape(mask.shape)


def _keep_largest(scores: Array, count: int) -> Array:
    """Return a mask, bool of the shape of the scores, of the `count` greatest; of equal scores the first stay."""
    keep = np.zeros(scores.size, dtype=bool)
    # Negated rather than reversed, so that the stable sort keeps the first of equal scores.
    keep[np.argsort(-scores.ravel(), kind="stable")[:count]] = True
    return keep.reshape(scores.shape)
