"""What a seed costs in a block: all networks stacked into one, over one after the other. On a GPU that is the point.

A block is trained one network after the other on a CPU, stacked on a GPU; both are measured on what is there.
"""

import time
from collections.abc import Iterator

import torch

from bench.rows import Row, over
from bench.steps import ADAM, COLOURS, DIGITS, digits, network
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
ON_A_CPU = ("lenet_300_100", 20)  # the network that is small enough, and how many of it
ASKED = {("lenet_300_100", 100): 50, ("resnet_20", 20): 5}  # times as many steps a second, on a GPU


def measure() -> Iterator[Row]:
    """Yield rows, from interleaved repeats; on a CPU LeNets alone, up to 20 of them."""
    gpu = torch.cuda.is_available()
    torch.set_num_threads(1)
    keep_freed_memory()
    for name, (shape, how) in BLOCKS.items():
        dataset = digits(shape, train=2_000)
        for size in SIZES:
            if gpu or (name == ON_A_CPU[0] and size <= ON_A_CPU[1]):
                alone, together = _times(dataset, name, TrainingSettings(**how, steps=50_000), size, gpu)
                bound = f"at least {ASKED[name, size]}" if gpu and (name, size) in ASKED else "ratio"
                title = f"{size} x {name} in a block, throughput over one at a time"
                place = {"curve": "throughput over one at a time", "line": name, "axis": "networks in a block"}
                yield over(title, alone, together, bound, **place, at=size)


def _times(
    dataset: Dataset, name: str, settings: TrainingSettings, size: int, gpu: bool
) -> tuple[list[float], list[float]]:
    """Return seconds that the steps of all networks take, one after the other and stacked."""
    device = torch.device("cuda" if gpu else "cpu")
    weights = {key: value.clone() for key, value in network(dataset, name).state_dict().items()}
    members = [Member(seed=seed, weights=weights, noise=derive("noise", seed)) for seed in range(size)]
    found: dict[bool, list[Trainer]] = {}
    for together in (False, True):
        groups = assign_backends(
            network(dataset, name), members, settings=settings, objective=CLASSIFICATION, steps=settings.steps,
            together=together or gpu,
        )  # fmt: skip
        if gpu and not together:  # what is stacked when it is one
            groups = [([one], groups[0][1]) for one in members[:1]]
        how = {"device": device, "settings": settings, "objective": CLASSIFICATION}
        found[together] = [
            Trainer(
                backend(network(dataset, name), group, **how),
                group,
                dataset=dataset,
                settings=settings,
                objective=CLASSIFICATION,
            )
            for group, backend in groups
        ]
    for each in found.values():
        _seconds(each, size)
    times = [(_seconds(found[False], size), _seconds(found[True], size)) for _ in range(REPEATS)]
    alone, stacked = zip(*times, strict=True)
    return list(alone), list(stacked)


def _seconds(trainers: list[Trainer], size: int) -> float:
    """Return the seconds of a step of all `size` networks; if only one of them is there, so many times its own."""
    began = _now()
    for one in trainers:
        for _ in range(STEPS):
            one.step()
    trained = sum(len(one.members) for one in trainers)
    return (_now() - began) / STEPS * size / trained


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        return time.monotonic()
    return time.process_time()
