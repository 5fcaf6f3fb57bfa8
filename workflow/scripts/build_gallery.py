"""Adapter: reproof.jobs.build_gallery."""

from reproof.adapter import job

here = snakemake
with job(here, "jinja2", "pandas"):
    from reproof.jobs.build_gallery import build_gallery

    build_gallery(
        settings=here.params.settings,
        data=here.input.data,
        code=here.params.code,
        gallery=here.output.gallery,
    )
