"""Milliseconds a LeNet step, by this trainer and by the plainest correct PyTorch loop; share of the core's rate."""

import statistics
import time
from collections.abc import Callable, Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from reproof.data.dataset import Dataset, Split
from reproof.networks import build, initialise
from reproof.settings import TrainingSettings
from reproof.training.members import Member, Single
from reproof.training.memory import keep_freed_memory
from reproof.training.objective import CLASSIFICATION
from reproof.training.trainer import Trainer

EXAMPLES, BATCH, RATE = 55_000, 60, 1.2e-3
REPEATS, STEPS, SIDE = 9, 200, 1024
WEIGHTS = 784 * 300 + 300 * 100 + 100 * 10
FIRST_LAYER = 784 * 300


def digits() -> Dataset:
    """Return random images in the shape of MNIST: steps cost the same on them."""
    generator = torch.Generator().manual_seed(0)
    parts = []
    for count in (EXAMPLES, 5_000, 10_000):
        images = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8, generator=generator)
        parts.append(Split(images, torch.randint(0, 10, (count,), generator=generator)))
    mean, std = torch.tensor([0.1307]).view(1, 1, 1), torch.tensor([0.3081]).view(1, 1, 1)
    return Dataset("noise", "noise in the shape of MNIST", 10, mean, std, *parts)


def measure() -> Iterator[tuple[str, float, str]]:
    """Yield (quantity, value, unit), from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    dataset = digits()
    ours, masked, plain = _ours(dataset, masked=False), _ours(dataset, masked=True), _plain(dataset)
    times: dict[str, list[float]] = {"ours": [], "masked": [], "plain": [], "product": []}
    left, right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    for _ in range(REPEATS):
        for name, step in (("ours", ours), ("plain", plain), ("masked", masked)):
            times[name].append(_cpu_seconds(step, STEPS))
        times["product"].append(_cpu_seconds(lambda: left @ right, 10))
    middle = {name: statistics.median(values) for name, values in times.items()}
    rate = 2 * SIDE**3 / middle["product"]
    yield "LeNet step, batch 60, this trainer", 1e3 * middle["ours"], "ms"
    yield "the same with masks", 1e3 * middle["masked"], "ms"
    yield "LeNet step, the plainest PyTorch loop", 1e3 * middle["plain"], "ms"
    yield "this trainer over the plainest loop", _median_ratio(times["ours"], times["plain"]), "at most 1.05"
    yield "spread of a step over repeats (max / min)", max(times["ours"]) / min(times["ours"]), "ratio"
    yield "matrix product, one core", rate / 1e9, "GFLOP/s"
    # The usual count: forward, gradient of weights, gradient of inputs, each 2 * weights * batch.
    yield "share of that rate, counting 6 x weights x batch", _share(6 * WEIGHTS, middle["ours"], rate), "at least 0.60"
    # The first layer needs no gradient of its inputs: what is truly computed.
    needed = 6 * WEIGHTS - 2 * FIRST_LAYER
    yield "share of that rate, counting only what is computed", _share(needed, middle["ours"], rate), "share"


def _share(flop_per_example: int, seconds: float, rate: float) -> float:
    return flop_per_example * BATCH / seconds / rate


def _median_ratio(ours: list[float], others: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(ours, others, strict=True))


def _cpu_seconds(step: Callable[[], object], count: int) -> float:
    began = time.process_time()
    for _ in range(count):
        step()
    return (time.process_time() - began) / count


def _network() -> nn.Module:
    module = build("lenet_300_100", input_shape=(1, 28, 28), classes=10)
    initialise(module, scheme="glorot_normal", generator=torch.Generator().manual_seed(0))
    return module


def _ours(dataset: Dataset, *, masked: bool) -> Callable[[], object]:
    module, generator = _network(), torch.Generator().manual_seed(1)
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    masks = {k: torch.rand(v.shape, generator=generator) < 0.2 for k, v in weights.items() if v.dim() > 1}
    member = Member(seed=0, weights=weights, noise=0, masks=masks if masked else None)
    settings = TrainingSettings(optimizer="adam", lr=RATE, batch=BATCH, steps=50_000)
    networks = Single(module, [member], torch.device("cpu"))
    return Trainer(networks, [member], dataset=dataset, settings=settings, objective=CLASSIFICATION).step


def _plain(dataset: Dataset) -> Callable[[], object]:
    """The loop that one would write first, with normalised floats in memory."""
    module, inputs, labels = _network(), dataset.normalise(dataset.train.images), dataset.train.labels
    optimiser = torch.optim.Adam(module.parameters(), lr=RATE)
    batches = iter(torch.randperm(EXAMPLES).split(BATCH) * 100)

    def step() -> None:
        chosen = next(batches)
        loss = cross_entropy(module(inputs[chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step
