"""Adapter: the operation that the settings name."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "torch", "numpy") as record:
    from reproof import registry
    from reproof.operations.common.subject import Subject, measure

    subject = Subject.from_rule(here.input, here.params, here.threads, record["inputs"])
    operation = registry.load("operations", "operation", subject.operation)
    record["seconds"] = measure(operation, subject, here.output.metrics)
