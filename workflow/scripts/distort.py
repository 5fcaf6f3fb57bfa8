"""Adapter: reproof.jobs.distort."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.beside import Beside
    from reproof.jobs.distort import distort
    from reproof.jobs.subject import measure

    record["seconds"] = measure(distort, Beside.of(here.input, here.params, here.threads), here.output.metrics)
