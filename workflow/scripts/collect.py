"""Adapter: reproof.jobs.collect."""

from reproof.console import logged
from reproof.provenance import recorded

here = snakemake
about = {"settings": here.params.settings, "code": here.params.code, "packages": ("numpy", "pandas")}
with logged(here.log[0]), recorded(here.output.record, inputs=here.input, **about):
    from reproof.jobs.collect import collect

    collect(
        settings=here.params.settings,
        measurements=here.output.measurements,
        curves=here.output.curves,
        movement=here.output.movement,
    )
