"""Attacks: on trained networks by every method, and the least distortion with whom else it fools."""


rule attack:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
    output:
        metrics="results/attack/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/attack/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/attack/{run}/{seeds}/levels{levels}/attack.log",
    benchmark:
        "benchmarks/attack/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("attack", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("attack", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("attack", wildcards.run),
        state="results/attack/{run}/{seeds}/levels{levels}/state",
    message:
        "Attack {wildcards.run}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/attack.py"


rule distort:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
        victims=lambda wildcards: PLAN.victims(wildcards.run, wildcards.seeds),
    output:
        metrics="results/distort/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/distort/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/distort/{run}/{seeds}/levels{levels}/distort.log",
    benchmark:
        "benchmarks/distort/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("distort", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("distort", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("distort", wildcards.run),
        state="results/distort/{run}/{seeds}/levels{levels}/state",
    message:
        "Distort images for {wildcards.run}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/distort.py"
