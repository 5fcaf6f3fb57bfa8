"""Each control breaks one thing of a ticket and keeps the rest."""

import numpy as np
import pytest

from reproof import registry
from reproof.pruning.controls import Ticket


@pytest.fixture
def ticket():
    chance = np.random.default_rng(0)
    start = {"w": chance.standard_normal((40, 50)).astype(np.float32), "bias": np.zeros(40, dtype=np.float32)}
    fresh = {"w": chance.standard_normal((40, 50)).astype(np.float32), "bias": np.ones(40, dtype=np.float32)}
    return Ticket(start=start, masks={"w": chance.random((40, 50)) < 0.2}, fresh=fresh, deviations={"w": 0.5})


def _broken(name, ticket, **options):
    return registry.load("pruning", "control", name)(ticket, np.random.default_rng(7), **options)


def test_reinitialise_keeps_the_mask_and_takes_fresh_weights(ticket):
    broken = _broken("reinitialise", ticket)
    assert broken.masks is ticket.masks
    assert broken.start is ticket.fresh


def test_shuffle_mask_keeps_weights_and_count_only(ticket):
    broken = _broken("shuffle_mask", ticket)
    assert broken.start is ticket.start
    assert broken.masks["w"].sum() == ticket.masks["w"].sum()
    assert (broken.masks["w"] != ticket.masks["w"]).any()


def test_reshuffle_initial_deals_the_tickets_own_values_out_anew(ticket):
    mask, before = ticket.masks["w"], ticket.start["w"].copy()
    after = _broken("reshuffle_initial", ticket).start["w"]
    assert sorted(after[mask]) == sorted(before[mask])
    assert (after[mask] != before[mask]).mean() > 0.9
    assert (after[~mask] == before[~mask]).all()
    assert (ticket.start["w"] == before).all(), "the ticket itself was changed"


def test_prune_at_init_keeps_the_largest_initial_weights(ticket):
    mask, start = _broken("prune_at_init", ticket).masks["w"], np.abs(ticket.start["w"])
    assert mask.sum() == ticket.masks["w"].sum()
    assert start[mask].min() >= start[~mask].max()


def test_noise_has_the_asked_deviation_and_spares_biases(ticket):
    broken = _broken("noise", ticket, scale=3.0)
    shift = broken.start["w"] - ticket.start["w"]
    assert shift.std() == pytest.approx(1.5, rel=0.05)
    assert shift.mean() == pytest.approx(0.0, abs=0.1)
    assert (broken.start["bias"] == 0).all()


@pytest.mark.parametrize("name", registry.list_registered("pruning", "control"))
def test_every_control_is_repeatable_and_keeps_as_many_weights(ticket, name):
    options = {option: 1.0 for option in registry.list_options("pruning", "control", name)}
    one, other = (_broken(name, ticket, **options) for _ in range(2))
    assert all((one.start[key] == other.start[key]).all() for key in one.start)
    assert (one.masks["w"] == other.masks["w"]).all()
    assert one.masks["w"].sum() == ticket.masks["w"].sum()
