"""Adapter: reproof.jobs.retrain."""

from reproof.console import logged
from reproof.provenance import recorded

here = snakemake
about = {"settings": here.params.settings, "code": here.params.code, "packages": ("torch", "numpy")}
with logged(here.log[0]), recorded(here.output.record, inputs=here.input, **about) as record:
    from reproof.jobs.retrain import retrain
    from reproof.jobs.training import Job

    record["training_s"] = retrain(
        Job.of(here.input.data, here.params, here.threads),
        dense=here.input.dense,
        mask=here.input.mask,
        continued=here.input.continued,
        checkpoint=here.output.checkpoint,
        curves=here.output.curves,
    )
