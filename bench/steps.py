"""Measure LeNet steps of this trainer: time, ratio to the plainest correct PyTorch loop, share of the core's rate."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bench.rows import Row, compute_ratio, measure_cpu_seconds, summarise_repeats
from reproof.data.dataset import Dataset, Split
from reproof.networks import build, initialise, list_prunable
from reproof.settings import TrainingSettings
from reproof.training.backends import select_cpu_backend
from reproof.training.members import Member
from reproof.training.objective import CLASSIFICATION
from reproof.training.processor import flush_subnormals, keep_freed_memory
from reproof.training.trainer import Trainer

EXAMPLES, BATCH, RATE = 55_000, 60, 1.2e-3
REPEATS, STEPS, SIDE = 9, 200, 1024
KEPT = (1, 0.8, 0.5, 0.2, 0.1, 0.036, 0.01)
AGAINST_KEPT = {"curve": "step over the dense one", "axis": "share of the weights kept"}
MOST_OF_DENSE = {0.036: 0.25, 0.01: 0.15}
WEIGHTS = 784 * 300 + 300 * 100 + 100 * 10
FIRST_LAYER = 784 * 300
DIGITS, COLOURS = (1, 28, 28), (3, 32, 32)
Masks = Mapping[str, torch.Tensor]  # by weight, bool
ADAM = {"optimizer": "adam", "lr": RATE, "batch": BATCH}


def make_digits(shape: tuple[int, int, int] = DIGITS, train: int = EXAMPLES, *, device: str = "cpu") -> Dataset:
    """Return a data set of random images, uint8 [N, *shape], on a device; a step costs the same as on real ones."""
    generator = torch.Generator().manual_seed(0)
    parts = []
    for count in (train, 5_000, 10_000):
        images = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=generator)
        labels = torch.randint(0, 10, (count,), generator=generator)
        parts.append(Split(images.to(device), labels.to(device)))
    # MNIST's mean and deviation: any values cost the same.
    mean, std = (torch.full((shape[0], 1, 1), value, device=device) for value in (0.1307, 0.3081))
    return Dataset("noise", "noise", 10, mean, std, *parts)


def measure() -> Iterator[Row]:
    """Yield step times and ratios, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    flush_subnormals()
    dataset = make_digits()
    steps = {f"kept {kept}": make_trainer(dataset, masks=draw_masks(dataset, kept)).step for kept in KEPT} | {
        "plain": make_plain_step(dataset)
    }
    times: dict[str, list[float]] = {name: [] for name in (*steps, "product")}
    # Large enough for the full rate of the core.
    left, right = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    for step in steps.values():
        measure_cpu_seconds(step, STEPS)  # untimed: the first call compiles and touches memory
    for _ in range(REPEATS):
        # In turn within each repeat, so that a slow change of the load meets all of them.
        for name, step in steps.items():
            times[name].append(measure_cpu_seconds(step, STEPS))
        times["product"].append(measure_cpu_seconds(lambda: left @ right, 10))
    dense = times["kept 1"]
    yield summarise_repeats("LeNet step, batch 60, this trainer", [1e3 * one for one in dense], "ms")
    for kept in KEPT[1:]:
        bound = f"at most {MOST_OF_DENSE[kept]}" if kept in MOST_OF_DENSE else "ratio"
        ours = times[f"kept {kept}"]
        yield compute_ratio(
            f"LeNet step at {kept:.1%} kept, over the dense step",
            ours,
            dense,
            bound,
            **AGAINST_KEPT,
            line="LeNet",
            at=kept,
        )
    yield summarise_repeats("LeNet step, the plainest PyTorch loop", [1e3 * one for one in times["plain"]], "ms")
    yield compute_ratio("LeNet step over the plainest loop's", dense, times["plain"], "at most 1.0")
    # A product of n x n matrices takes n^3 multiplications and as many additions.
    product = [2 * SIDE**3 / one for one in times["product"]]
    yield summarise_repeats("matrix product, one core", [one / 1e9 for one in product], "GFLOP/s")
    # The usual count: forward, gradient of weights, gradient of inputs, each 2 * weights * batch.
    usual = [6 * WEIGHTS * BATCH / one for one in dense]
    yield compute_ratio("LeNet step, share of the matrix rate, by 6 x weights x batch", usual, product, "at least 0.65")
    # The first layer needs no gradient of its inputs, so the usual count exceeds the computed operations.
    needed = [(6 * WEIGHTS - 2 * FIRST_LAYER) * BATCH / one for one in dense]
    yield compute_ratio("LeNet step, share of the matrix rate, by computed operations", needed, product, "share")


def make_network(dataset: Dataset, name: str = "lenet_300_100") -> nn.Module:
    """Return a network with freshly initialised weights."""
    module = build(name, input_shape=dataset.input_shape, classes=10)
    initialise(module, scheme="glorot_normal", generator=torch.Generator().manual_seed(0))
    return module


def make_trainer(
    dataset: Dataset,
    *,
    name: str = "lenet_300_100",
    masks: Masks | None = None,
    how: Mapping[str, Any] = ADAM,
) -> Trainer:
    """Return a trainer on the backend that the library would choose for 50,000 steps.

    masks: bool by name, of the shapes of the weights; None trains the dense network.
    """
    module = make_network(dataset, name)
    weights = {key: value.clone() for key, value in module.state_dict().items()}
    member = Member(seed=0, weights=weights, noise=0, masks=masks)
    settings = TrainingSettings(**how, steps=50_000)
    backend = select_cpu_backend(module, member, settings=settings, objective=CLASSIFICATION, steps=settings.steps)
    networks = backend(module, [member], device=torch.device("cpu"), settings=settings, objective=CLASSIFICATION)
    return Trainer(networks, [member], dataset=dataset, settings=settings, objective=CLASSIFICATION)


def draw_masks(dataset: Dataset, kept: float | Mapping[str, float], name: str = "lenet_300_100") -> Masks | None:
    """Return random masks (bool, shapes of the weights) that keep a share of all layers or of each; None if dense."""
    module, generator = make_network(dataset, name), torch.Generator().manual_seed(1)
    shares = kept if isinstance(kept, Mapping) else dict.fromkeys(list_prunable(module), kept)
    drawn = {key: torch.rand(module.get_parameter(key).shape, generator=generator) for key in shares}
    return {key: drawn[key] < share for key, share in shares.items()} if min(shares.values()) < 1 else None


def make_plain_step(
    dataset: Dataset, *, name: str = "lenet_300_100", how: Mapping[str, Any] = ADAM
) -> Callable[[], object]:
    """Return one step of the plainest correct loop, with normalised images in memory."""
    module, inputs, labels = make_network(dataset, name), dataset.normalise(dataset.train.images), dataset.train.labels
    adam, momentum = how["optimizer"] == "adam", how.get("momentum", 0.0)
    parameters = module.parameters()
    optimiser = torch.optim.Adam(parameters, how["lr"]) if adam else torch.optim.SGD(parameters, how["lr"], momentum)
    # One permutation a hundred times: the loop draws no order while it is timed.
    batches = iter(torch.randperm(len(labels)).split(how["batch"]) * 100)

    def step() -> None:
        chosen = next(batches)
        loss = cross_entropy(module(inputs[chosen]), labels[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step
