"""Adapter: reproof.pipeline.scale_pixels."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "numpy") as record:
    from reproof.pipeline.scale_pixels import scale_pixels

    record["label"] = scale_pixels(settings=here.params.settings, data=here.input.data, scaled=here.output.data)
