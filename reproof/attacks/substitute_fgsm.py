"""FGSM on a substitute trained on the victim's answers: the black-box attack of Papernot et al. 2017."""

import torch
from torch import Generator, Tensor, nn

from reproof.attacks.attack import Adversarial, Aim, attack, check_epsilon
from reproof.attacks.fgsm import fgsm
from reproof.attacks.substitute import train_substitute
from reproof.attacks.victim import Victim

SEEDS = 150  # images that the paper's attacker starts from


@attack
def substitute_fgsm(
    victim: Victim, images: Tensor, aim: Aim, *, generator: Generator, epsilon: float,
    rounds: int = 6, step: float = 0.1, units: int = 200,
) -> Adversarial:  # fmt: skip
    """Return the FGSM images of a substitute: 2 x `units` ReLU, trained on the victim's answers alone.

    `images` are float32 [N, C, H, W]; `epsilon` is the L-infinity radius in pixels of [0, 1]. The first 150 images are
    the seeds, without their labels. Each round doubles them by steps of `step` along the signs of the substitute's
    Jacobian (algorithm 1). Every image counts all the queries of the substitute's training: 4,800.
    """
    check_epsilon(epsilon)
    # A black box does not state its number of classes; its answer shows it.
    classes = victim.logits(images[:1]).shape[-1]

    def network(drawn: Generator) -> nn.Module:
        return _build_perceptron(images[0].numel(), units, classes, drawn)

    stand_in = train_substitute(victim, images[:SEEDS], network=network, generator=generator, rounds=rounds, step=step)
    made = fgsm(stand_in.victim, images, aim, generator=generator, epsilon=epsilon)
    return Adversarial(made.images, torch.full_like(aim.labels, stand_in.queries))


def _build_perceptron(inputs: int, units: int, classes: int, generator: Generator) -> nn.Module:
    """Return pixels - units - units - classes with ReLU, initialised as in He et al. 2015."""
    layers = [nn.Linear(inputs, units), nn.Linear(units, units), nn.Linear(units, classes)]
    with torch.no_grad():
        for layer in layers:
            layer.weight.normal_(0, (2 / layer.in_features) ** 0.5, generator=generator)
            layer.bias.zero_()
    return nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2])
