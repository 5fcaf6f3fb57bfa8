"""The library of Reproof: science, planning, provenance, judging and drawing. It imports no Snakemake."""
