"""What a whole ladder of LeNet tickets costs over as many dense trainings, evaluation included; Conv-2 at 5 % kept.

Nothing is trained to its end: a level costs its steps and its evaluations, of which the lottery-ticket paper says how
many there are, and each of which takes as long at the beginning as at the end. Masks are drawn at random; those of a
training use fewer of the pixels, and cost less.
"""

import statistics
from collections.abc import Callable, Iterator

import torch

from bench.steps import COLOURS, cpu_seconds, digits, median_ratio, trainer
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.processor import flush_subnormals, keep_freed_memory
from reproof.training.trainer import Trainer

LEVELS, SHARES = 24, {"fc_1.weight": 0.8, "fc_2.weight": 0.8, "output.weight": 0.9}  # kept of each level's weights
STEPS, VALIDATIONS, TESTS, TRAINS = 50_000, 500, 51, 2  # of a training, with the two ends of it that are measured
REPEATS, TIMED = 5, 100
CONV = {"optimizer": "adam", "lr": 2e-4, "batch": 60}


def measure() -> Iterator[tuple[str, float, str]]:
    """Yield (quantity, value, unit), from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    flush_subnormals()
    dataset = digits()
    levels = [
        trainer(dataset, kept={name: share**level for name, share in SHARES.items()}) for level in range(LEVELS + 1)
    ]
    for one in levels:
        _seconds(one)  # compiling, and the first touch of memory
    costs = [[_seconds(one) for one in levels] for _ in range(REPEATS)]
    ratio = statistics.median(sum(tickets) / (LEVELS * dense) for dense, *tickets in costs)
    yield f"{LEVELS} levels of LeNet over {LEVELS} dense trainings, evaluation included", ratio, "at most 0.5"
    last = statistics.median(tickets[-1] / dense for dense, *tickets in costs)
    yield "of it the last level, 0.5 % kept, over one dense training", last, "ratio"
    pictures = digits(COLOURS, train=1_000)
    dense, sparse = (trainer(pictures, name="conv_2", kept=kept, how=CONV).step for kept in (1.0, 0.05))
    yield "Conv-2 step at 5 % kept, over the dense step", _ratio(sparse, dense), "ratio"


def _seconds(one: Trainer) -> float:
    """Return what the whole training of one level takes."""
    parts = {"validation": VALIDATIONS, "test": TESTS, "train": TRAINS}
    evaluating = sum(count * _evaluating(one, split) for split, count in parts.items())
    return STEPS * cpu_seconds(one.step, TIMED) + evaluating


def _evaluating(one: Trainer, split: str) -> float:
    examples = getattr(one.dataset, "test" if split == "train" else split)
    share = len(getattr(one.dataset, split)) / len(
        examples
    )  # the training set costs as much an example as the test set
    return share * cpu_seconds(
        lambda: evaluate(one.networks, examples, dataset=one.dataset, objective=CLASSIFICATION), 1
    )


def _ratio(ours: Callable[[], object], others: Callable[[], object]) -> float:
    for step in (ours, others):
        step()
    times = [(cpu_seconds(ours, 10), cpu_seconds(others, 10)) for _ in range(REPEATS)]
    return median_ratio(*zip(*times, strict=True))
