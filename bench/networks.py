"""Measure the steps per second of networks for small images, and their ratio to the plainest PyTorch loop."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from bench.rows import Row, compute_rate, compute_ratio, measure_cpu_seconds
from bench.steps import ADAM, COLOURS, DIGITS, make_digits, make_plain_step, make_trainer
from reproof.training.processor import flush_subnormals, keep_freed_memory

REPEATS = 5
SGD = {"optimizer": "sgd", "lr": 0.03, "momentum": 0.9, "batch": 128}
NETWORKS: dict[str, tuple[tuple[int, int, int], Mapping[str, Any], int]] = {  # images, training, steps timed at once
    "lenet_300_100": (DIGITS, ADAM, 100),
    "conv_2": (COLOURS, ADAM, 5),
    "conv_4": (COLOURS, ADAM, 3),
    "conv_6": (COLOURS, ADAM, 3),
    "resnet_20": (COLOURS, SGD, 1),
}


def measure() -> Iterator[Row]:
    """Yield the rate and ratio of each network, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    flush_subnormals()
    for name, (shape, how, count) in NETWORKS.items():
        dataset = make_digits(shape, train=2_000)
        ours, plain = make_trainer(dataset, name=name, how=how).step, make_plain_step(dataset, name=name, how=how)
        for step in (ours, plain):
            # Untimed: the first call compiles and allocates.
            measure_cpu_seconds(step, count)
        times = [(measure_cpu_seconds(ours, count), measure_cpu_seconds(plain, count)) for _ in range(REPEATS)]
        mine, others = zip(*times, strict=True)
        yield compute_rate(f"{name}, batch {how['batch']}, one core", mine, "steps/s")
        yield compute_ratio(f"{name}, step over the plainest loop's", mine, others)
