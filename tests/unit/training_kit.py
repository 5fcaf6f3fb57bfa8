"""A small network, a small data set and members for the tests of training."""

import torch

from reproof.data.dataset import Dataset, Split
from reproof.networks import build, initialise
from reproof.seeding import derive
from reproof.settings import TrainingSettings
from reproof.training.members import Member


def digits(*, train=300, rest=100, shape=(1, 6, 6), classes=4):
    """Images whose class is a linear function of their pixels: learnable in a few steps."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (train + 2 * rest, *shape), dtype=torch.uint8, generator=generator)
    weights = torch.randn(images[0].numel(), classes, generator=generator)
    labels = (images.double().flatten(1) - 127.5).float().mm(weights).argmax(1)
    parts = [
        Split(a, b) for a, b in zip(images.split([train, rest, rest]), labels.split([train, rest, rest]), strict=True)
    ]
    mean, std = torch.tensor([0.5]).view(1, 1, 1), torch.tensor([0.29]).view(1, 1, 1)
    return Dataset("toy", "Toy", classes, mean, std, *parts)


def network(dataset, name="lenet_300_100", **options):
    options = {"width": 0.1} | options
    return build(name, input_shape=dataset.input_shape, classes=dataset.classes, **options)


def members(module, seeds=(0, 1), masked=False, arm="ticket"):
    """One member for each seed; masked ones keep about half of each weight."""
    found = []
    for seed in seeds:
        initialise(module, scheme="glorot_normal", generator=torch.Generator().manual_seed(derive("i", seed)))
        weights = {name: value.clone() for name, value in module.state_dict().items()}
        chance = torch.Generator().manual_seed(seed)
        masks = {k: torch.rand(v.shape, generator=chance) < 0.5 for k, v in weights.items() if v.dim() > 1}
        found.append(Member(seed=seed, weights=weights, noise=derive("n", seed, arm), masks=masks if masked else None))
    return found


def settings(**changes):
    usual = {"optimizer": "adam", "lr": 1e-2, "batch": 30, "steps": 40, "validate_every": 10, "test_every": 20}
    return TrainingSettings(**(usual | changes))
