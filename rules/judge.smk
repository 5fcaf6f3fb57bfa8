"""Tables and verdicts: everything measured for a paper in tidy form, and a verdict on each claim."""


rule collect:
    input:
        curves=lambda wildcards: PLAN.list_curves(wildcards.paper),
        masks=lambda wildcards: PLAN.list_masks_of_paper(wildcards.paper),  # for the shares kept
        movement=lambda wildcards: PLAN.list_movements(wildcards.paper),
        measured=lambda wildcards: PLAN.list_measurements(wildcards.paper),  # by operations
    output:
        measurements="results/tables/{scale}/{paper}/measurements.parquet",
        curves="results/tables/{scale}/{paper}/curves.parquet",
        movement="results/tables/{scale}/{paper}/movement.parquet",
        runs="results/tables/{scale}/{paper}/runs.json",
        record="results/tables/{scale}/{paper}/record.json",
    log:
        "logs/tables/{scale}/{paper}/collect.log",
    benchmark:
        "benchmarks/tables/{scale}/{paper}/collect.tsv"
    conda:
        "../envs/plot.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: REQUESTED.compute_tables_mb(wildcards.paper) * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        settings=lambda wildcards: PLAN.format_settings("collect", wildcards),
        code=lambda wildcards: PLAN.find_code("collect"),
    message:
        "Collect the measurements of {wildcards.paper}"
    script:
        "../workflow/scripts/collect.py"


rule judge_claims:
    input:
        measurements=rules.collect.output.measurements,
    output:
        verdicts="results/tables/{scale}/{paper}/verdicts.parquet",
        record="results/tables/{scale}/{paper}/verdicts.json",
    log:
        "logs/tables/{scale}/{paper}/judge_claims.log",
    benchmark:
        "benchmarks/tables/{scale}/{paper}/judge_claims.tsv"
    conda:
        "../envs/plot.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: REQUESTED.compute_tables_mb(wildcards.paper) * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        settings=lambda wildcards: PLAN.format_settings("judge_claims", wildcards),
        code=lambda wildcards: PLAN.find_code("judge_claims"),
    message:
        "Judge the claims of {wildcards.paper}"
    script:
        "../workflow/scripts/judge_claims.py"
