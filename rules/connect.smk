"""Linear mode connectivity: copies of a network trained apart, and the error on the line between them."""


rule connect:
    input:
        data=lambda wildcards: PLAN.data(wildcards.run),
        dense=lambda wildcards: PLAN.dense(wildcards.run, wildcards.seeds),
        masks=lambda wildcards: PLAN.masks(wildcards.run, wildcards.seeds, wildcards.levels),
        tickets=lambda wildcards: PLAN.tickets(wildcards.run, wildcards.seeds, wildcards.levels),
    output:
        metrics="results/connect/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/connect/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/connect/{run}/{seeds}/levels{levels}/connect.log",
    benchmark:
        "benchmarks/connect/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.memory("connect", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.minutes("connect", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.evaluation_settings(wildcards.run, wildcards.seeds, wildcards.levels),
        code=lambda wildcards: PLAN.code("connect", wildcards.run),
        state="results/connect/{run}/{seeds}/levels{levels}/state",
    message:
        "Connect copies of {wildcards.run} at levels {wildcards.levels}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/connect.py"
