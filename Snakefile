"""Reproof: deep-learning papers run again and judged claim by claim.

results/figures/all      everything that config/config.yaml asks for, as a page: open index.html
results/figures, tables/{scale}/{paper}                  its figures; its numbers and verdicts
results/dense, tickets, controls/{run}/{seeds}           what was trained: weights, masks, curves, records
results/{operation}/{run}/{seeds}                        what connect, reset, untrained, attack, ... measured of it

The scale says how much of each protocol is run: snakemake --cores 8 results/figures/all --config scale=mnist
"""

from snakemake.utils import min_version

min_version("9.25")


report: "workflow/report/workflow.rst"


include: "rules/config.smk"
include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/prune.smk"
include: "rules/operations.smk"
include: "rules/judge.smk"
include: "rules/figures.smk"


rule all:
    default_target: True
    input:
        rules.build_gallery.output.gallery,
