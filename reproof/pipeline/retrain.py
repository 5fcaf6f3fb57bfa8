"""Rewind the kept weights of a level to their values at the rewind point and train them."""

from pathlib import Path

from reproof.operations.common.training_job import Job, convert_to_arrays, make_member, write_curves
from reproof.pruning.masks import Masks, read_masks
from reproof.pruning.ticket import Ticket
from reproof.storage.checkpoints import Weights, read_checkpoint, read_kinds, write_checkpoint
from reproof.training.members import Member


def retrain(job: Job, *, dense: str, mask: str, continued: list[str], checkpoint: str, curves: str) -> float:
    """Train the tickets, masks times weights at the rewind point; return the seconds spent training.

    Frankle & Carbin 2019, section 1, step 4. Under resetting strategy 2 (appendix B) `continued` holds the checkpoint
    of the level before. Its trained weights are trained further under the new mask and decide the next mask. The
    rewound ticket is measured.
    """
    seeds, level, rewind = job.settings["seeds"], job.settings["level"], job.settings["rewind"]
    masks = read_masks(Path(mask))
    (starts,) = read_checkpoint(dense, f"step{rewind}")
    tickets = _make_members(starts, masks, seeds, level, "ticket")
    trained = job.train(tickets, label=f"ticket level {level}", first_step=rewind)
    points, seconds = convert_to_arrays(trained), trained.seconds
    if continued:  # strategy 2: these weights choose the next mask and are not measured
        (last,) = read_checkpoint(continued[0], "continued" if level > 1 else "final")
        going_on = job.train(_make_members(last, masks, seeds, level, "continued"), label=f"continued level {level}")
        points["continued"] = convert_to_arrays(going_on)["final"]
        seconds += going_on.seconds
    write_checkpoint(checkpoint, points, seeds=seeds, kinds=read_kinds(dense))
    write_curves(curves, trained)
    job.finish()
    return seconds


def _make_members(starts: list[Weights], masks: list[Masks], seeds: list[int], level: int, arm: str) -> list[Member]:
    return [
        make_member(Ticket(start=start, masks=mask), seed=seed, arm=arm, level=level)
        for start, mask, seed in zip(starts, masks, seeds, strict=True)
    ]
