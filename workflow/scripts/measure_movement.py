"""Adapter: reproof.operations.measure_movement."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "numpy", "pandas"):
    from reproof.operations.measure_movement import measure_movement

    measure_movement(
        settings=here.params.settings,
        dense=here.input.dense,
        masks=here.input.masks,
        metrics=here.output.metrics,
        histograms=here.output.histograms,
    )
