"""Networks trained adversarially, and what attacks leave of their accuracy."""


rule harden:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
    output:
        metrics="results/harden/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/harden/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/harden/{run}/{seeds}/levels{levels}/harden.log",
    benchmark:
        "benchmarks/harden/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("harden", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("harden", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("harden", wildcards.run),
        state="results/harden/{run}/{seeds}/levels{levels}/state",
    message:
        "Train {wildcards.run} adversarially, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/harden.py"
