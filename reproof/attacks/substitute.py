"""A substitute network, trained on an oracle's answers and attacked in its place (Papernot et al. 2017, algorithm 1).

The oracle answers with classes alone. Attack `Substitute.victim` with any attack, then query the oracle about the
images:

    stand_in = train_substitute(oracle, seeds, network=network, generator=generator)
    images = fgsm(stand_in.victim, images, aim, generator=generator, epsilon=0.3).images
    fooled = aim.is_reached(oracle.predict(images))
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from reproof.attacks.victim import Victim
from reproof.settings import TrainingSettings
from reproof.storage.files import ReproofError
from reproof.training.optimisers import Descent

Factory = Callable[[Generator], nn.Module]  # an initialised network: pixels in [0, 1] to logits


@dataclass(frozen=True, eq=False)
class Substitute:
    """The trained network, and the number of images that the oracle labelled for it."""

    victim: Victim
    queries: int


@dataclass(frozen=True, kw_only=True)
class Fitting:
    """Training of one round: `epochs` of Adam at `rate` over shuffled batches, from the weights of the last round."""

    epochs: int = 10
    batch: int = 128
    rate: float = 1e-3


def train_substitute(
    oracle: Victim, seeds: Tensor, *, network: Factory, generator: Generator, rounds: int = 6, step: float = 0.1,
    flip_every: int = 3, fitting: Fitting = Fitting(),
) -> Substitute:  # fmt: skip
    """Train on the seeds, float32 [N, C, H, W], then in each round on twice as many images, labelled by the oracle.

    The oracle labels each image once: N * 2^(rounds - 1) queries. `step` is the paper's lambda, in pixels of [0, 1].
    Its sign changes every `flip_every` rounds, never if 0.

    Raises ReproofError without seeds or rounds.
    """
    _check(seeds, rounds)
    module = network(generator).to(seeds.device)
    images, labels = seeds, oracle.predict(seeds)
    fit(module, images, labels, fitting=fitting, generator=generator)
    for number in range(rounds - 1):
        new = augment(_make_victim(module), images, labels, step=compute_step(step, number, flip_every))
        images, labels = torch.cat([images, new]), torch.cat([labels, oracle.predict(new)])
        fit(module, images, labels, fitting=fitting, generator=generator)
    return Substitute(_make_victim(module), len(labels))


def augment(substitute: Victim, images: Tensor, labels: Tensor, *, step: float) -> Tensor:
    """Return x + step sign(dF_label / dx), clipped to [0, 1]: the direction of the substitute's logit of the label.

    `images` are float32 [N, C, H, W], `labels` int64 [N] the oracle's classes. The paper has probabilities instead of
    logits; they saturate, and a gradient of 0 has no sign.
    """
    return (images + step * substitute.compute_gradient(images, labels, _select_own_logit).sign()).clamp_(0, 1)


def compute_step(step: float, number: int, flip_every: int) -> float:
    """Return the step of augmentation `number`, from 0; its sign changes after every `flip_every`, never if 0."""
    # As in Cleverhans, whose step changes its sign every 3 rounds.
    return -step if flip_every and number // flip_every % 2 else step


def fit(module: nn.Module, images: Tensor, labels: Tensor, *, fitting: Fitting, generator: Generator) -> None:
    """Train the network in place by Adam on the cross-entropy; the order of the examples is random.

    `images` are float32 [N, C, H, W] in [0, 1], `labels` int64 [N].
    """
    # `_make_victim` froze the weights for the augmentation of the last round.
    module.train().requires_grad_(True)
    parameters = list(module.parameters())
    steps = fitting.epochs * -(-len(images) // fitting.batch)
    settings = TrainingSettings(optimizer="adam", lr=fitting.rate, batch=fitting.batch, steps=steps)
    descent = Descent(parameters, [None] * len(parameters), settings)
    for _ in range(fitting.epochs):
        order = torch.randperm(len(images), generator=generator).to(images.device)
        for chosen in torch.split(order, fitting.batch):
            loss = cross_entropy(module(images[chosen]), labels[chosen])
            descent.apply(torch.autograd.grad(loss, parameters), fitting.rate)


def _make_victim(module: nn.Module) -> Victim:
    """Return the network as a victim, in eval mode and with frozen weights."""
    return Victim(module.eval().requires_grad_(False))


def _select_own_logit(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the logit of each label: [N]."""
    return logits.gather(1, labels[:, None]).squeeze(1)


def _check(seeds: Tensor, rounds: int) -> None:
    """Raise ReproofError without seeds or rounds."""
    if not len(seeds) or rounds < 1:
        raise ReproofError(
            f"attack: {len(seeds)} seeds in {rounds} rounds train no substitute; give at least 1 of each"
        )
