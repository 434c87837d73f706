# Two commands do everything on a machine with Python >= 3.11 and make:
#   make demo    installs into .venv and runs the demo
#   make test    installs the tools too and runs the tests
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DEMO_OUT ?= epidyn-demo
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: demo test lint format bench clean

demo: $(VENV)/installed
	$(BIN)/epidyn demo --out $(DEMO_OUT) --force

# Two processes of one thread each: torch's threads would only get into each other's way.
test: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --cov --cov-report=term

bench: $(VENV)/installed
	$(BIN)/python benchmarks/io.py --out bench
	$(BIN)/python benchmarks/network.py --out bench
	$(BIN)/python benchmarks/scaling.py --out bench
	$(BIN)/python benchmarks/evaluating.py --out bench

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-dev
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

clean:
	rm -rf $(VENV) $(DEMO_OUT)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP_INSTALL) --editable .
	touch $@

$(VENV)/installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP_INSTALL) --editable '.[dev]'
	touch $@ $(VENV)/installed
