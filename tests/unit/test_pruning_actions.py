"""Mask-1 and mask-0 actions: on numbers worked by hand, and what each must not change."""

import numpy as np
import pytest

from reproof import registry
from reproof.pruning.constants import compute_rescaling, compute_signed_constant
from reproof.pruning.mask_zero import PrunedLayer
from reproof.pruning.ticket import Ticket

MASK_ONE = ("rewind", "redraw", "permute", "reshuffle_kept", "constant")
MASK_ZERO = registry.list_registered("pruning", "mask_zero")


@pytest.fixture
def ticket():
    chance = np.random.default_rng(0)
    start = {"w": chance.standard_normal((40, 50)).astype(np.float32), "bias": np.ones(40, dtype=np.float32)}
    fresh = {"w": chance.standard_normal((40, 50)).astype(np.float32), "bias": np.zeros(40, dtype=np.float32)}
    return Ticket(start=start, masks={"w": chance.random((40, 50)) < 0.25}, fresh=fresh)


def acted(name, ticket, **options):
    return registry.load("pruning", "control", name)(ticket, np.random.default_rng(7), **options)


def magnitudes(values):
    return sorted(np.abs(values).ravel().tolist())


def test_a_signed_constant_is_the_deviation_with_the_sign():
    """Of 3, -1, -1, -1 the mean is 0 and the variance 12 / 4."""
    assert compute_signed_constant(np.float32([3, -1, -1, -1])) == pytest.approx(np.sqrt(3) * np.array([1, -1, -1, -1]))
    assert compute_signed_constant(np.float32([0, 2])).tolist() == [0, 1]


def test_rescaling_makes_up_for_what_is_masked_out():
    assert compute_rescaling(np.array([[True, False], [False, False]])) == 4
    assert compute_rescaling(np.zeros(3, bool)) == 1


def test_rewind_is_the_ticket_itself(ticket):
    assert (acted("rewind", ticket).start["w"] == ticket.start["w"]).all()


def test_redraw_takes_the_fresh_draw_but_for_the_signs(ticket):
    assert (acted("redraw", ticket).start["w"] == ticket.fresh["w"]).all()
    assert (np.abs(acted("redraw", ticket, signed=True).start["w"]) == np.abs(ticket.fresh["w"])).all()


@pytest.mark.parametrize("signed", [False, True])
def test_permute_keeps_the_values_of_the_layer(ticket, signed):
    after = acted("permute", ticket, signed=signed).start["w"]
    assert magnitudes(after) == magnitudes(ticket.start["w"])
    assert (np.abs(after) != np.abs(ticket.start["w"])).mean() > 0.99
    assert signed or sorted(after.ravel()) == sorted(ticket.start["w"].ravel())


@pytest.mark.parametrize("signed", [False, True])
def test_reshuffle_keeps_the_values_of_the_kept(ticket, signed):
    mask, after = ticket.masks["w"], acted("reshuffle_kept", ticket, signed=signed).start["w"]
    assert magnitudes(after[mask]) == magnitudes(ticket.start["w"][mask])
    assert (np.abs(after) != np.abs(ticket.start["w"]))[mask].mean() > 0.99
    assert (after[~mask] == ticket.start["w"][~mask]).all()
    assert signed or sorted(after[mask]) == sorted(ticket.start["w"][mask])


def test_constant_is_one_magnitude_and_deals_the_kept_signs(ticket):
    mask, start = ticket.masks["w"], ticket.start["w"]
    own, dealt = (acted("constant", ticket, signed=signed).start["w"][mask] for signed in (True, False))
    assert np.unique(np.abs(own)) == pytest.approx([start.std()])
    assert (np.sign(own) == np.sign(start[mask])).all()
    assert (dealt > 0).sum() == (own > 0).sum()
    assert (dealt != own).mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", MASK_ONE[1:])
def test_signed_actions_keep_every_sign_and_others_half_of_them(name, ticket):
    mask = ticket.masks["w"]
    same = [
        (np.sign(acted(name, ticket, signed=signed).start["w"]) == np.sign(ticket.start["w"]))[mask].mean()
        for signed in (True, False)
    ]
    assert same[0] == 1
    assert same[1] == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", MASK_ONE)
def test_every_mask_one_action_keeps_the_mask_and_the_biases_and_rescales(name, ticket):
    before = {key: value.copy() for key, value in ticket.start.items()}
    plain, rescaled = acted(name, ticket), acted(name, ticket, rescaled=True)
    assert plain.masks is ticket.masks
    assert (plain.start["bias"] == 1).all()
    factor = 2000 / ticket.masks["w"].sum()
    assert rescaled.start["w"] == pytest.approx(factor * plain.start["w"], rel=1e-6)
    assert rescaled.start["w"].dtype == np.float32
    assert all((ticket.start[key] == value).all() for key, value in before.items()), "the ticket itself was changed"


# kept and grew, kept and shrank, pruned and grew, pruned and shrank, pruned and still
LAYER = PrunedLayer(
    initial=np.float32([1, 2, 0.1, 3, 4]),
    final=np.float32([-5, 1, 0.3, 0.2, -4]),
    mask=np.array([True, True, False, False, False]),
)
WORKED = {
    "zero": [1, 2, 0, 0, 0],
    "frozen": [1, 2, 0.1, 3, 4],
    "frozen_or_zero": [1, 2, 0.1, 0, 4],
    "frozen_or_zero_everywhere": [1, 0, 0.1, 0, 4],
    "frozen_or_zero_reversed": [1, 2, 0, 3, 4],
}


def started(name, layer=LAYER):
    return registry.load("pruning", "mask_zero", name)(layer, np.random.default_rng(7))


@pytest.mark.parametrize("name", WORKED)
def test_mask_zero_actions_are_those_worked_by_hand(name):
    assert started(name) == pytest.approx(np.float32(WORKED[name]))


def test_the_shuffled_control_zeroes_as_many_elsewhere():
    chance = np.random.default_rng(0)
    initial, final = (chance.standard_normal((30, 40)).astype(np.float32) for _ in range(2))
    layer = PrunedLayer(initial, final, chance.random((30, 40)) < 0.3)
    variant, control = started("frozen_or_zero", layer), started("frozen_or_zero_shuffled", layer)
    assert (variant == 0).sum() == (control == 0).sum() > 0
    assert (control == initial)[layer.mask].all()
    assert ((control == 0) != (variant == 0)).sum() > 100
    assert set(control[control != 0]) <= set(initial.ravel())


@pytest.mark.parametrize("name", MASK_ZERO)
def test_every_mask_zero_action_is_repeatable_keeps_type_and_leaves_the_layer_alone(name):
    before = LAYER.initial.copy()
    one, other = started(name), started(name)
    one[:] = 9
    assert (started(name) == other).all() and other.dtype == np.float32
    assert (LAYER.initial == before).all(), "the layer itself was changed"


def test_every_mask_zero_action_is_tested():
    assert set(MASK_ZERO) == {*WORKED, "frozen_or_zero_shuffled"}
