"""APGD, Square in L2 and HopSkipJump against the Adversarial Robustness Toolbox, on one network and the same images.

It has neither FAB nor AutoAttack with these parts; `test_attacks_fab.py` checks them against programs instead.
"""

import warnings

import numpy as np
import pytest
import torch
from attack_kit import fooled, in_art, known, mnist, mnist_network, seeded, toolbox
from torch import nn

from reproof.attacks.apgd import apgd
from reproof.attacks.attack import Aim
from reproof.attacks.dlr import compute_dlr
from reproof.attacks.hop_skip_jump import hop_skip_jump
from reproof.attacks.square import square

evasion = toolbox("attacks.evasion")


class Narrow(nn.Module):
    """Return the network on float32 images: their HopSkipJump hands it float64."""

    def forward(self, images):
        return mnist_network()(images.float())


@pytest.fixture(scope="module")
def theirs():
    return in_art(mnist_network())


@pytest.fixture(scope="module")
def attacked(victim):
    images, labels = known(victim, *(part[2000:2200] for part in mnist()))
    return images[:60], labels[:60]


def share(victim, images, attacked):
    return fooled(victim, images, attacked[1]).float().mean().item()


def quietly(attack, attacked, seed=0):
    """Return the images that an attack of theirs makes; the warnings are about their own code."""
    np.random.seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.from_numpy(attack.generate(x=attacked[0].numpy(), y=attacked[1].numpy()))


@pytest.mark.parametrize(("norm", "order", "epsilon"), [("linf", np.inf, 0.05), ("l2", 2, 0.8)])
def test_apgd_fools_as_many(victim, theirs, attacked, norm, order, epsilon):
    """Theirs keeps whole batches going and returns the last point of some, so ours may fool more."""
    ours = apgd(victim, attacked[0], Aim(attacked[1]), generator=seeded(), epsilon=epsilon, norm=norm, steps=40).images
    attack = evasion.AutoProjectedGradientDescent(
        theirs, norm=order, eps=epsilon, eps_step=2 * epsilon, max_iter=40, nb_random_init=1, batch_size=60,
        loss_type="cross_entropy", verbose=False,
    )  # fmt: skip
    rates = [share(victim, images, attacked) for images in (ours, quietly(attack, attacked))]
    assert 0.1 < rates[1] < 0.9 and rates[1] - 0.02 < rates[0] < rates[1] + 0.1


def test_dlr_is_the_loss_of_theirs(victim, attacked):
    """Theirs is defined inside a function, from one-hot labels; this is its formula, on unsorted logits."""
    logits, labels = victim.logits(attacked[0]).double(), attacked[1]
    ranked = logits.sort(dim=1).values
    own = logits[range(60), labels]
    other = torch.where(own == ranked[:, -1], ranked[:, -2], ranked[:, -1])
    assert torch.allclose(compute_dlr(logits, labels), -(own - other) / (ranked[:, -1] - ranked[:, -3]))


def test_square_in_l2_succeeds_as_often_in_the_same_budget(victim, theirs, attacked):
    shares, queries, epsilon = {"theirs": [], "ours": []}, 200, 1.5
    for seed in range(2):
        attack = evasion.SquareAttack(theirs, norm=2, eps=epsilon, max_iter=queries, p_init=0.1, verbose=False)
        shares["theirs"].append(share(victim, quietly(attack, attacked, seed), attacked))
        ours = square(
            victim, attacked[0], Aim(attacked[1]), generator=seeded(seed), epsilon=epsilon, norm="l2", p=0.1,
            queries=queries + 2,
        ).images  # fmt: skip
        shares["ours"].append(share(victim, ours, attacked))
    theirs, ours = (sum(one) / 2 for one in shares.values())
    assert 0.1 < theirs < 0.95 and ours >= theirs - 0.04


def test_hop_skip_jump_ends_as_near(victim, attacked):
    """Both start from noise where noise has another class, so only those images are compared."""
    few = tuple(part[:16] for part in attacked)
    attack = evasion.HopSkipJump(
        in_art(Narrow()), norm=2, max_iter=8, max_eval=1000, init_eval=100, init_size=20, verbose=False
    )
    other = quietly(attack, few)
    asked = 8 * (25 + 15) + sum(int(100 * step**0.5) for step in range(1, 9))
    ours = hop_skip_jump(victim, few[0], Aim(few[1]), generator=seeded(), queries=asked).images
    both = fooled(victim, other, few[1]) & fooled(victim, ours, few[1])
    assert both.sum() > 8
    lengths = [(one - few[0]).flatten(1).norm(dim=1)[both].median().item() for one in (ours, other)]
    assert 0.6 < lengths[0] / lengths[1] < 1.25
