"""Adapter: reproof.jobs.fetch_dataset."""

from reproof.adapter import job

here = snakemake
with job(here, "numpy") as record:
    from reproof.jobs.fetch_dataset import fetch_dataset

    record["label"] = fetch_dataset(
        settings=here.params.settings,
        mirror=here.params.mirror.value,
        downloads=here.params.downloads,
        data=here.output.data,
    )
