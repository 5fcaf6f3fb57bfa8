"""Checks of attacks: each passes sound cases and names the fault of the others."""

import pytest
import torch
from torch import nn

from reproof.attacks import checks
from reproof.attacks.victim import Victim
from reproof.storage.files import ReproofError

ORIGINALS = torch.full((3, 1, 2, 2), 0.5)


def moved(*values):
    """Return the originals with the first pixel of each image set."""
    images = ORIGINALS.clone()
    images[:, 0, 0, 0] = torch.tensor(values)
    return images


def refusal(check, *arguments, **options):
    with pytest.raises(ReproofError) as error:
        check(*arguments, **options)
    return str(error.value)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_images_inside_pass_to_the_last_bit(norm):
    checks.check_inside(moved(0.75, 0.25, 0.5), ORIGINALS, epsilon=0.25, norm=norm)
    outside = moved(0.5, 0.75 + 2**-24, 0.5)  # one float32 beyond
    assert refusal(checks.check_inside, outside, ORIGINALS, epsilon=0.25, norm=norm) == (
        f"attack: 1 images left the {norm} ball, up to 0.25000006 from the original where 0.25 is allowed;"
        " project them before they are judged"
    )


def test_the_norms_differ_where_pixels_add_up():
    two = ORIGINALS.clone()
    two[1, 0, 0] = torch.tensor([0.8, 0.9])
    checks.check_inside(two, ORIGINALS, epsilon=0.401, norm="linf")
    checks.check_inside(two, ORIGINALS, epsilon=0.501, norm="l2")
    checks.check_inside(two, ORIGINALS, epsilon=2, norm="l0")
    assert "up to 0.49999" in refusal(checks.check_inside, two, ORIGINALS, epsilon=0.499, norm="l2")
    assert "up to 2 from" in refusal(checks.check_inside, two, ORIGINALS, epsilon=1, norm="l0")


def test_images_outside_the_box_or_not_numbers_are_refused():
    message = "attack: {} images left [0, 1]; clip them before they are judged"
    for images, count in ((moved(1.01, 0.5, 0.5), 1), (moved(-0.01, 1.1, 0.5), 2), (moved(torch.nan, 0.5, 0.5), 1)):
        assert refusal(checks.check_inside, images, ORIGINALS, epsilon=1.0, norm="linf") == message.format(count)


def test_a_part_in_train_mode_is_named():
    network = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.BatchNorm1d(4), nn.Dropout())).eval()
    checks.check_eval_mode(network)
    network[1][1].train()
    message = "attack: {} is in train mode; call eval() on the whole network first"
    assert refusal(checks.check_eval_mode, network) == message.format("1.1 (Dropout)")
    network.train()
    assert refusal(checks.check_eval_mode, network) == message.format("network (Sequential)")


def test_a_network_that_draws_is_refused():
    network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.Dropout(0.9))
    with torch.no_grad():
        network[1].bias.fill_(5.0)
    assert refusal(checks.check_deterministic, Victim(network), ORIGINALS.repeat(20, 1, 1, 1)).startswith(
        "attack: asked twice, the network gave other logits for "
    )
    first = iter([True, False])
    one = Victim(lambda x: torch.arange(3.0)[:, None].eq(1) * float(next(first)) * torch.ones(1, 2))
    assert refusal(checks.check_deterministic, one, ORIGINALS) == (
        "attack: asked twice, the network gave other logits for 1 of 3 images; make it deterministic, or average over"
        " it in the victim"
    )
    checks.check_deterministic(Victim(network.eval()), ORIGINALS)


def test_the_share_of_vanished_gradients_is_returned_and_all_are_refused():
    gradients = torch.zeros(4, 1, 2, 2)
    gradients[1, 0, 1, 1] = -1e-30
    assert checks.check_gradients(gradients) == 0.75
    assert refusal(checks.check_gradients, torch.zeros(4, 1, 2, 2)) == (
        "attack: the gradients of all 4 images are zero; use another loss, or an attack without them"
    )


def test_gradients_are_masked_if_square_does_better_by_more_than_the_tolerance():
    for square, pgd, found in ((0.2, 0.5, True), (0.5, 0.2, False), (0.46, 0.5, False), (0.44, 0.5, True)):
        assert checks.detect_masking(accuracy_under_square=square, accuracy_under_pgd=pgd, tolerance=0.05) is found


def test_accuracy_does_not_rise_under_attack():
    checks.check_no_gain(under_attack=0.9, clean=0.9)
    assert refusal(checks.check_no_gain, under_attack=0.91, clean=0.9) == (
        "attack: accuracy 0.91 under attack is above 0.9 without; judge both on the same images"
    )
