"""Layers of trained networks put back, drawn anew or removed, one by one and together; layers frozen in training."""


rule reset:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
    output:
        metrics="results/reset/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/reset/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/reset/{run}/{seeds}/levels{levels}/reset.log",
    benchmark:
        "benchmarks/reset/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("reset", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("reset", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("reset", wildcards.run),
        state="results/reset/{run}/{seeds}/levels{levels}/state",
    message:
        "Reset layers of {wildcards.run}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/reset.py"


rule freeze:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
    output:
        metrics="results/freeze/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/freeze/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/freeze/{run}/{seeds}/levels{levels}/freeze.log",
    benchmark:
        "benchmarks/freeze/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("freeze", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("freeze", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("freeze", wildcards.run),
        state="results/freeze/{run}/{seeds}/levels{levels}/state",
    message:
        "Train {wildcards.run} with layers frozen, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/freeze.py"
