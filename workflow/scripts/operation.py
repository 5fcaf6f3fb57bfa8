"""Adapter: the operation that the settings name."""

from reproof.execution.job import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof import registry
    from reproof.operations.common.subject import Subject, measure

    subject = Subject.of(here.input, here.params, here.threads)
    operation = registry.load("operations", "operation", subject.operation)
    record["seconds"] = measure(operation, subject, here.output.metrics)
