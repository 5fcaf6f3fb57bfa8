"""Adapter: reproof.pipeline.train_dense."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "torch", "numpy") as record:
    from reproof.operations.common.training_job import Job
    from reproof.pipeline.train_dense import train_dense

    record["training_s"] = train_dense(
        Job.from_rule(here.input.data, here.params, here.threads, record["inputs"]),
        checkpoint=here.output.checkpoint,
        curves=here.output.curves,
    )
