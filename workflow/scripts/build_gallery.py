"""Adapter: reproof.jobs.build_gallery."""

from reproof.console import logged
from reproof.provenance import recorded

here = snakemake
about = {"settings": here.params.settings, "code": here.params.code, "packages": ("jinja2", "pandas")}
with logged(here.log[0]), recorded(here.output.record, inputs=here.input, **about):
    from reproof.jobs.build_gallery import build_gallery

    build_gallery(
        settings=here.params.settings,
        data=here.input.data,
        code=here.params.code,
        gallery=here.output.gallery,
    )
