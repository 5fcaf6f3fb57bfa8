"""Adapter: reproof.pipeline.build_gallery."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "jinja2", "pandas"):
    from reproof.pipeline.build_gallery import build_gallery

    build_gallery(
        settings=here.params.settings,
        data=here.input.data,
        code=here.params.code,
        gallery=here.output.gallery,
    )
