"""Adapter: reproof.jobs.fetch_dataset."""

from reproof.adapter import job

here = snakemake
with job(here, "numpy"):
    from reproof.jobs.fetch_dataset import fetch_dataset

    fetch_dataset(
        settings=here.params.settings,
        mirror=here.params.mirror.value,
        downloads=here.params.downloads,
        data=here.output.data,
    )
