"""Mask-1 actions: the initial values of the kept weights (Zhou et al. 2019, section 3).

Each is a control with two options: `signed` gives every weight its own initial sign, and `rescaled` multiplies each
layer by size / kept. The masks are the ticket's, so that one property changes at a time. Weights are float32 and masks
bool, by name.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from reproof.pruning.constants import compute_rescaling, compute_signed_constant
from reproof.pruning.ticket import Ticket, control
from reproof.storage.files import Array


@control
def rewind(ticket: Ticket, chance: np.random.Generator, *, rescaled: bool = False) -> Ticket:
    """Return the ticket with its own initial values.

    Start weights, float32, keep their shapes; those of pruned layers change. Masks, bool, do not change.
    """
    return _make_ticket(ticket, {name: ticket.start[name] for name in ticket.masks}, signed=False, rescaled=rescaled)


@control
def redraw(ticket: Ticket, chance: np.random.Generator, *, signed: bool = False, rescaled: bool = False) -> Ticket:
    """Return the ticket with a fresh draw of the run's own initialiser ("reinit" in the paper).

    Start weights, float32, keep their shapes; those of pruned layers change. Masks, bool, do not change.
    """
    return _make_ticket(ticket, {name: ticket.fresh[name] for name in ticket.masks}, signed=signed, rescaled=rescaled)


@control
def permute(ticket: Ticket, chance: np.random.Generator, *, signed: bool = False, rescaled: bool = False) -> Ticket:
    """Return the ticket with all initial values of each layer permuted ("reinit" in the authors' code).

    Start weights, float32, keep their shapes; those of pruned layers change. Masks, bool, do not change.
    """
    # Over the whole layer, pruned places included, as in the authors' code: the kept weights are then a random part.
    dealt = {
        name: chance.permuted(ticket.start[name].ravel()).reshape(mask.shape) for name, mask in _list_masks(ticket)
    }
    return _make_ticket(ticket, dealt, signed=signed, rescaled=rescaled)


@control
def reshuffle_kept(
    ticket: Ticket, chance: np.random.Generator, *, signed: bool = False, rescaled: bool = False
) -> Ticket:
    """Return the ticket with the kept initial values of each layer permuted among the kept places.

    Start weights, float32, keep their shapes; those of pruned layers change. Masks, bool, do not change.
    """
    dealt = {name: _shuffle_kept(ticket.start[name], mask, chance) for name, mask in _list_masks(ticket)}
    return _make_ticket(ticket, dealt, signed=signed, rescaled=rescaled)


@control
def constant(ticket: Ticket, chance: np.random.Generator, *, signed: bool = False, rescaled: bool = False) -> Ticket:
    """Return the ticket with plus or minus the deviation of each layer's initial values.

    Without `signed`, the signs of the kept weights are permuted among the kept places.

    Start weights, float32, keep their shapes; those of pruned layers change. Masks, bool, do not change.
    """
    level = {name: compute_signed_constant(ticket.start[name]) for name in ticket.masks}
    # A permutation, not new signs: as many kept weights stay positive.
    dealt = level if signed else {name: _shuffle_kept(level[name], mask, chance) for name, mask in _list_masks(ticket)}
    return _make_ticket(ticket, dealt, signed=signed, rescaled=rescaled)


def _list_masks(ticket: Ticket) -> list[tuple[str, Array]]:
    """Return (name, mask) of each pruned layer; the order decides what each draws."""
    # All layers share one generator, so a layer's draws depend on the layers before it.
    return list(ticket.masks.items())


def _shuffle_kept(values: Array, mask: Array, chance: np.random.Generator) -> Array:
    """Return a copy of the values with those inside the mask permuted."""
    dealt = values.copy()
    dealt[mask] = chance.permutation(values[mask])
    return dealt


def _make_ticket(ticket: Ticket, values: Mapping[str, Array], *, signed: bool, rescaled: bool) -> Ticket:
    """Return the ticket with these initial values, optionally with its own signs, and rescaled."""
    start = dict(ticket.start)
    for name, mask in _list_masks(ticket):
        # A factor on the whole layer, pruned weights included: the mask removes those afterwards.
        value = np.abs(values[name]) * np.sign(ticket.start[name]) if signed else values[name]
        start[name] = np.asarray(value * compute_rescaling(mask) if rescaled else value, ticket.start[name].dtype)
    return replace(ticket, start=start)
