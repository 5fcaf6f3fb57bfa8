"""Adapter: reproof.jobs.draw_figure."""

from reproof.console import logged
from reproof.provenance import recorded

here = snakemake
about = {"settings": here.params.settings, "code": here.params.code, "packages": ("matplotlib", "pandas")}
with logged(here.log[0]), recorded(here.output.record, inputs=here.input, **about):
    from reproof.jobs.draw_figure import draw_figure

    draw_figure(
        settings=here.params.settings,
        tables={name: here.input[name] for name in ("measurements", "curves", "movement")},
        data=here.input.data,
        stem=here.output.svg.removesuffix(".svg"),
    )
