"""Adapter: reproof.jobs.reset."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.reset import reset
    from reproof.jobs.subject import Subject, measure

    record["seconds"] = measure(reset, Subject.of(here.input, here.params, here.threads), here.output.metrics)
