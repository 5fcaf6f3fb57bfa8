"""Train the dense networks of a block of seeds and keep the weights at every rewind point."""

import torch

from reproof.declarations.criteria import GRADIENT
from reproof.networks import list_prunable
from reproof.operations.common.training_job import Job, convert_to_arrays, make_member, write_curves
from reproof.storage.checkpoints import Weights, write_checkpoint
from reproof.training.first_gradient import compute_first_gradient
from reproof.training.members import Member


def train_dense(job: Job, *, checkpoint: str, curves: str) -> float:
    """Initialise and train (Frankle & Carbin 2019, section 1, steps 1 and 2); return the seconds spent training.

    The checkpoint holds "step{k}" for every rewind point k and "final", and, if a mask criterion reads it, the gradient
    at the initial weights.
    """
    seeds = job.settings["seeds"]
    members = [make_member(job.draw_weights(seed), seed=seed, arm="ticket") for seed in seeds]
    trained = job.train(members, label="dense", snapshots=job.settings["snapshots"])
    points = convert_to_arrays(trained)
    if examples := job.settings.get(GRADIENT, 0):
        points[GRADIENT] = _compute_first_gradients(job, members, examples)
    write_checkpoint(checkpoint, points, seeds=seeds, kinds=list_prunable(job.build_network()))
    write_curves(curves, trained)
    job.finish()
    return trained.seconds


def _compute_first_gradients(job: Job, members: list[Member], examples: int) -> Weights:
    """Return the gradients of the prunable weights at the start, float32 [members, ...] by name."""
    names, found = list(list_prunable(job.build_network())), []
    for one in members:
        module = job.build_network()
        found.append(
            compute_first_gradient(module, one.weights, job.dataset, names=names, examples=examples, seed=one.seed)
        )
    return {name: torch.stack([one[name] for one in found]).numpy() for name in names}
