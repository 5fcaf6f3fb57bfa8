"""Mask-1 actions: what becomes of the weights that are kept (Zhou et al. 2019, section 3).

Each is a control with two options: `signed` gives every weight the sign that it had at first, and `rescaled` multiplies
each layer by size / kept. The mask is the ticket's, so that one thing changes at a time.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from reproof.pruning.constants import compute_rescaling, compute_signed_constant
from reproof.pruning.ticket import Ticket, control
from reproof.storage.files import Array


@control
def rewind(ticket: Ticket, chance: np.random.Generator, *, rescaled: bool = False) -> Ticket:
    """The ticket's own initial values."""
    return _make_ticket(ticket, {name: ticket.start[name] for name in ticket.masks}, signed=False, rescaled=rescaled)


@control
def redraw(ticket: Ticket, chance: np.random.Generator, *, signed: bool = False, rescaled: bool = False) -> Ticket:
    """Values drawn anew from the run's own initialiser ("reinit" in the paper)."""
    return _make_ticket(ticket, {name: ticket.fresh[name] for name in ticket.masks}, signed=signed, rescaled=rescaled)


@control
def permute(ticket: Ticket, chance: np.random.Generator, *, signed: bool = False, rescaled: bool = False) -> Ticket:
    """All initial values of a layer dealt out anew among all its places ("reinit" as the authors' code has it)."""
    dealt = {
        name: chance.permuted(ticket.start[name].ravel()).reshape(mask.shape) for name, mask in _list_masks(ticket)
    }
    return _make_ticket(ticket, dealt, signed=signed, rescaled=rescaled)


@control
def reshuffle_kept(
    ticket: Ticket, chance: np.random.Generator, *, signed: bool = False, rescaled: bool = False
) -> Ticket:
    """The kept initial values of a layer dealt out anew among the kept places."""
    dealt = {name: _shuffle_kept(ticket.start[name], mask, chance) for name, mask in _list_masks(ticket)}
    return _make_ticket(ticket, dealt, signed=signed, rescaled=rescaled)


@control
def constant(ticket: Ticket, chance: np.random.Generator, *, signed: bool = False, rescaled: bool = False) -> Ticket:
    """Plus or minus the deviation of a layer's initial values; without `signed`, the kept signs are dealt out anew."""
    level = {name: compute_signed_constant(ticket.start[name]) for name in ticket.masks}
    dealt = level if signed else {name: _shuffle_kept(level[name], mask, chance) for name, mask in _list_masks(ticket)}
    return _make_ticket(ticket, dealt, signed=signed, rescaled=rescaled)


def _list_masks(ticket: Ticket) -> list[tuple[str, Array]]:
    return list(ticket.masks.items())


def _shuffle_kept(values: Array, mask: Array, chance: np.random.Generator) -> Array:
    dealt = values.copy()
    dealt[mask] = chance.permutation(values[mask])
    return dealt


def _make_ticket(ticket: Ticket, values: Mapping[str, Array], *, signed: bool, rescaled: bool) -> Ticket:
    """Return the ticket starting from these values, with its own signs and rescaled where that is asked for."""
    start = dict(ticket.start)
    for name, mask in _list_masks(ticket):
        value = np.abs(values[name]) * np.sign(ticket.start[name]) if signed else values[name]
        start[name] = np.asarray(value * compute_rescaling(mask) if rescaled else value, ticket.start[name].dtype)
    return replace(ticket, start=start)
