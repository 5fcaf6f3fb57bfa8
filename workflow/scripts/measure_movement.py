"""Adapter: reproof.jobs.measure_movement."""

from reproof.console import logged
from reproof.provenance import recorded

here = snakemake
about = {"settings": here.params.settings, "code": here.params.code, "packages": ("numpy", "pandas")}
with logged(here.log[0]), recorded(here.output.record, inputs=here.input, **about):
    from reproof.jobs.measure_movement import measure_movement

    measure_movement(
        settings=here.params.settings,
        dense=here.input.dense,
        masks=here.input.masks,
        metrics=here.output.metrics,
        histograms=here.output.histograms,
    )
