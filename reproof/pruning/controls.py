"""Controls: a ticket with the thing under test broken, and everything else as it was.

Each control is a function decorated `@control` that takes a ticket and returns the broken one; its name is the word
of configuration. `reinitialise` under another name or with another option is another arm of the figures.
"""

from dataclasses import replace

import numpy as np

from reproof.pruning.ticket import Ticket, control
from reproof.storage.files import Array


@control
def rewound(ticket: Ticket, chance: np.random.Generator) -> Ticket:
    """The ticket itself: the mask with the weights of the rewind point."""
    return ticket


@control
def reinitialise(ticket: Ticket, chance: np.random.Generator) -> Ticket:
    """The same mask on weights drawn anew (Frankle & Carbin 2019, section 2, "random reinitialisation")."""
    return replace(ticket, start=ticket.fresh)


@control
def shuffle_mask(ticket: Ticket, chance: np.random.Generator) -> Ticket:
    """The same weights under a random mask that keeps as many in each layer (appendix E, "random sparsity")."""
    return replace(ticket, masks={name: _shuffle(mask, chance) for name, mask in ticket.masks.items()})


@control
def reshuffle_initial(ticket: Ticket, chance: np.random.Generator) -> Ticket:
    """The same mask, and in each layer the ticket's own initial values dealt out anew among its places (F.3)."""
    start = dict(ticket.start)
    for name, mask in ticket.masks.items():
        start[name] = ticket.start[name].copy()
        start[name][mask] = chance.permutation(ticket.start[name][mask])
    return replace(ticket, start=start)


@control
def prune_at_init(ticket: Ticket, chance: np.random.Generator) -> Ticket:
    """The same weights, keeping in each layer as many, those largest before any training (appendix F.4)."""
    masks = {name: _keep_largest(np.abs(ticket.start[name]), int(mask.sum())) for name, mask in ticket.masks.items()}
    return replace(ticket, masks=masks)


@control
def noise(ticket: Ticket, chance: np.random.Generator, *, scale: float) -> Ticket:
    """The ticket with noise of `scale` standard deviations of its initialiser added to its weights (appendix F.7)."""
    start = dict(ticket.start)
    for name, deviation in ticket.deviations.items():
        weight = ticket.start[name]
        shift = chance.standard_normal(weight.shape, dtype=np.float32) * np.float32(scale * deviation)
        start[name] = weight + shift
    return replace(ticket, start=start)


def _shuffle(mask: Array, chance: np.random.Generator) -> Array:
    return chance.permutation(mask.ravel()).reshape(mask.shape)


def _keep_largest(scores: Array, count: int) -> Array:
    keep = np.zeros(scores.size, dtype=bool)
    keep[np.argsort(-scores.ravel(), kind="stable")[:count]] = True
    return keep.reshape(scores.shape)
