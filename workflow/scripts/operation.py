"""Adapter: the operation that the settings name."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof import catalogue
    from reproof.jobs.subject import Subject, measure

    subject = Subject.of(here.input, here.params, here.threads)
    operation = catalogue.load("jobs", "operation", subject.job.asked["operation"])
    record["seconds"] = measure(operation, subject, here.output.metrics)
