"""Train a control: tickets with one changed property, for a block of seeds, levels and draws."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from reproof import registry
from reproof.operations.common.training_job import Job, make_member, write_curves
from reproof.pruning.masks import Masks, read_masks
from reproof.pruning.ticket import Ticket
from reproof.seeding import derive
from reproof.storage.checkpoints import Weights, read_checkpoint
from reproof.training.members import Member


def train_control(job: Job, *, dense: str, masks: Sequence[str], curves: str) -> float:
    """Train a control of each seed, level and draw; return the seconds spent training.

    Frankle & Carbin 2019, section 2, appendices E and F. `masks` are the mask files by level; `curves` is written.
    """
    asked = job.settings
    (starts,) = read_checkpoint(dense, f"step{asked['rewind']}")
    by_level = dict(zip(asked["levels"], (read_masks(Path(path)) for path in masks), strict=True))
    members = [
        _make_control(job, start, by_level[level][index], seed, level, draw)
        for level in asked["levels"]
        for index, (seed, start) in enumerate(zip(asked["seeds"], starts, strict=True))
        for draw in range(asked["draws"])
    ]
    trained = job.train(members, label=asked["arm"], first_step=asked["rewind"])
    write_curves(curves, trained)
    job.finish()
    return trained.seconds


def _make_control(job: Job, start: Weights, mask: Masks, seed: int, level: int, draw: int) -> Member:
    """Return the ticket of one seed and level after the control, with a random generator of its own."""
    arm = job.settings["arm"]
    ticket = Ticket(
        start=start, masks=mask, fresh=job.draw_weights(seed, arm, level, draw), deviations=job.compute_deviations()
    )
    chance = np.random.default_rng(derive("control", seed, arm, level, draw))
    control = registry.load("pruning", "control", job.settings["control"])
    broken: Ticket = control(ticket, chance, **job.settings["options"])
    return make_member(broken, seed=seed, arm=arm, level=level, draw=draw)
