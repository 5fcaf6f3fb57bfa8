"""Figures, each with its table, and the gallery that shows them with the verdicts."""


rule draw_figure:
    input:
        measurements=rules.collect.output.measurements,
        curves=rules.collect.output.curves,
        movement=rules.collect.output.movement,
        data=lambda wildcards: PLAN.list_figure_data(wildcards.paper),  # their labels are in the line below the panels
    output:
        svg=report(  # for `snakemake --report`; our own page needs none of it
            "results/figures/{scale}/{paper}/{figure}.svg",
            caption="../workflow/report/figure.rst",
            category="{paper}",
            labels={"figure": "{figure}"},
        ),
        png="results/figures/{scale}/{paper}/{figure}.png",
        pdf="results/figures/{scale}/{paper}/{figure}.pdf",
        table="results/figures/{scale}/{paper}/{figure}.parquet",
        caption="results/figures/{scale}/{paper}/{figure}.json",
        record="results/figures/{scale}/{paper}/{figure}.record.json",
    log:
        "logs/figures/{scale}/{paper}/{figure}/draw_figure.log",
    benchmark:
        "benchmarks/figures/{scale}/{paper}/{figure}.tsv"
    conda:
        "../envs/plot.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: REQUESTED.compute_tables_mb(wildcards.paper) * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        settings=lambda wildcards: PLAN.format_settings("draw_figure", wildcards),
        code=lambda wildcards: PLAN.find_code("draw_figure"),
    message:
        "Draw {wildcards.figure} of {wildcards.paper}"
    script:
        "../workflow/scripts/draw_figure.py"


rule build_gallery:
    input:
        figures=expand(
            "{stem}.{suffix}", stem=PLAN.list_figure_stems(), suffix=["svg", "png", "pdf", "parquet", "json"]
        ),
        verdicts=expand(rules.judge_claims.output.verdicts, scale=PLAN.scale, paper=PLAN.papers),
        runs=expand(rules.collect.output.runs, scale=PLAN.scale, paper=PLAN.papers),
        data=[file for paper in PLAN.papers for file in PLAN.list_figure_data(paper)],
    output:
        gallery=directory("results/figures/all"),  # one output: it is replaced as a whole or not at all
        record="results/figures/all.record.json",
    log:
        "logs/figures/all/build_gallery.log",
    benchmark:
        "benchmarks/figures/all.tsv"
    conda:
        "../envs/plot.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 10 * attempt,
    params:
        settings=lambda wildcards: make_gallery_job(PLAN).settings_line,
        code=lambda wildcards: PLAN.find_code("build_gallery"),
    message:
        "Build the gallery: results/figures/all/index.html"
    script:
        "../workflow/scripts/build_gallery.py"
