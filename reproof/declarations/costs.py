"""What modules declare as their cost: the size of a network, the work of an operation. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Settings = Mapping[str, Any]

TRAIN_EXAMPLES, TEST_EXAMPLES = 60_000, 10_000  # of MNIST; CIFAR-10 has 50,000 to train on
PASSES = 3  # a step computes the outputs, the gradients of the inputs and those of the weights


@dataclass(frozen=True)
class Size:
    """Weights of a network, and multiply-adds of its forward pass for one example."""

    weights: int
    products: int


@dataclass(frozen=True)
class Work:
    """What one job of an operation computes; `reproof.planning.cost_model` says how many seconds that takes.

    `steps` counts network-steps of training, None where the time of a training says nothing of this job; `passes`
    counts examples that pass forward through the run's network; `seconds` are those of all else. `copies` counts the
    networks that each seed and level holds in memory.
    """

    steps: float | None = None
    passes: float = 0
    seconds: float = 0
    copies: int = 1


def count_networks(settings: Settings) -> int:
    """Return how many networks a training job trains: its seeds, times a control's levels and draws."""
    return len(settings["seeds"]) * len(settings.get("levels", [1])) * int(settings.get("draws", 1))


def count_network_steps(settings: Settings) -> int:
    """Return networks times the steps from their rewind point to the end."""
    return count_networks(settings) * (int(settings["training"]["steps"]) - int(settings.get("rewind", 0)))
