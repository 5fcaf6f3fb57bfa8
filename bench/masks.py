"""Untrained masks a second, their time over plain evaluations, and the time of a step of learning a mask."""

import time
from collections.abc import Iterator

import numpy as np
import torch

from bench.steps import digits
from reproof.data.dataset import Dataset
from reproof.jobs.untrained import Masked as MaskedStates
from reproof.networks import build, initialise, prunable
from reproof.pruning.mask_criteria import large_final_same_sign
from reproof.pruning.one_shot import one_shot_ladder, rungs
from reproof.supermasks.masked import Masked
from reproof.supermasks.rules import bernoulli
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.variants import Variants

ROUNDS, REPEATS, BATCH = 24, 2, 250


def measure() -> Iterator[tuple[str, float, str]]:
    """Yield (quantity, value, unit), on one thread."""
    torch.set_num_threads(1)
    dataset = digits()
    module = build("lenet_300_100", input_shape=dataset.input_shape, classes=dataset.classes)
    initialise(module, scheme="glorot_normal", generator=torch.Generator().manual_seed(0))
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    kinds = prunable(module)
    began = time.process_time()
    scores = {name: large_final_same_sign(weights[name], np.roll(weights[name], 1)) for name in kinds}
    ladder = one_shot_ladder(scores, kinds=kinds, shares=rungs({"fc": 0.2, "output": 0.1}, ROUNDS))
    ranked = time.process_time() - began
    states = MaskedStates(weights, [ladder])
    plain = [{name: torch.from_numpy(value) for name, value in weights.items()}]
    masked, alone = (_seconds(Variants(module, one), dataset) for one in (states, plain))
    yield "untrained masks evaluated on 10,000 digits", len(states) / (masked + ranked), "masks a second"
    yield "their time over as many plain evaluations", (masked + ranked) / len(states) / alone, "at most 1.3"
    learned = Masked(module, bernoulli)
    yield (
        "step of learning a mask, batch 250",
        1e3 * _step(learned, dataset.normalise(dataset.test.images[:BATCH])),
        "ms",
    )


def _seconds(networks: Variants, dataset: Dataset) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.process_time()
        evaluate(networks, dataset.test, dataset=dataset, objective=CLASSIFICATION)
        times.append(time.process_time() - began)
    return min(times)


def _step(module: Masked, inputs: torch.Tensor) -> float:
    times = []
    for _ in range(20):
        began = time.process_time()
        torch.autograd.grad(module(inputs).square().mean(), list(module.parameters()))
        times.append(time.process_time() - began)
    return sorted(times)[10]
