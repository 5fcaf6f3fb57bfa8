"""Adapter: reproof.pipeline.draw_figure."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "matplotlib", "pandas"):
    from reproof.pipeline.draw_figure import draw_figure

    draw_figure(
        settings=here.params.settings,
        tables={name: here.input[name] for name in ("measurements", "curves", "movement")},
        data=here.input.data,
        stem=here.output.svg.removesuffix(".svg"),
    )
