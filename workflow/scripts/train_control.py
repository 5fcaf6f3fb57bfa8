"""Adapter: reproof.jobs.train_control."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.train_control import train_control
    from reproof.jobs.training import Job

    record["training_s"] = train_control(
        Job.of(here.input.data, here.params, here.threads),
        dense=here.input.dense,
        masks=here.input.masks,
        curves=here.output.curves,
    )
