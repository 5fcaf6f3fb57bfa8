"""Adapter: reproof.jobs.excite."""

from reproof.adapter import job

here = snakemake
with job(here, "torch", "numpy") as record:
    from reproof.jobs.excite import excite
    from reproof.jobs.subject import Subject, measure

    record["seconds"] = measure(excite, Subject.of(here.input, here.params, here.threads), here.output.metrics)
