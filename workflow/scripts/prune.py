"""Adapter: reproof.jobs.prune."""

from reproof.console import logged
from reproof.provenance import recorded

here = snakemake
about = {"settings": here.params.settings, "code": here.params.code, "packages": ("numpy",)}
with logged(here.log[0]), recorded(here.output.record, inputs=here.input, **about):
    from reproof.jobs.prune import prune

    prune(
        settings=here.params.settings,
        dense=here.input.dense,
        trained=here.input.trained,
        previous=here.input.previous,
        mask=here.output.mask,
    )
