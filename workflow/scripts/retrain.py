"""Adapter: reproof.jobs.retrain."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.retrain import retrain
    from reproof.jobs.training import Job

    record["training_s"] = retrain(
        Job.of(here.input.data, here.params, here.threads),
        dense=here.input.dense,
        mask=here.input.mask,
        continued=here.input.continued,
        checkpoint=here.output.checkpoint,
        curves=here.output.curves,
    )
