"""Adapter: reproof.jobs.train_dense."""

from reproof.console import logged
from reproof.provenance import recorded

here = snakemake
about = {"settings": here.params.settings, "code": here.params.code, "packages": ("torch", "numpy")}
with logged(here.log[0]), recorded(here.output.record, inputs=here.input, **about) as record:
    from reproof.jobs.train_dense import train_dense
    from reproof.jobs.training import Job

    record["training_s"] = train_dense(
        Job.of(here.input.data, here.params, here.threads),
        checkpoint=here.output.checkpoint,
        curves=here.output.curves,
    )
