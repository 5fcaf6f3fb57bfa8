"""Measure untrained masks per second, their cost over plain evaluations, and the step of learning a mask."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from bench.rows import Row, compute_rate, compute_ratio, measure_cpu_seconds, summarise_repeats
from bench.steps import make_digits
from reproof.networks import build, initialise, list_prunable
from reproof.operations.untrained import MaskedStates as MaskedStates
from reproof.pruning.mask_criteria import large_final_same_sign
from reproof.pruning.one_shot import compute_rungs, make_one_shot_ladder
from reproof.supermasks.masked import MaskedNetwork
from reproof.supermasks.rules import draw_bernoulli_mask
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.variants import Variants

ROUNDS, REPEATS, BATCH = 24, 3, 250


def measure() -> Iterator[Row]:
    """Yield the rate of untrained masks, its ratio, and the step time, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    dataset = make_digits()
    module = build("lenet_300_100", input_shape=dataset.input_shape, classes=dataset.classes)
    initialise(module, scheme="glorot_normal", generator=torch.Generator().manual_seed(0))
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    plain = [{name: torch.from_numpy(value) for name, value in weights.items()}]

    def masked() -> None:
        kinds = list_prunable(module)
        # Rolled weights take the place of trained ones: about half of the signs differ.
        scores = {name: large_final_same_sign(weights[name], np.roll(weights[name], 1)) for name in kinds}
        ladder = make_one_shot_ladder(scores, kinds=kinds, shares=compute_rungs({"fc": 0.2, "output": 0.1}, ROUNDS))
        evaluated(MaskedStates(weights, [ladder]))

    def evaluated(states: Sequence[Mapping[str, torch.Tensor]]) -> None:
        evaluate(Variants(module, states), dataset.test, dataset=dataset, objective=CLASSIFICATION)

    count = len(MaskedStates(weights, [[{}] * (ROUNDS + 1)]))  # the dense network is the first rung
    times = [
        (measure_cpu_seconds(masked) / count, measure_cpu_seconds(lambda: evaluated(plain))) for _ in range(REPEATS)
    ]
    ours, alone = zip(*times, strict=True)
    yield compute_rate("untrained masks evaluated on 10,000 digits", ours, "masks/s")
    yield compute_ratio("untrained masks, over as many plain evaluations", ours, alone, "at most 1.3")
    learned, inputs = MaskedNetwork(module, draw_bernoulli_mask), dataset.normalise(dataset.test.images[:BATCH])
    steps = [measure_cpu_seconds(lambda: _step_mask(learned, inputs)) for _ in range(20)]
    yield summarise_repeats("step of learning a mask, batch 250", [1e3 * one for one in steps], "ms")


def _step_mask(module: MaskedNetwork, inputs: torch.Tensor) -> None:
    """Compute the gradient of a mask's scores on inputs float32 [N, 1, 28, 28]."""
    # Any scalar of the outputs costs the same as a loss.
    torch.autograd.grad(module(inputs).square().mean(), list(module.parameters()))
