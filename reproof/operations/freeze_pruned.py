"""Tickets whose pruned weights stand still at a value of their own instead of 0."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from reproof import registry
from reproof.declarations.costs import Settings, Work, count_network_steps
from reproof.metrics import SHARE, STEPS, Metric
from reproof.networks import prunable
from reproof.operations.common.subject import Row, Rows, Subject, operation
from reproof.pruning.mask_zero import Layer
from reproof.pruning.masks import Masks, kept, read_masks
from reproof.seeding import derive
from reproof.storage.checkpoints import Weights, read_checkpoint
from reproof.storage.files import ReproofError
from reproof.training.block import Curves, Trained
from reproof.training.frozen_weights import Held, held_member
from reproof.training.members import Member

METRICS = (
    Metric("frozen_test_accuracy_at_early_stop", SHARE, words="test accuracy at early stop"),
    Metric("frozen_test_accuracy_at_end", SHARE),
    Metric("frozen_early_stop_step", STEPS),
)


def compute_freeze_pruned_work(settings: Settings) -> Work:
    """Return a training of every ticket for each action."""
    return Work(steps=count_network_steps(settings) * len(settings["options"]["actions"]))


@operation(metrics=METRICS, cost=compute_freeze_pruned_work)
def freeze_pruned(subject: Subject, *, actions: Sequence[str]) -> Rows:
    """Zhou et al. 2019, section 4: train the tickets of each level under each mask-0 action.

    The masks are the tickets' own, so that one thing changes at a time. `part` is the action; the metrics are those of
    tickets, with `frozen` before them.
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
        facts = {"level": one.level, "seed": one.seed, "kept": _compute_share(one), "part": actions[one.draw]}
        yield from (facts | row for row in measure_curves(trained.curves, one))


def _train(subject: Subject, members: Sequence[Member]) -> Trained:
    network = subject.job.build_network()
    shapes = {name: network.get_parameter(name).shape for name in prunable(network)}
    return subject.job.train(members, module=Held(network, shapes), label="frozen")


def measure_curves(curves: Curves, one: Member) -> Iterator[Row]:
    """Yield accuracy and loss of one network at its early-stopping point and at the end, from the curves of a block.

    The early-stopping point is the first step of least validation loss. Networks of one seed and level differ in their
    `draw`, which counts the actions.
    """
    own = (curves["seed"] == one.seed) & (curves["level"] == one.level) & (curves["draw"] == one.draw)
    table = {name: column[own] for name, column in curves.items()}
    validation = np.flatnonzero(table["split"] == "validation")
    order = np.lexsort((table["step"][validation], table["loss"][validation]))
    points = {"early_stop": int(table["step"][validation][order[0]]), "end": int(table["step"].max())}
    for when, step in points.items():
        for place in np.flatnonzero((table["step"] == step) & (table["split"] == "test")):
            yield {"metric": f"frozen_test_accuracy_at_{when}", "value": float(table["accuracy"][place])}
    yield {"metric": "frozen_early_stop_step", "value": float(points["early_stop"])}


def _read_networks(subject: Subject, level: int) -> Iterator[tuple[int, Weights, Masks, dict[str, Layer]]]:
    """Yield seed, initial weights, masks and layers of the tickets of a level."""
    chain = [read_masks(Path(file)) for file in subject.mask_files[:level]]
    ends = [subject.read_tickets(0), *(read_checkpoint(file, "final")[0] for file in subject.ticket_files[: level - 1])]
    (starts,) = subject.read_dense("step0")
    for number, (seed, start) in enumerate(zip(subject.seeds, starts, strict=True)):
        masks = [each[number] for each in chain]
        final = find_last_values([each[number] for each in ends], masks[: len(ends) - 1])
        yield seed, start, masks[-1], {
            name: Layer(start[name], final[name], mask) for name, mask in masks[-1].items()
        }  # fmt: skip


def find_last_values(ends: Sequence[Weights], masks: Sequence[Masks]) -> Weights:
    """Return every weight at the end of the last training that it took part in.

    `ends` are the trained weights of the levels from 0 on, `masks` those of the levels from 1 on.
    """
    values = dict(ends[0])
    for end, mask in zip(ends[1:], masks, strict=True):
        values |= {name: np.where(one, end[name], values[name]) for name, one in mask.items()}
    return values


def _make_member(
    layers: dict[str, Layer], start: Weights, masks: Masks, *, seed: int, level: int, action: str, number: int
) -> Member:
    chance = np.random.default_rng(derive("mask_zero", seed, level, action))
    act = registry.load("pruning", "mask_zero", action)
    weights = start | {name: act(layer, chance) for name, layer in layers.items()}
    return held_member(
        {name: torch.from_numpy(np.array(value)) for name, value in weights.items()},
        {name: torch.from_numpy(mask) for name, mask in masks.items()},
        seed=seed, noise=derive("noise", seed, action, level, 0), level=level, draw=number,
    )  # fmt: skip


def _compute_share(one: Member) -> float:
    return kept({name: mask.numpy() for name, mask in (one.masks or {}).items()})
