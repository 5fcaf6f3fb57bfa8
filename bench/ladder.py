"""What a whole ladder of LeNet tickets costs over as many dense trainings, evaluation included; Conv-2 at 5 % kept.

Nothing is trained to its end: a level costs its steps and its evaluations, of which the lottery-ticket paper says how
many there are, and each of which takes as long at the beginning as at the end. Masks are drawn at random; those of a
training use fewer of the pixels, and cost less.
"""

from collections.abc import Callable, Iterator

import torch

from bench.rows import Row, cpu_seconds, of_repeats, over
from bench.steps import COLOURS, digits, scattered, trainer
from reproof.training.evaluate import evaluate
from reproof.training.objective import CLASSIFICATION
from reproof.training.processor import flush_subnormals, keep_freed_memory
from reproof.training.trainer import Trainer

LEVELS, SHARES = 24, {"fc_1.weight": 0.8, "fc_2.weight": 0.8, "output.weight": 0.9}  # kept of each level's weights
STEPS, VALIDATIONS, TESTS, TRAINS = 50_000, 500, 51, 2  # of a training, with the two ends of it that are measured
REPEATS, TIMED = 5, 100
CONV = {"optimizer": "adam", "lr": 2e-4, "batch": 60}


def measure() -> Iterator[Row]:
    """Yield rows, from interleaved repeats on one thread."""
    torch.set_num_threads(1)
    keep_freed_memory()
    flush_subnormals()
    dataset = digits()
    kept = [{name: share**level for name, share in SHARES.items()} for level in range(LEVELS + 1)]
    levels = [trainer(dataset, masks=scattered(dataset, one)) for one in kept]
    for one in levels:
        _seconds(one)  # compiling, and the first touch of memory
    costs = [[_seconds(one) for one in levels] for _ in range(REPEATS)]
    title = f"{LEVELS} levels of LeNet over {LEVELS} dense trainings, evaluation included"
    yield of_repeats(title, [sum(tickets) / (LEVELS * dense) for dense, *tickets in costs], "at most 0.5")
    last = [tickets[-1] / dense for dense, *tickets in costs]
    yield of_repeats("of it the last level, 0.5 % kept, over one dense training", last, "ratio")
    pictures = digits(COLOURS, train=1_000)
    masks = [scattered(pictures, share, "conv_2") for share in (1.0, 0.05)]
    dense, sparse = (trainer(pictures, name="conv_2", masks=one, how=CONV).step for one in masks)
    yield _in_turn("Conv-2 step at 5 % kept, over the dense step", sparse, dense)


def _seconds(one: Trainer) -> float:
    """Return what the whole training of one level takes."""
    parts = {"validation": VALIDATIONS, "test": TESTS, "train": TRAINS}
    evaluating = sum(count * _evaluating(one, split) for split, count in parts.items())
    return STEPS * cpu_seconds(one.step, TIMED) + evaluating


def _evaluating(one: Trainer, split: str) -> float:
    examples = getattr(one.dataset, "test" if split == "train" else split)
    # The training set costs as much an example as the test set.
    share = len(getattr(one.dataset, split)) / len(examples)
    return share * cpu_seconds(
        lambda: evaluate(one.networks, examples, dataset=one.dataset, objective=CLASSIFICATION), 1
    )


def _in_turn(quantity: str, ours: Callable[[], object], others: Callable[[], object]) -> Row:
    for step in (ours, others):
        step()
    times = [(cpu_seconds(ours, 10), cpu_seconds(others, 10)) for _ in range(REPEATS)]
    return over(quantity, *zip(*times, strict=True))
