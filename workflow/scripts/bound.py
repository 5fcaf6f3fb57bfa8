"""Adapter: reproof.jobs.bound."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.bound import bound
    from reproof.jobs.subject import Subject, measure

    record["seconds"] = measure(bound, Subject.of(here.input, here.params, here.threads), here.output.metrics)
