"""Train tickets with pruned weights frozen at values other than 0."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from reproof import registry
from reproof.declarations.costs import Settings, Work, count_network_steps
from reproof.metrics import SHARE, STEPS, Metric
from reproof.networks import list_prunable
from reproof.operations.common.subject import Row, Rows, Subject, operation
from reproof.pruning.mask_zero import PrunedLayer
from reproof.pruning.masks import Masks, compute_kept_share, read_masks
from reproof.seeding import derive
from reproof.storage.checkpoints import Weights, read_checkpoint
from reproof.storage.files import ReproofError
from reproof.training.block import Curves, TrainedBlock
from reproof.training.frozen_weights import FrozenWeights, make_frozen_member
from reproof.training.members import Member

METRICS = (
    Metric("frozen_test_accuracy_at_early_stop", SHARE, words="test accuracy at early stop"),
    Metric("frozen_test_accuracy_at_end", SHARE),
    Metric("frozen_early_stop_step", STEPS),
)


def compute_freeze_pruned_work(settings: Settings) -> Work:
    """Return the work of one training per ticket and action."""
    return Work(steps=count_network_steps(settings) * len(settings["options"]["actions"]))


@operation(metrics=METRICS, cost=compute_freeze_pruned_work)
def freeze_pruned(subject: Subject, *, actions: Sequence[str]) -> Rows:
    """Train the tickets of each level under each mask-0 action (Zhou et al. 2019, section 4).

    The masks are those of the tickets, so that only the action changes. `part` is the action. The metrics are those of
    tickets with the prefix `frozen_`. Raises ReproofError for level 0 and for weight decay.
    """
    if 0 in subject.levels:
        raise ReproofError("levels: 0 is the dense network, of which nothing is pruned; name levels from 1 on")
    if subject.job.settings["training"].get("weight_decay"):
        raise ReproofError("training.weight_decay: would move the frozen weights; leave it out of a run that freezes")
    members = [
        _make_member(layers, start, masks, seed=seed, level=level, action=action, number=number)
        for level in subject.levels
        for seed, start, masks, layers in _read_networks(subject, level)
        for number, action in enumerate(actions)
    ]
    trained = _train(subject, members)
    for one in members:
        # `draw` holds the action's number in the block, because curves have a column of that name.
        facts = {"level": one.level, "seed": one.seed, "kept": _compute_share(one), "part": actions[one.draw]}
        yield from (facts | row for row in measure_curves(trained.curves, one))


def _train(subject: Subject, members: Sequence[Member]) -> TrainedBlock:
    """Train all members as one block of networks with frozen weights."""
    network = subject.job.build_network()
    # All tickets in one block, each with frozen values of its own.
    shapes = {name: network.get_parameter(name).shape for name in list_prunable(network)}
    return subject.job.train(members, module=FrozenWeights(network, shapes), label="frozen")


def measure_curves(curves: Curves, one: Member) -> Iterator[Row]:
    """Yield the test accuracy of one network at early stopping and at the end, from the curves of a block.

    Early stopping is the first step of least validation loss. `draw` counts the actions of a seed and level.
    """
    own = (curves["seed"] == one.seed) & (curves["level"] == one.level) & (curves["draw"] == one.draw)
    table = {name: column[own] for name, column in curves.items()}
    validation = np.flatnonzero(table["split"] == "validation")
    # The last key is the primary one: least loss first, and of equal losses the earliest step.
    order = np.lexsort((table["step"][validation], table["loss"][validation]))
    points = {"early_stop": int(table["step"][validation][order[0]]), "end": int(table["step"].max())}
    for when, step in points.items():
        for place in np.flatnonzero((table["step"] == step) & (table["split"] == "test")):
            yield {"metric": f"frozen_test_accuracy_at_{when}", "value": float(table["accuracy"][place])}
    yield {"metric": "frozen_early_stop_step", "value": float(points["early_stop"])}


def _read_networks(subject: Subject, level: int) -> Iterator[tuple[int, Weights, Masks, dict[str, PrunedLayer]]]:
    """Yield seed, initial weights, masks and layers of each ticket of a level."""
    chain = [read_masks(Path(file)) for file in subject.mask_files[:level]]
    # The mask of level l was decided by the training of level l - 1, so that of level l itself is not read.
    ends = [subject.read_tickets(0), *(read_checkpoint(file, "final")[0] for file in subject.ticket_files[: level - 1])]
    (starts,) = subject.read_dense("step0")
    for number, (seed, start) in enumerate(zip(subject.seeds, starts, strict=True)):
        masks = [each[number] for each in chain]
        # The masks of the levels below: `ends` begins with the dense network, which has no mask.
        final = find_last_values([each[number] for each in ends], masks[: len(ends) - 1])
        yield seed, start, masks[-1], {
            name: PrunedLayer(start[name], final[name], mask) for name, mask in masks[-1].items()
        }  # fmt: skip


def find_last_values(ends: Sequence[Weights], masks: Sequence[Masks]) -> Weights:
    """Return each weight after the last training in which it was not pruned, {name: float32}.

    `ends` are the final weights of the levels from 0 on, `masks` the masks of the levels from 1 on, of their shapes.
    """
    values = dict(ends[0])
    for end, mask in zip(ends[1:], masks, strict=True):
        # A pruned weight is 0 in later checkpoints; its last value is the one that pruned it.
        values |= {name: np.where(one, end[name], values[name]) for name, one in mask.items()}
    return values


def _make_member(
    layers: dict[str, PrunedLayer], start: Weights, masks: Masks, *, seed: int, level: int, action: str, number: int
) -> Member:
    # Seeded by the action too: adding an action changes none of the others.
    chance = np.random.default_rng(derive("mask_zero", seed, level, action))
    act = registry.load("pruning", "mask_zero", action)
    weights = start | {name: act(layer, chance) for name, layer in layers.items()}
    return make_frozen_member(
        {name: torch.from_numpy(np.array(value)) for name, value in weights.items()},
        {name: torch.from_numpy(mask) for name, mask in masks.items()},
        seed=seed, noise=derive("noise", seed, action, level, 0), level=level, draw=number,
    )  # fmt: skip


def _compute_share(one: Member) -> float:
    return compute_kept_share({name: mask.numpy() for name, mask in (one.masks or {}).items()})
