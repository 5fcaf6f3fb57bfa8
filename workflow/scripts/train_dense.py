"""Adapter: reproof.jobs.train_dense."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.train_dense import train_dense
    from reproof.jobs.training import Job

    record["training_s"] = train_dense(
        Job.of(here.input.data, here.params, here.threads),
        checkpoint=here.output.checkpoint,
        curves=here.output.curves,
    )
