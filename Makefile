# Two commands do everything on a machine with Python >= 3.11 and make:
#   make demo    installs into .venv and runs the demo
#   make test    installs the tools too and runs the tests
# and the article's experiments, on simulated pairs and in full:
#   make paper-small
#   make paper CORES=4
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO_OUT ?= epidyn-demo
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

CORES ?= 2
SNAKEMAKE = PATH="$(abspath $(BIN)):$$PATH" $(BIN)/snakemake --profile workflow/profiles/local --cores $(CORES)

.PHONY: demo test test-slow docs lint format bench paper paper-small clean

demo: $(VENV)/installed
	$(BIN)/epidyn demo --out $(DEMO_OUT) --force

# Two processes of one thread each: torch's threads would only get into each other's way.
test: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term

# Tests that take long: the package built and installed in an empty environment, the longest benchmarks. Then damaged
# inputs and kills, a little of each; docs/reliability.md says how to do it at length.
test-slow: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m slow tests
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.slow.fuzz pairs fasta 2bit vcf gtf bed model scores config --minutes 0.5
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.slow.kills --kills 5

# The site, in site/; a broken link ends it.
docs: $(VENV)/installed-dev
	$(BIN)/python -m mkdocs build

bench: $(VENV)/installed
	$(BIN)/python benchmarks/io.py --out bench
	$(BIN)/python benchmarks/network.py --out bench
	$(BIN)/python benchmarks/scaling.py --out bench
	$(BIN)/python benchmarks/evaluating.py --out bench
	$(BIN)/python benchmarks/explaining.py --out bench
	$(BIN)/python benchmarks/scanning.py --out bench

paper: $(VENV)/installed-workflow
	$(SNAKEMAKE)

# A killed call leaves a lock; here the commands themselves see to it that no two work in one folder.
paper-small: $(VENV)/installed-workflow
	$(SNAKEMAKE) --configfile workflow/config/small.yaml --nolock --quiet rules

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) $(DEMO_OUT) paper-small site

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP_INSTALL) --editable .
	touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP_INSTALL) --editable '.[dev]'
	touch $@ $(VENV)/installed $(VENV)/installed-workflow

$(VENV)/installed-workflow: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP_INSTALL) --editable '.[workflow]'
	touch $@ $(VENV)/installed
