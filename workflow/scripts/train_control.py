"""Adapter: reproof.pipeline.train_control."""

from reproof.execution.job import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.operations.common.training_job import Job
    from reproof.pipeline.train_control import train_control

    record["training_s"] = train_control(
        Job.of(here.input.data, here.params, here.threads),
        dense=here.input.dense,
        masks=here.input.masks,
        curves=here.output.curves,
    )
