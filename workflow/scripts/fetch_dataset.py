"""Adapter: reproof.pipeline.fetch_dataset."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "numpy") as record:
    from reproof.pipeline.fetch_dataset import fetch_dataset

    record["label"] = fetch_dataset(
        settings=here.params.settings,
        mirror=here.params.mirror.value,
        downloads=here.params.downloads,
        data=here.output.data,
    )
