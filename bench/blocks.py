"""Measure the throughput of a block of networks, stacked into one, relative to training them one after the other.

On a CPU the library trains a block one network at a time, on a GPU stacked. This part measures both on the device
that the machine has.
"""

import time
from collections.abc import Iterator

import torch

from bench.rows import Row, compute_ratio
from bench.steps import ADAM, COLOURS, DIGITS, make_digits, make_network
from reproof.data.dataset import Dataset
from reproof.seeding import derive
from reproof.settings import TrainingSettings
from reproof.training.backends import assign_backends
from reproof.training.members import Member
from reproof.training.objective import CLASSIFICATION
from reproof.training.processor import keep_freed_memory
from reproof.training.trainer import Trainer

REPEATS, STEPS = 3, 10
SGD = {"optimizer": "sgd", "lr": 0.03, "momentum": 0.9, "batch": 128}
SIZES = (1, 5, 20, 100)
BLOCKS = {"lenet_300_100": (DIGITS, ADAM), "conv_2": (COLOURS, ADAM), "resnet_20": (COLOURS, SGD)}
ON_A_CPU = ("lenet_300_100", 20)  # the only network that is small enough, and the largest block of it
BOUNDS = {("lenet_300_100", 100): 50, ("resnet_20", 20): 5}  # least throughput on a GPU, relative to one at a time


def measure() -> Iterator[Row]:
    """Yield the relative throughput of each block, from interleaved repeats; on a CPU only of up to 20 LeNets."""
    gpu = torch.cuda.is_available()
    torch.set_num_threads(1)
    keep_freed_memory()
    for name, (shape, how) in BLOCKS.items():
        dataset = make_digits(shape, train=2_000, device="cuda" if gpu else "cpu")
        for size in SIZES:
            if gpu or (name == ON_A_CPU[0] and size <= ON_A_CPU[1]):
                alone, together = _measure_times(dataset, name, TrainingSettings(**how, steps=50_000), size, gpu)
                bound = f"at least {BOUNDS[name, size]}" if gpu and (name, size) in BOUNDS else "ratio"
                title = f"{size} x {name} in a block, throughput over one at a time"
                place = {"curve": "throughput over one at a time", "line": name, "axis": "networks in a block"}
                yield compute_ratio(title, alone, together, bound, **place, at=size)


def _measure_times(
    dataset: Dataset, name: str, settings: TrainingSettings, size: int, gpu: bool
) -> tuple[list[float], list[float]]:
    """Return the seconds of a step of all networks, one after the other and stacked, one number for each repeat."""
    device = torch.device("cuda" if gpu else "cpu")
    weights = {key: value.clone() for key, value in make_network(dataset, name).state_dict().items()}
    members = [Member(seed=seed, weights=weights, noise=derive("noise", seed)) for seed in range(size)]
    found: dict[bool, list[Trainer]] = {}
    for together in (False, True):
        groups = assign_backends(
            make_network(dataset, name), members, settings=settings, objective=CLASSIFICATION, steps=settings.steps,
            together=together or gpu,
        )  # fmt: skip
        if gpu and not together:  # the stacked backend with a single network
            groups = [([one], groups[0][1]) for one in members[:1]]
        how = {"device": device, "settings": settings, "objective": CLASSIFICATION}
        found[together] = [
            Trainer(
                backend(make_network(dataset, name), group, **how),
                group,
                dataset=dataset,
                settings=settings,
                objective=CLASSIFICATION,
            )
            for group, backend in groups
        ]
    # Untimed: the first steps compile and allocate.
    for each in found.values():
        _measure_step_seconds(each, size)
    times = [
        (_measure_step_seconds(found[False], size), _measure_step_seconds(found[True], size)) for _ in range(REPEATS)
    ]
    alone, stacked = zip(*times, strict=True)
    return list(alone), list(stacked)


def _measure_step_seconds(trainers: list[Trainer], size: int) -> float:
    """Return the seconds of a step of `size` networks, extrapolated if the trainers hold fewer."""
    began = _read_clock()
    for one in trainers:
        for _ in range(STEPS):
            one.step()
    trained = sum(len(one.members) for one in trainers)
    # On a GPU one network is measured in place of `size`: alone, each of them costs the same.
    return (_read_clock() - began) / STEPS * size / trained


def _read_clock() -> float:
    """Return wall seconds on a GPU, where work is asynchronous, and processor seconds on a CPU."""
    if torch.cuda.is_available():
        # Kernels are launched ahead: without waiting, the clock would measure launches.
        torch.cuda.synchronize()
        return time.monotonic()
    return time.process_time()
