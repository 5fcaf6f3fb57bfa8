"""Adapter: reproof.jobs.attack."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.attack import attack
    from reproof.jobs.subject import Subject, measure

    record["seconds"] = measure(attack, Subject.of(here.input, here.params, here.threads), here.output.metrics)
