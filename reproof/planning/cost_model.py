"""How long jobs take: from the records of finished trainings where there are any, otherwise by an estimate.

The unit is a network-step: one step of one network, with its share of the evaluations between steps. What networks and
operations cost is declared where they are defined.
"""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from reproof.declarations.costs import PASSES, TEST_EXAMPLES, Settings, Size, Work, count_network_steps, count_networks
from reproof.declarations.evaluate import read_declaration
from reproof.provenance.identity import format_canonical
from reproof.registry import list_registered
from reproof.settings import DataSettings, TrainingSettings
from reproof.storage.files import ReproofError, read_json

NETWORK = ("networks", "network")


@dataclass(frozen=True)
class Duration:
    """Seconds that a job is expected to take, and whether that was measured or is an estimate."""

    seconds: float
    measured: bool


# One core: 50,000 steps of LeNet as published took 157 to 219 s, two at once on two cores: 41 to 29 GFLOP/s.
CORE_FLOPS = 30e9
# One GPU, not measured: a fifth of an A100's 19.5 TFLOP/s (its data sheet, float32), as many small networks rarely fill
# it; and 5 ms a step of a block, however small, for the hundreds of kernels that it launches.
GPU_FLOPS = 4e12
GPU_STEP_S = 5e-3

CPUS = {"cpu", "x86_64", "aarch64", "arm64", "arm", "i386"}  # what records call a machine without a GPU


def compute_size(settings: Settings) -> Size:
    """Return the size of a job's network: as its factory declares it, or else the largest that another declares.

    A declared number is that of the network as published; the option `width` narrows it.
    """
    options = dict(settings["network"])
    cost = _declared_size(options.pop("name"))
    if callable(cost):
        found: Size = cost(**options)
        return found
    narrower = min(max(float(options.get("width", 1.0)), 0.0), 1.0) ** 2
    return Size(int(cost.weights * narrower), int(cost.products * narrower))


@cache
def _declared_size(name: str) -> Any:
    """Return the declared cost of a network, a Size or a function that computes it from the options."""
    known = list_registered(*NETWORK)
    own = read_declaration(*NETWORK, name).get("cost") if name in known else None
    if own is not None:
        return own
    declared = [read_declaration(*NETWORK, one).get("cost") for one in known]
    return max((one for one in declared if isinstance(one, Size)), key=lambda one: one.products)


def compute_work(operation: str, settings: Settings) -> Work:
    """Return the work of a job of an operation; raise ReproofError if the operation declares none."""
    declared = read_declaration("operations", "operation", operation)
    if "cost" not in declared:
        raise ReproofError(f"operation {operation}: declares no cost; write @operation(metrics=..., cost=...)")
    work: Work = declared["cost"](settings)
    return work


def estimate_work_seconds(work: Work, settings: Settings, *, step_s: float, gpu: bool) -> float:
    """Return the seconds that a job's work takes, at a time a network-step."""
    flop = 2 * compute_size(settings).products * work.passes
    return (work.steps or 0) * step_s + flop / (GPU_FLOPS if gpu else CORE_FLOPS) + work.seconds


def estimate_step_seconds(settings: Settings, *, gpu: bool) -> float:
    """Return the seconds a network-step is estimated to take on one core or one GPU."""
    training, data = TrainingSettings.parse(settings["training"]), DataSettings.parse(settings["dataset"])
    evaluated = data.validation / training.validate_every + TEST_EXAMPLES / training.test_every
    flop = 2 * compute_size(settings).products * (PASSES * training.batch + evaluated)
    return GPU_STEP_S / count_networks(settings) + flop / GPU_FLOPS if gpu else flop / CORE_FLOPS


def describe_likeness(settings: Settings) -> str:
    """Return what two jobs must share for the time of one to predict that of the other: network, data, batch."""
    return format_canonical([settings["network"], settings["dataset"]["name"], settings["training"]["batch"]])


def read_step_times(results: str | Path, *, gpu: bool) -> dict[str, float]:
    """Return {likeness: median seconds a network-step} of the finished trainings with (or without) a GPU.

    The median is robust: records of killed trainings hold only the time since, and some trainings shared their machine.
    """
    found: dict[str, list[float]] = defaultdict(list)
    for path in sorted(Path(results).glob("*/*/*/**/record.json")):
        record = _training(path)
        with suppress(KeyError, TypeError, ValueError, ArithmeticError, AttributeError):  # what no version writes
            if record and (record["device"] not in CPUS) == gpu:
                settings = record["settings"]
                found[describe_likeness(settings)].append(record["training_s"] / count_network_steps(settings))
    return {which: median(times) for which, times in found.items()}


def _training(path: Path) -> dict[str, Any]:
    """Return the record of a training; an empty record for anything else and for an unreadable file."""
    try:
        record = read_json(path)
    except ReproofError:
        return {}
    return record if isinstance(record, dict) and "training_s" in record else {}
