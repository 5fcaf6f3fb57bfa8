"""Adapter: reproof.jobs.freeze."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.freeze import freeze
    from reproof.jobs.subject import Subject, measure

    record["seconds"] = measure(freeze, Subject.of(here.input, here.params, here.threads), here.output.metrics)
