"""Reproof: deep-learning papers run again and judged claim by claim.

results/figures/all      everything that config/config.yaml asks for, as a page: open index.html
results/figures, tables/{scale}/{paper}                  its figures; its numbers and verdicts
results/dense, tickets, controls/{run}/{seeds}           what was trained: weights, masks, curves, records
results/connect, reset, freeze/{run}/{seeds}             what operations measured of it,
results/untrained, freeze_pruned, supermask/{run}/{seeds}    of its layers and of its masks

The scale says how much of each protocol is run: snakemake --cores 8 results/figures/all --config scale=mnist
"""

from snakemake.utils import min_version

min_version("9.25")


configfile: "config/config.yaml"


report: "workflow/report/workflow.rst"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/train.smk"
include: "rules/prune.smk"
include: "rules/connect.smk"
include: "rules/reset.smk"
include: "rules/mask.smk"
include: "rules/judge.smk"
include: "rules/figures.smk"


rule all:
    default_target: True
    input:
        rules.build_gallery.output.gallery,
