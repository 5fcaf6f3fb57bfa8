"""Train the dense networks of a block of seeds and keep the weights at every rewind point."""

from reproof.networks import list_prunable
from reproof.operations.common.training_job import Job, convert_to_arrays, make_member, write_curves
from reproof.storage.checkpoints import write_checkpoint


def train_dense(job: Job, *, checkpoint: str, curves: str) -> float:
    """Initialise and train (Frankle & Carbin 2019, section 1, steps 1 and 2); return the seconds spent training.

    The checkpoint holds "step{k}" for every rewind point k and "final".
    """
    seeds = job.settings["seeds"]
    members = [make_member(job.draw_weights(seed), seed=seed, arm="ticket") for seed in seeds]
    trained = job.train(members, label="dense", snapshots=job.settings["snapshots"])
    write_checkpoint(checkpoint, convert_to_arrays(trained), seeds=seeds, kinds=list_prunable(job.build_network()))
    write_curves(curves, trained)
    job.finish()
    return trained.seconds
