"""Adapter: reproof.jobs.fetch_dataset."""

from reproof.console import logged
from reproof.provenance import recorded

here = snakemake
about = {"settings": here.params.settings, "code": here.params.code, "packages": ("numpy",)}
with logged(here.log[0]), recorded(here.output.record, inputs=here.input, **about):
    from reproof.jobs.fetch_dataset import fetch_dataset

    fetch_dataset(
        settings=here.params.settings,
        mirror=here.params.mirror.value,
        downloads=here.params.downloads,
        data=here.output.data,
    )
