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
from reproof.training.backends import on_cpu
from reproof.training.members import Member
from reproof.training.objective import CLASSIFICATION
from reproof.training.processor import flush_subnormals, keep_freed_memory
from reproof.training.trainer import Trainer

EXAMPLES, BATCH, RATE = 55_000, 60, 1.2e-3
REPEATS, STEPS, SIDE = 9, 200, 1024
KEPT = (1, 0.8, 0.2, 0.1, 0.036, 0.01)
MOST_OF_DENSE = {0.036: 0.25, 0.01: 0.15}
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
    flush_subnormals()
    dataset = digits()
    steps = {f"kept {kept}": _ours(dataset, kept=kept) for kept in KEPT} | {"plain": _plain(dataset)}
    times: dict[str, list[float]] = {name: [] for name in (*steps, "product")}
    left, right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    for step in steps.values():
        _cpu_seconds(step, STEPS)  # compiling, and the first touch of memory
    for _ in range(REPEATS):
        for name, step in steps.items():
            times[name].append(_cpu_seconds(step, STEPS))
        times["product"].append(_cpu_seconds(lambda: left @ right, 10))
    middle = {name: statistics.median(values) for name, values in times.items()}
    rate = 2 * SIDE**3 / middle["product"]
    dense = times["kept 1"]
    yield "LeNet step, batch 60, this trainer", 1e3 * middle["kept 1"], "ms"
    for kept in KEPT[1:]:
        bound = f"at most {MOST_OF_DENSE[kept]}" if kept in MOST_OF_DENSE else "ratio"
        yield f"the same at {kept:.1%} kept, over it", _median_ratio(times[f"kept {kept}"], dense), bound
    yield "LeNet step, the plainest PyTorch loop", 1e3 * middle["plain"], "ms"
    yield "this trainer over the plainest loop", _median_ratio(dense, times["plain"]), "at most 1.0"
    yield "spread of a step over repeats (max / min)", max(dense) / min(dense), "ratio"
    yield "matrix product, one core", rate / 1e9, "GFLOP/s"
    # The usual count: forward, gradient of weights, gradient of inputs, each 2 * weights * batch.
    yield (
        "share of that rate, counting 6 x weights x batch",
        _share(6 * WEIGHTS, middle["kept 1"], rate),
        "at least 0.65",
    )
    # The first layer needs no gradient of its inputs: what is truly computed.
    needed = 6 * WEIGHTS - 2 * FIRST_LAYER
    yield "share of that rate, counting only what is computed", _share(needed, middle["kept 1"], rate), "share"


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


def _ours(dataset: Dataset, *, kept: float) -> Callable[[], object]:
    """A training at a share kept; where the weights lie is drawn at random."""
    module, generator = _network(), torch.Generator().manual_seed(1)
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    masks = {k: torch.rand(v.shape, generator=generator) < kept for k, v in weights.items() if v.dim() > 1}
    member = Member(seed=0, weights=weights, noise=0, masks=masks if kept < 1 else None)
    settings = TrainingSettings(optimizer="adam", lr=RATE, batch=BATCH, steps=50_000)
    backend = on_cpu(module, member, settings=settings, objective=CLASSIFICATION, steps=settings.steps)
    networks = backend(module, [member], device=torch.device("cpu"), settings=settings, objective=CLASSIFICATION)
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
