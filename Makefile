# make          install what is locked, then replicate every paper at demo scale into results/figures/all
# make test     install, then run the tests that take minutes; make test-slow runs the longer ones
# make plan     what a scale would take: jobs, GPU-hours, the longest chain; SCALE=paper by default
# make verdicts   a paper's verdicts as a Markdown table; PAPER=lottery_ticket, SCALE=mnist
# make test-cluster   run what needs a Slurm, on one that the tests start and stop themselves
# make bench    measure speed and memory as ratios, into benchmarks/bench.parquet
# make publish  publish with DVC what the scales name under `publish`; make pull  get published results
# make verify   hash all results again and name each file that is not as recorded
# make resume   continue after a kill or a power failure; ARGS="--config scale=mnist" as in the first call
# make lint     ruff, mypy, snakefmt, codespell, snakemake --lint

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(shell sha256sum requirements.txt | cut -c1-12)
export PATH := $(CURDIR)/$(BIN):$(PATH)
unexport PYTHONSAFEPATH   # with it, python -m would not find the modules of this folder

SCALE ?= paper

.PHONY: all resume install test test-slow test-cluster plan verdicts bench publish pull verify lint lock

all: install
	snakemake --cores all results/figures/all

# Snakemake's lock outlives it when it is killed. Nothing is installed: it ran before.
TARGET ?= results/figures/all
resume:
	@python -m reproof.execution.processes
	snakemake --unlock $(ARGS) -- $(TARGET)
	snakemake --cores all $(ARGS) -- $(TARGET)

install: $(READY)

# The lock holds every package with its hashes, so pip need not resolve: --no-deps.
$(READY): requirements.txt
	@$(PYTHON) -m reproof.execution.surroundings
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13) and "error: Makefile: Python 3.11 to 3.13 is needed, this is %d.%d; set PYTHON=python3.12" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --no-deps --disable-pip-version-check -r requirements.txt
	rm -f $(VENV)/.ready-* && touch $(READY)

test: install
	pytest -n auto --dist loadfile -m "not slow and not cluster"

test-slow: install
	pytest -n auto --dist loadfile -m slow

# Needs root and Debian's slurmctld, slurmd, slurm-client and munge; without them the tests are skipped and say why.
test-cluster: install
	pytest -m cluster

plan: install
	@python -m workflow.forecast $(SCALE)

PAPER ?= lottery_ticket
verdicts: install
	@python -m workflow.verdicts $(PAPER) $(SCALE)

bench: install
	python -m bench

publish: install
	python -m workflow.publish

# A download without .git: DVC has to be told that there is no git.
pull: install
	@test -e .git || dvc config --local core.no_scm true
	dvc pull

verify: install
	@python -m workflow.verify

lint: install
	ruff check . && ruff format --check .
	mypy
	snakefmt --check Snakefile rules
	codespell
	snakemake --lint

# Needs uv. Resolves for Python 3.11 to 3.13 on every platform and writes no registry's address.
lock:
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements.in requirements-dev.in -o requirements.txt
