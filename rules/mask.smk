"""Masks: on weights that are never trained, ranked or found; and on weights that are frozen where they are pruned."""


rule untrained:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
    output:
        metrics="results/untrained/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/untrained/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/untrained/{run}/{seeds}/levels{levels}/untrained.log",
    benchmark:
        "benchmarks/untrained/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("untrained", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("untrained", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("untrained", wildcards.run),
        state="results/untrained/{run}/{seeds}/levels{levels}/state",
    message:
        "Evaluate untrained masks of {wildcards.run}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/untrained.py"


rule supermask:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
    output:
        metrics="results/supermask/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/supermask/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/supermask/{run}/{seeds}/levels{levels}/supermask.log",
    benchmark:
        "benchmarks/supermask/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("supermask", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("supermask", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("supermask", wildcards.run),
        state="results/supermask/{run}/{seeds}/levels{levels}/state",
    message:
        "Find supermasks of {wildcards.run}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/supermask.py"


rule freeze_pruned:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
        masks=lambda wildcards: PLAN.masks_to(wildcards.run, wildcards.seeds, wildcards.levels),
        tickets=lambda wildcards: PLAN.deciding(wildcards.run, wildcards.seeds, wildcards.levels),
    output:
        metrics="results/freeze_pruned/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/freeze_pruned/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/freeze_pruned/{run}/{seeds}/levels{levels}/freeze_pruned.log",
    benchmark:
        "benchmarks/freeze_pruned/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("freeze_pruned", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("freeze_pruned", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("freeze_pruned", wildcards.run),
        state="results/freeze_pruned/{run}/{seeds}/levels{levels}/state",
    message:
        "Freeze pruned weights of {wildcards.run} at levels {wildcards.levels}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/freeze_pruned.py"
