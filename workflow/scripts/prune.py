"""Adapter: reproof.pipeline.prune."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "numpy"):
    from reproof.pipeline.prune import prune

    prune(
        settings=here.params.settings,
        dense=here.input.dense,
        trained=here.input.trained,
        previous=here.input.previous,
        mask=here.output.mask,
    )
