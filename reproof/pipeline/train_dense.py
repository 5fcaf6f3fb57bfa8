"""Train the dense networks of a block of seeds, keeping the weights at every rewind point."""

from reproof.networks import list_prunable
from reproof.operations.common.training_job import Job, arrays, member, write_curves
from reproof.storage.checkpoints import write_checkpoint


def train_dense(job: Job, *, checkpoint: str, curves: str) -> float:
    """Step 1 and 2 of the lottery ticket procedure (Frankle & Carbin 2019, section 1): initialise, train.

    The checkpoint holds "step{k}" for every rewind point k and "final". Returns the seconds spent training.
    """
    seeds = job.asked["seeds"]
    members = [member(job.fresh(seed), seed=seed, arm="ticket") for seed in seeds]
    trained = job.train(members, label="dense", snapshots=job.asked["snapshots"])
    write_checkpoint(checkpoint, arrays(trained), seeds=seeds, kinds=list_prunable(job.network()))
    write_curves(curves, trained)
    job.finish()
    return trained.seconds
