"""The science of Reproof: data, networks, training, pruning, judging and drawing, with no knowledge of Snakemake."""
