"""Units of trained networks beside random directions, by the images that excite them; Lipschitz bounds of layers."""


rule excite:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
    output:
        metrics="results/excite/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/excite/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/excite/{run}/{seeds}/levels{levels}/excite.log",
    benchmark:
        "benchmarks/excite/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("excite", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("excite", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("excite", wildcards.run),
        state="results/excite/{run}/{seeds}/levels{levels}/state",
    message:
        "Find what excites units of {wildcards.run}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/excite.py"


rule bound:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
    output:
        metrics="results/bound/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/bound/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/bound/{run}/{seeds}/levels{levels}/bound.log",
    benchmark:
        "benchmarks/bound/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("bound", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("bound", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("bound", wildcards.run),
        state="results/bound/{run}/{seeds}/levels{levels}/state",
    message:
        "Bound the layers of {wildcards.run}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/bound.py"
