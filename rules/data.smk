"""Data sets: fetched once, checked by content, kept as bytes."""


localrules:  # on a cluster the login node fetches: compute nodes often reach no network
    fetch_dataset,
    scale_pixels,


# A name that ends in "_unit" matches both rules.
ruleorder: scale_pixels > fetch_dataset


rule fetch_dataset:
    output:
        data="results/data/{dataset}/data.safetensors",
        record="results/data/{dataset}/record.json",
    log:
        "logs/data/{dataset}/fetch_dataset.log",
    benchmark:
        "benchmarks/data/{dataset}.tsv"
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        settings=lambda wildcards: PLAN.format_settings("fetch_dataset", wildcards),
        code=lambda wildcards: PLAN.find_code("fetch_dataset", wildcards.dataset),
        # Where bytes come from changes none of them, because their hash is checked. A new address must not rerun the
        # job.
        mirror=Untracked(PLAN.configuration.data.get("mirror") or ""),
        # No output: what was downloaded before a kill is used again.
        downloads="results/data/{dataset}/downloads",
    message:
        "Fetch the data set {wildcards.dataset}"
    script:
        "../workflow/scripts/fetch_dataset.py"


rule scale_pixels:
    input:
        data=lambda wildcards: PLAN.locate_fetched_data(wildcards.dataset),
    output:
        data="results/data/{dataset}/data.safetensors",
        record="results/data/{dataset}/record.json",
    log:
        "logs/data/{dataset}/scale_pixels.log",
    benchmark:
        "benchmarks/data/{dataset}.tsv"
    wildcard_constraints:
        dataset=r"[a-z0-9_]+(_unit|_unit_norm)",
    conda:
        "../envs/torch.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        settings=lambda wildcards: PLAN.format_settings("scale_pixels", wildcards),
        code=lambda wildcards: PLAN.find_code("scale_pixels"),
    message:
        "Set how pixels become inputs: {wildcards.dataset}"
    script:
        "../workflow/scripts/scale_pixels.py"
