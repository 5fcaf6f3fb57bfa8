"""Adapter: reproof.pipeline.collect."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "numpy", "pandas"):
    from reproof.pipeline.collect import collect

    collect(
        settings=here.params.settings,
        measurements=here.output.measurements,
        curves=here.output.curves,
        movement=here.output.movement,
        runs=here.output.runs,
    )
