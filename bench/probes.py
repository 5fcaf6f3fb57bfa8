"""Measure probes of layers per second: all in one batch, relative to a plain loop over networks."""

from collections.abc import Callable, Iterator
from typing import cast

import torch
from torch import nn

from bench.rows import Row, compute_rate, compute_ratio, measure_cpu_seconds
from bench.steps import make_digits
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
    """Yield the rate of probes and its ratio, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    for title, (name, options) in NETWORKS.items():
        yield from _measure_network(title, name, options)


def _measure_network(title: str, name: str, options: dict[str, float]) -> Iterator[Row]:
    """Yield the rate of probes of one network, and its ratio to the plain loop."""
    dataset = make_digits()
    module = build(name, input_shape=dataset.input_shape, classes=dataset.classes, **options)
    # Random weights: an evaluation costs the same for any values.
    trained, start, fresh = (_draw_weights(module, seed) for seed in range(3))
    single = {layer: (layer,) for layer in list_layers(module)}
    every = [probe.state for probe in make_probes(module, TrainedNetwork(trained, {0: start}, [fresh]), single)]
    together, alone = (
        _make_batched(module, every, dataset, EXAMPLES[title]),
        _make_plain_loop(module, every, dataset, EXAMPLES[title]),
    )
    times = [(measure_cpu_seconds(together), measure_cpu_seconds(alone)) for _ in range(REPEATS)]
    ours, others = zip(*times, strict=True)
    yield compute_rate(f"probes of {title}, {EXAMPLES[title]:,} digits", ours, "probes/s", count=len(every))
    yield compute_ratio(f"probes of {title}, rate relative to the plainest loop", others, ours, "at least 0.80")


def _draw_weights(module: nn.Module, seed: int) -> State:
    """Return freshly drawn weights of the network."""
    initialise(module, scheme="kaiming_normal", generator=torch.Generator().manual_seed(seed))
    return {name: value.clone() for name, value in module.state_dict().items()}


def _make_batched(module: nn.Module, states: list[State], dataset: Dataset, examples: int) -> Callable[[], object]:
    """Return the evaluation of all states by the library, on the first `examples` test images."""
    split = type(dataset.test)(dataset.test.images[:examples], dataset.test.labels[:examples])
    # `evaluate` uses only the part of the interface that `Variants` has.
    networks = cast(Networks, Variants(module, states))
    return lambda: evaluate(networks, split, dataset=dataset, objective=CLASSIFICATION)


def _make_plain_loop(module: nn.Module, states: list[State], dataset: Dataset, examples: int) -> Callable[[], object]:
    """Return the plainest correct loop: for each network load, normalise, forward, count."""
    images, labels = dataset.test.images[:examples], dataset.test.labels[:examples]

    def loop() -> list[int]:
        correct = []
        module.eval()
        with torch.no_grad():
            for state in states:
                # The cost that a batch of states avoids, with the normalisation below.
                module.load_state_dict(state)
                parts = zip(images.split(BATCH), labels.split(BATCH), strict=True)
                right = (module(dataset.normalise(part)).argmax(1).eq(label).sum() for part, label in parts)
                correct.append(int(sum(right)))
        return correct

    return loop
