"""What a convolutional ticket's step costs over the dense one, where few weights are kept and channels are cut off.

Its masks keep the largest of a network's initial weights, all layers together, as a global pruning does: layers whose
weights are small lose whole channels first.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from bench.rows import Row, cpu_seconds, over
from bench.steps import ADAM, AGAINST_KEPT, COLOURS, digits, network, trainer
from reproof.networks import prunable
from reproof.training.processor import flush_subnormals, keep_freed_memory

REPEATS = 5
SGD = {"optimizer": "sgd", "lr": 0.03, "momentum": 0.9, "batch": 128, "weight_decay": 1e-4}
NETWORKS: dict[str, tuple[Mapping[str, Any], tuple[float, ...]]] = {
    "resnet_20": (SGD, (0.05, 0.02, 0.01, 0.005)),
    "conv_6": (ADAM, (0.05, 0.015, 0.01)),
}


def measure() -> Iterator[Row]:
    """Yield rows, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    flush_subnormals()
    dataset = digits(COLOURS, train=1_000)
    for name, (how, shares) in NETWORKS.items():
        kept: tuple[float, ...] = (1.0, *shares)
        steps = [trainer(dataset, name=name, masks=_largest(name, one), how=how).step for one in kept]
        for step in steps:
            step()
        dense, *tickets = zip(*([cpu_seconds(step) for step in steps] for _ in range(REPEATS)), strict=True)
        for share, times in zip(shares, tickets, strict=True):
            title = f"{name} step at {share:.1%} kept, over the dense step"
            yield over(title, times, dense, **AGAINST_KEPT, line=name, at=share)


def _largest(name: str, share: float) -> dict[str, torch.Tensor] | None:
    """Return masks that keep this share of all weights that can be pruned, the largest; None for all of them."""
    module = network(digits(COLOURS, train=1), name)
    weights = {key: module.get_parameter(key).detach().abs() for key in prunable(module)}
    ranked = torch.cat([one.flatten() for one in weights.values()]).sort(descending=True).values
    least = ranked[int(share * len(ranked)) - 1]
    return {key: one >= least for key, one in weights.items()} if share < 1 else None
