"""Adapter: reproof.jobs.train_control."""

from reproof.console import logged
from reproof.provenance import recorded

here = snakemake
about = {"settings": here.params.settings, "code": here.params.code, "packages": ("torch", "numpy")}
with logged(here.log[0]), recorded(here.output.record, inputs=here.input, **about) as record:
    from reproof.jobs.train_control import train_control
    from reproof.jobs.training import Job

    record["training_s"] = train_control(
        Job.of(here.input.data, here.params, here.threads),
        dense=here.input.dense,
        masks=here.input.masks,
        curves=here.output.curves,
    )
