"""Probes of layers a second, all in one go, against the plainest loop that evaluates one network after the other."""

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import nn

from bench.rows import Row, cpu_seconds, over, rate
from bench.steps import digits
from reproof.data.dataset import Dataset
from reproof.networks import build, initialise
from reproof.probing.layers import list_layers
from reproof.probing.probes import TrainedNetwork, make_probes
from reproof.training.backends import Networks
from reproof.training.evaluate import BATCH, evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.processor import keep_freed_memory
from reproof.training.state import State
from reproof.training.variants import Variants

NETWORKS = {
    "5x256": ("fc", {"depth": 5, "units": 256}),
    "ResNet-18, 4 to 32 channels": ("resnet_18", {"width": 1 / 16}),
}
EXAMPLES = {"5x256": 10_000, "ResNet-18, 4 to 32 channels": 500}
REPEATS = 3


def measure() -> Iterator[Row]:
    """Yield rows, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    for title, (name, options) in NETWORKS.items():
        yield from _measured(title, name, options)


def _measured(title: str, name: str, options: dict[str, float]) -> Iterator[Row]:
    dataset = digits()
    module = build(name, input_shape=dataset.input_shape, classes=dataset.classes, **options)
    trained, start, fresh = (_drawn(module, seed) for seed in range(3))
    single = {layer: (layer,) for layer in list_layers(module)}
    every = [probe.state for probe in make_probes(module, TrainedNetwork(trained, {0: start}, [fresh]), single)]
    together, alone = (
        _together(module, every, dataset, EXAMPLES[title]),
        _alone(module, every, dataset, EXAMPLES[title]),
    )
    times = [(cpu_seconds(together), cpu_seconds(alone)) for _ in range(REPEATS)]
    ours, others = zip(*times, strict=True)
    yield rate(f"probes a second, {title}, {EXAMPLES[title]:,} digits", ours, "probes/s", count=len(every))
    yield over(f"probes a second, {title}, over the plainest evaluation's", others, ours, "at least 0.80")


def _drawn(module: nn.Module, seed: int) -> State:
    initialise(module, scheme="kaiming_normal", generator=torch.Generator().manual_seed(seed))
    return {name: value.clone() for name, value in module.state_dict().items()}


def _together(module: nn.Module, states: list[State], dataset: Dataset, examples: int) -> Callable[[], object]:
    split = type(dataset.test)(dataset.test.images[:examples], dataset.test.labels[:examples])
    networks = cast(Networks, Variants(module, states))
    return lambda: evaluate(networks, split, dataset=dataset, objective=CLASSIFICATION)


def _alone(module: nn.Module, states: list[State], dataset: Dataset, examples: int) -> Callable[[], object]:
    """The loop that one would write first: load, normalise, forward, count, for each network."""
    images, labels = dataset.test.images[:examples], dataset.test.labels[:examples]

    def loop() -> list[int]:
        correct = []
        module.eval()
        with torch.no_grad():
            for state in states:
                module.load_state_dict(state)
                parts = zip(images.split(BATCH), labels.split(BATCH), strict=True)
                right = (module(dataset.normalise(part)).argmax(1).eq(label).sum() for part, label in parts)
                correct.append(int(sum(right)))
        return correct

    return loop
