"""Untrained masks a second, their time over plain evaluations, and the time of a step of learning a mask."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from bench.rows import Row, cpu_seconds, of_repeats, over, rate
from bench.steps import digits
from reproof.networks import build, initialise, prunable
from reproof.operations.untrained import MaskedStates as MaskedStates
from reproof.pruning.mask_criteria import large_final_same_sign
from reproof.pruning.one_shot import one_shot_ladder, rungs
from reproof.supermasks.masked import Masked
from reproof.supermasks.rules import bernoulli
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.variants import Variants

ROUNDS, REPEATS, BATCH = 24, 3, 250


def measure() -> Iterator[Row]:
    """Yield rows, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    dataset = digits()
    module = build("lenet_300_100", input_shape=dataset.input_shape, classes=dataset.classes)
    initialise(module, scheme="glorot_normal", generator=torch.Generator().manual_seed(0))
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    plain = [{name: torch.from_numpy(value) for name, value in weights.items()}]

    def masked() -> None:
        kinds = prunable(module)
        scores = {name: large_final_same_sign(weights[name], np.roll(weights[name], 1)) for name in kinds}
        ladder = one_shot_ladder(scores, kinds=kinds, shares=rungs({"fc": 0.2, "output": 0.1}, ROUNDS))
        evaluated(MaskedStates(weights, [ladder]))

    def evaluated(states: Sequence[Mapping[str, torch.Tensor]]) -> None:
        evaluate(Variants(module, states), dataset.test, dataset=dataset, objective=CLASSIFICATION)

    count = len(MaskedStates(weights, [[{}] * ROUNDS]))
    times = [(cpu_seconds(masked) / count, cpu_seconds(lambda: evaluated(plain))) for _ in range(REPEATS)]
    ours, alone = zip(*times, strict=True)
    yield rate("untrained masks evaluated on 10,000 digits", ours, "masks/s")
    yield over("untrained masks, over as many plain evaluations", ours, alone, "at most 1.3")
    learned, inputs = Masked(module, bernoulli), dataset.normalise(dataset.test.images[:BATCH])
    steps = [cpu_seconds(lambda: _step(learned, inputs)) for _ in range(20)]
    yield of_repeats("step of learning a mask, batch 250", [1e3 * one for one in steps], "ms")


def _step(module: Masked, inputs: torch.Tensor) -> None:
    torch.autograd.grad(module(inputs).square().mean(), list(module.parameters()))
