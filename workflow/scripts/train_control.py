"""Adapter: reproof.pipeline.train_control."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "torch", "numpy") as record:
    from reproof.operations.common.training_job import Job
    from reproof.pipeline.train_control import train_control

    record["training_s"] = train_control(
        Job.from_rule(here.input.data, here.params, here.threads, record["inputs"]),
        dense=here.input.dense,
        masks=here.input.masks,
        curves=here.output.curves,
    )
