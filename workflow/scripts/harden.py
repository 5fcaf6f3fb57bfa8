"""Adapter: reproof.jobs.harden."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.harden import harden
    from reproof.jobs.subject import Subject, measure

    record["seconds"] = measure(harden, Subject.of(here.input, here.params, here.threads), here.output.metrics)
