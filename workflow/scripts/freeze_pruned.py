"""Adapter: reproof.jobs.freeze_pruned."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.freeze_pruned import freeze_pruned
    from reproof.jobs.subject import Subject, measure

    record["seconds"] = measure(freeze_pruned, Subject.of(here.input, here.params, here.threads), here.output.metrics)
