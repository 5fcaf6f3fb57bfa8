"""Adapter: reproof.jobs.judge_claims."""

from reproof.console import logged
from reproof.provenance import recorded

here = snakemake
about = {"settings": here.params.settings, "code": here.params.code, "packages": ("pandas", "scipy")}
with logged(here.log[0]), recorded(here.output.record, inputs=here.input, **about):
    from reproof.jobs.judge_claims import judge_claims

    judge_claims(
        settings=here.params.settings,
        measurements=here.input.measurements,
        verdicts=here.output.verdicts,
    )
