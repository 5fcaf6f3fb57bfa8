"""Units of declared costs: the size of a network, the work of an operation. Needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Settings = Mapping[str, Any]

TRAIN_EXAMPLES, TEST_EXAMPLES = 60_000, 10_000  # of MNIST; CIFAR-10 has 50,000 to train on
PASSES = 3  # a step computes the outputs, the gradients of the inputs and those of the weights


@dataclass(frozen=True)
class Size:
    """The number of weights of a network, and of multiply-adds in its forward pass for one example."""

    weights: int
    products: int


@dataclass(frozen=True)
class Work:
    """The work of one job of an operation; `reproof.planning.cost_model` converts it to seconds.

    `steps` counts network-steps of training; None if the time of a training does not predict this job. `passes` counts
    forward passes of examples through the network of the run. `seconds` is the time of all other work. `copies` counts
    the networks in memory per seed and level.
    """

    # None and 0 differ: with a number, even 0, the time limit follows recorded trainings.
    steps: float | None = None
    passes: float = 0
    seconds: float = 0
    copies: int = 1


def count_networks(settings: Settings) -> int:
    """Return the number of networks that a job trains: seeds times levels times draws."""
    # Dense trainings have no levels, and only controls have draws.
    return len(settings["seeds"]) * len(settings.get("levels", [1])) * int(settings.get("draws", 1))


def count_network_steps(settings: Settings) -> int:
    """Return the number of networks times the steps from the rewind point to the end."""
    return count_networks(settings) * (int(settings["training"]["steps"]) - int(settings.get("rewind", 0)))
