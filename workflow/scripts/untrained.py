"""Adapter: reproof.jobs.untrained."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.subject import Subject, measure
    from reproof.jobs.untrained import untrained

    record["seconds"] = measure(untrained, Subject.of(here.input, here.params, here.threads), here.output.metrics)
