"""Pruning: the masks of a level from the weights trained before it, and what the masks did. Needs no torch."""


rule prune:
    # `previous` is empty for the first round and for one-shot pruning: they start from the whole network.
    input:
        dense=lambda wildcards: PLAN.locate_dense(wildcards.run, wildcards.seeds),
        trained=lambda wildcards: PLAN.locate_weights_before(wildcards.run, wildcards.seeds, int(wildcards.level)),
        previous=lambda wildcards: PLAN.locate_previous_mask(wildcards.run, wildcards.seeds, int(wildcards.level)),
    output:
        mask="results/tickets/{run}/{seeds}/level{level}/mask.safetensors",
        record="results/tickets/{run}/{seeds}/level{level}/mask.json",
    log:
        "logs/tickets/{run}/{seeds}/level{level}/prune.log",
    benchmark:
        "benchmarks/tickets/{run}/{seeds}/prune{level}.tsv"
    # As for trainings: the chain of levels is the longest path.
    priority: 1
    conda:
        "../envs/plot.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        settings=lambda wildcards: PLAN.format_settings("prune", wildcards),
        code=lambda wildcards: PLAN.find_code("prune", wildcards.run),
    message:
        "Prune {wildcards.run} to level {wildcards.level}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/prune.py"


rule measure_movement:
    input:
        dense=lambda wildcards: PLAN.locate_dense(wildcards.run, wildcards.seeds),
        masks=lambda wildcards: PLAN.locate_masks(wildcards.run, wildcards.seeds, "all"),  # of every level
    output:
        metrics="results/movement/{run}/{seeds}/metrics.parquet",
        histograms="results/movement/{run}/{seeds}/histograms.parquet",
        record="results/movement/{run}/{seeds}/record.json",
    log:
        "logs/movement/{run}/{seeds}/measure_movement.log",
    benchmark:
        "benchmarks/movement/{run}/{seeds}.tsv"
    conda:
        "../envs/plot.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        settings=lambda wildcards: PLAN.format_settings("measure_movement", wildcards),
        code=lambda wildcards: PLAN.find_code("measure_movement"),
    message:
        "Measure the movement of weights in {wildcards.run}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/measure_movement.py"
