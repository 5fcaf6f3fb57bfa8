"""Operations measure trained networks. The rule `operation` runs any; the rules below it add inputs or a message."""


# Every file of a rule below also matches `operation`. Without an order, Snakemake refuses the ambiguity.
ruleorder: connect > reset > freeze > untrained > supermask > freeze_pruned > operation
ruleorder: train_control > operation
ruleorder: dead_outputs > recreate > gradient_norms > operation
ruleorder: attack > minimum_distortion > adversarial_training > unit_selectivity > lipschitz > operation


rule operation:
    input:
        data=lambda wildcards: PLAN.locate_data(wildcards.run),
        dense=lambda wildcards: PLAN.locate_dense(wildcards.run, wildcards.seeds),
    output:
        metrics="results/{operation}/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/{operation}/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/{operation}/{run}/{seeds}/levels{levels}/{operation}.log",
    benchmark:
        "benchmarks/{operation}/{run}/{seeds}/levels{levels}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        gpu=REQUESTED.gpus,
        mem_mb=lambda wildcards, attempt: REQUESTED.compute_mb(PLAN.find_operation(wildcards.run), wildcards) * attempt,
        runtime=lambda wildcards, attempt: REQUESTED.limit_time(PLAN.find_operation(wildcards.run), wildcards, attempt),
    params:
        settings=lambda wildcards: PLAN.format_settings(PLAN.find_operation(wildcards.run), wildcards),
        code=lambda wildcards: PLAN.find_code("operation", wildcards.run),
        state=lambda wildcards: PLAN.locate_operation_state(wildcards),  # of operations that train, to resume
        # Refuses a path with the folder of one operation and the run of another, which the wildcards allow.
        record=lambda wildcards, output: PLAN.check_operation_record(wildcards, output.record),
    message:
        "Measure {wildcards.operation} of {wildcards.run}, seeds {wildcards.seeds}"
    script:
        "../workflow/scripts/operation.py"


use rule operation as connect with:
    input:
        data=lambda wildcards: PLAN.locate_data(wildcards.run),
        dense=lambda wildcards: PLAN.locate_dense(wildcards.run, wildcards.seeds),
        masks=lambda wildcards: PLAN.locate_masks(wildcards.run, wildcards.seeds, wildcards.levels),  # none for level 0
        tickets=lambda wildcards: PLAN.locate_tickets(wildcards.run, wildcards.seeds, wildcards.levels),
    output:
        metrics="results/connect/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/connect/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/connect/{run}/{seeds}/levels{levels}/connect.log",
    benchmark:
        "benchmarks/connect/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Connect copies of {wildcards.run} at levels {wildcards.levels}, seeds {wildcards.seeds}"


# This rule and those without inputs of their own read the dense networks alone.
use rule operation as reset with:
    output:
        metrics="results/reset/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/reset/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/reset/{run}/{seeds}/levels{levels}/reset.log",
    benchmark:
        "benchmarks/reset/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Reset layers of {wildcards.run}, seeds {wildcards.seeds}"


use rule operation as freeze with:
    output:
        metrics="results/freeze/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/freeze/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/freeze/{run}/{seeds}/levels{levels}/freeze.log",
    benchmark:
        "benchmarks/freeze/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Train {wildcards.run} with layers frozen, seeds {wildcards.seeds}"


use rule operation as untrained with:
    output:
        metrics="results/untrained/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/untrained/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/untrained/{run}/{seeds}/levels{levels}/untrained.log",
    benchmark:
        "benchmarks/untrained/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Evaluate untrained masks of {wildcards.run}, seeds {wildcards.seeds}"


use rule operation as supermask with:
    output:
        metrics="results/supermask/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/supermask/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/supermask/{run}/{seeds}/levels{levels}/supermask.log",
    benchmark:
        "benchmarks/supermask/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Find supermasks of {wildcards.run}, seeds {wildcards.seeds}"


