"""Adapter: reproof.pipeline.judge_claims."""

from reproof.execution.job import run_job

here = snakemake
with run_job(here, "pandas", "scipy"):
    from reproof.pipeline.judge_claims import judge_claims

    judge_claims(
        settings=here.params.settings,
        measurements=here.input.measurements,
        verdicts=here.output.verdicts,
    )
