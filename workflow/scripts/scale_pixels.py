"""Adapter: reproof.jobs.scale_pixels."""

from reproof.adapter import job

here = snakemake
with job(here, "numpy") as record:
    from reproof.jobs.scale_pixels import scale_pixels

    record["label"] = scale_pixels(data=here.input.data, scaled=here.output.data)