use rule operation as freeze_pruned with:
    # A weight that was pruned in an earlier round is frozen by what decided that round's mask.
    input:
        data=lambda wildcards: PLAN.locate_data(wildcards.run),
        dense=lambda wildcards: PLAN.locate_dense(wildcards.run, wildcards.seeds),
        masks=lambda wildcards: PLAN.locate_masks_to(wildcards.run, wildcards.seeds, wildcards.levels),
        tickets=lambda wildcards: PLAN.locate_deciding(wildcards.run, wildcards.seeds, wildcards.levels),
    output:
        metrics="results/freeze_pruned/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/freeze_pruned/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/freeze_pruned/{run}/{seeds}/levels{levels}/freeze_pruned.log",
    benchmark:
        "benchmarks/freeze_pruned/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Freeze pruned weights of {wildcards.run} at levels {wildcards.levels}, seeds {wildcards.seeds}"


# Folders of this operation and three more keep the names of their published results (`reproof.settings.STORED_AS`).
use rule operation as unit_selectivity with:
    output:
        metrics="results/excite/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/excite/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/excite/{run}/{seeds}/levels{levels}/unit_selectivity.log",
    benchmark:
        "benchmarks/excite/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Measure the selectivity of units of {wildcards.run}, seeds {wildcards.seeds}"


use rule operation as lipschitz with:
    output:
        metrics="results/bound/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/bound/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/bound/{run}/{seeds}/levels{levels}/lipschitz.log",
    benchmark:
        "benchmarks/bound/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Bound the layers of {wildcards.run}, seeds {wildcards.seeds}"


use rule operation as adversarial_training with:
    output:
        metrics="results/harden/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/harden/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/harden/{run}/{seeds}/levels{levels}/adversarial_training.log",
    benchmark:
        "benchmarks/harden/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Train {wildcards.run} adversarially, seeds {wildcards.seeds}"


use rule operation as attack with:
    output:
        metrics="results/attack/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/attack/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/attack/{run}/{seeds}/levels{levels}/attack.log",
    benchmark:
        "benchmarks/attack/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Attack {wildcards.run}, seeds {wildcards.seeds}"


use rule operation as minimum_distortion with:
    input:
        data=lambda wildcards: PLAN.locate_data(wildcards.run),
        dense=lambda wildcards: PLAN.locate_dense(wildcards.run, wildcards.seeds),
        victims=lambda wildcards: PLAN.locate_victims(wildcards.run, wildcards.seeds),  # tried on its examples
    output:
        metrics="results/distort/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/distort/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/distort/{run}/{seeds}/levels{levels}/minimum_distortion.log",
    benchmark:
        "benchmarks/distort/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Distort images for {wildcards.run}, seeds {wildcards.seeds}"


use rule operation as dead_outputs with:
    output:
        metrics="results/dead_outputs/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/dead_outputs/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/dead_outputs/{run}/{seeds}/levels{levels}/dead_outputs.log",
    benchmark:
        "benchmarks/dead_outputs/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Count dead outputs of {wildcards.run}, seeds {wildcards.seeds}"


use rule operation as recreate with:
    output:
        metrics="results/recreate/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/recreate/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/recreate/{run}/{seeds}/levels{levels}/recreate.log",
    benchmark:
        "benchmarks/recreate/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Create and train {wildcards.run} again, seeds {wildcards.seeds}"


use rule operation as gradient_norms with:
    output:
        metrics="results/gradient_norms/{run}/{seeds}/levels{levels}/metrics.parquet",
        record="results/gradient_norms/{run}/{seeds}/levels{levels}/record.json",
    log:
        "logs/gradient_norms/{run}/{seeds}/levels{levels}/gradient_norms.log",
    benchmark:
        "benchmarks/gradient_norms/{run}/{seeds}/levels{levels}.tsv"
    message:
        "Measure gradients of layers of {wildcards.run}, seeds {wildcards.seeds}"
