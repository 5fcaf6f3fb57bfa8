"""Measure the cost of all levels of LeNet tickets relative to dense trainings, and of a Conv-2 step at 5 % kept.

No training runs to its end. A level costs its steps and its evaluations; the lottery-ticket paper gives their numbers,
and their durations do not change during training. Masks are drawn at random. Masks found by training use fewer input
pixels and cost less.
"""

from collections.abc import Callable, Iterator

import torch

from bench.rows import Row, compute_ratio, measure_cpu_seconds, summarise_repeats
from bench.steps import COLOURS, draw_masks, make_digits, make_trainer
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.processor import flush_subnormals, keep_freed_memory
from reproof.training.trainer import Trainer

LEVELS, SHARES = 24, {"fc_1.weight": 0.8, "fc_2.weight": 0.8, "output.weight": 0.9}  # kept of each level's weights
STEPS, VALIDATIONS, TESTS, TRAINS = 50_000, 500, 51, 2  # of one training; its training error is measured at both ends
REPEATS, TIMED = 5, 100
CONV = {"optimizer": "adam", "lr": 2e-4, "batch": 60}


def measure() -> Iterator[Row]:
    """Yield the ratios to dense training, from interleaved repeats on one thread."""
    # One thread: the library trains a network on one core, and runs several jobs at a time.
    torch.set_num_threads(1)
    keep_freed_memory()
    flush_subnormals()
    dataset = make_digits()
    # Level 0 is the dense network, against which the others are compared.
    kept = [{name: share**level for name, share in SHARES.items()} for level in range(LEVELS + 1)]
    levels = [make_trainer(dataset, masks=draw_masks(dataset, one)) for one in kept]
    for one in levels:
        _measure_training_seconds(one)  # untimed: the first call compiles and touches memory
    costs = [[_measure_training_seconds(one) for one in levels] for _ in range(REPEATS)]
    # Without pruning, the alternative is as many dense trainings.
    title = f"{LEVELS} levels of LeNet over {LEVELS} dense trainings, evaluation included"
    yield summarise_repeats(title, [sum(tickets) / (LEVELS * dense) for dense, *tickets in costs], "at most 0.5")
    last = [tickets[-1] / dense for dense, *tickets in costs]
    yield summarise_repeats("last level of LeNet, 0.5 % kept, over one dense training", last, "ratio")
    pictures = make_digits(COLOURS, train=1_000)
    masks = [draw_masks(pictures, share, "conv_2") for share in (1.0, 0.05)]
    dense, sparse = (make_trainer(pictures, name="conv_2", masks=one, how=CONV).step for one in masks)
    yield _compare_in_turn("Conv-2 step at 5 % kept, over the dense step", sparse, dense)


def _measure_training_seconds(one: Trainer) -> float:
    """Return the processor seconds of the whole training of one level, extrapolated from a few steps."""
    parts = {"validation": VALIDATIONS, "test": TESTS, "train": TRAINS}
    evaluating = sum(count * _measure_evaluation_seconds(one, split) for split, count in parts.items())
    return STEPS * measure_cpu_seconds(one.step, TIMED) + evaluating


def _measure_evaluation_seconds(one: Trainer, split: str) -> float:
    """Return the processor seconds of one evaluation on a split."""
    examples = getattr(one.dataset, "test" if split == "train" else split)
    # An example of the training set costs as much as one of the test set, which is smaller.
    share = len(getattr(one.dataset, split)) / len(examples)
    return share * measure_cpu_seconds(
        lambda: evaluate(one.networks, examples, dataset=one.dataset, objective=CLASSIFICATION), 1
    )


def _compare_in_turn(quantity: str, ours: Callable[[], object], others: Callable[[], object]) -> Row:
    """Return the ratio of two steps that are timed alternately, so that both see the same load of the machine."""
    for step in (ours, others):
        step()
    times = [(measure_cpu_seconds(ours, 10), measure_cpu_seconds(others, 10)) for _ in range(REPEATS)]
    return compute_ratio(quantity, *zip(*times, strict=True))
