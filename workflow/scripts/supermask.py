"""Adapter: reproof.jobs.supermask."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.subject import Subject, measure
    from reproof.jobs.supermask import supermask

    record["seconds"] = measure(supermask, Subject.of(here.input, here.params, here.threads), here.output.metrics)
