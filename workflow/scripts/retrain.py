"""Adapter: reproof.pipeline.retrain."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "torch", "numpy") as record:
    from reproof.operations.common.training_job import Job
    from reproof.pipeline.retrain import retrain

    record["training_s"] = retrain(
        Job.from_rule(here.input.data, here.params, here.threads, record["inputs"]),
        dense=here.input.dense,
        mask=here.input.mask,
        continued=here.input.continued,
        checkpoint=here.output.checkpoint,
        curves=here.output.curves,
    )
