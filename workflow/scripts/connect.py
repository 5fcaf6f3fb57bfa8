"""Adapter: reproof.jobs.connect."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.connect import connect
    from reproof.jobs.subject import Subject, measure

    record["seconds"] = measure(connect, Subject.of(here.input, here.params, here.threads), here.output.metrics)
