"""Training: dense networks, tickets level by level, and their controls; a job trains a block of seeds.

A killed job resumes from `params.state`. The state is no declared output, because Snakemake deletes the outputs of a
failed job. It holds settings and code, so that no other job uses it.
"""


rule train_dense:
    # The checkpoint holds the weights at all steps that later jobs start from, and at the end.
    input:
        data=lambda wildcards: PLAN.locate_data(wildcards.run),
    output:
        checkpoint="results/dense/{run}/{seeds}/checkpoint.safetensors",
        curves="results/dense/{run}/{seeds}/curves.parquet",
        record="results/dense/{run}/{seeds}/record.json",
    log:
        "logs/dense/{run}/{seeds}/train_dense.log",
    benchmark:
        "benchmarks/dense/{run}/{seeds}.tsv"
    priority: 1  # the chain of levels is the longest path; controls fill the gaps
    conda:
        "../envs/torch.yaml"
    threads: 1  # small networks are slower on more; a machine is filled by running more jobs
    resources:
        gpu=REQUESTED.gpus,
        # Both grow with each attempt, so that an estimate that was too low fails no job for good.
        mem_mb=lambda wildcards, attempt: REQUESTED.compute_mb("train_dense", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.limit_time("train_dense", wildcards, attempt),
    params:
        # Snakemake reruns a job when one of these texts changes. It does not look into imported modules.
        settings=lambda wildcards: PLAN.format_settings("train_dense", wildcards),
        code=lambda wildcards: PLAN.find_code("train_dense", wildcards.run),
        state="results/dense/{run}/{seeds}/state",
    message:
        "Train dense {wildcards.run}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/train_dense.py"


rule retrain:
    # `continued` is empty under resetting strategy 1, where each level starts from the rewind point.
    input:
        data=lambda wildcards: PLAN.locate_data(wildcards.run),
        dense=lambda wildcards: PLAN.locate_dense(wildcards.run, wildcards.seeds),
        mask="results/tickets/{run}/{seeds}/level{level}/mask.safetensors",
        continued=lambda wildcards: PLAN.locate_weights_to_continue(
            wildcards.run, wildcards.seeds, int(wildcards.level)
        ),
    output:
        checkpoint="results/tickets/{run}/{seeds}/level{level}/checkpoint.safetensors",
        curves="results/tickets/{run}/{seeds}/level{level}/curves.parquet",
        record="results/tickets/{run}/{seeds}/level{level}/record.json",
    log:
        "logs/tickets/{run}/{seeds}/level{level}/retrain.log",
    benchmark:
        "benchmarks/tickets/{run}/{seeds}/level{level}.tsv"
    priority: 1  # the chain of levels is the longest path; controls fill the gaps
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.compute_mb("retrain", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.limit_time("retrain", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.format_settings("retrain", wildcards),
        code=lambda wildcards: PLAN.find_code("retrain", wildcards.run),
        state="results/tickets/{run}/{seeds}/level{level}/state",
    message:
        "Retrain {wildcards.run} at level {wildcards.level}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/retrain.py"


rule train_control:
    input:
        data=lambda wildcards: PLAN.locate_data(wildcards.run),
        dense=lambda wildcards: PLAN.locate_dense(wildcards.run, wildcards.seeds),
        masks=lambda wildcards: PLAN.locate_masks(wildcards.run, wildcards.seeds, wildcards.levels),
    output:
        curves="results/controls/{run}/{seeds}/levels{levels}/curves.parquet",
        record="results/controls/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/controls/{run}/{seeds}/levels{levels}/train_control.log",
    benchmark:
        "benchmarks/controls/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.compute_mb("train_control", wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.limit_time("train_control", wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.format_settings("train_control", wildcards),
        code=lambda wildcards: PLAN.find_code("train_control", wildcards.run),
        state="results/controls/{run}/{seeds}/levels{levels}/state",
    message:
        "Train control {wildcards.run} at levels {wildcards.levels}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/train_control.py"
