# Everything runs in .venv, which is made on first use; a stamp per extra makes the second run fast.
#   make demo         train on the embedded digits: weights, history and curves land in runs/digits
#   make examples     every architecture and setting of the lectures: trained, measured, compared with what it must reach
#   make test         all tests that need nothing but this project
#   make conformance  HIPS autograd's own tests, from the package index, on plain NumPy
#   make test-long    the long forms: native functions on all numbers of float32, 10,000 random programs, threads (hours)
#   make test-peers   comparisons with PyTorch and HIPS autograd, where they are installed
#   make bench        Wengert beside its peers: training, latency, memory, scaling, recording (hours; alone on a machine)
#   make bench-quick  the best peers of each workload, few rounds: about three minutes
#   make docs         the documentation site in build/site, every example run, every warning an error
#   make docs-look    looks at every page in Chromium, at two widths; pictures land in build/looks
#   make lint types floors format clean distclean

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PYTEST := $(BIN)/python -m pytest
# One thread for the arrays' library: the tests run one process a core, and small models only lose by more.
SINGLE := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1

.DEFAULT_GOAL := help
# Two installations at once would disturb each other.
.NOTPARALLEL:
.PHONY: help demo examples docs docs-look test test-long test-peers conformance lint format types floors bench bench-quick dev clean distclean

help:
	@sed -n 's/^#   //p' Makefile

# ----- environment ------------------------------------------------------------------------------
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "wengert needs Python 3.11 or newer; name one: make PYTHON=python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The package itself is installed editable, so only pyproject.toml can make a stamp old.
$(STAMPS)/%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@mkdir -p $(STAMPS) && touch $@

dev: $(STAMPS)/dev

# ----- the main job -----------------------------------------------------------------------------
demo: $(STAMPS)/plot
	$(SINGLE) $(BIN)/wengert train --data digits --out runs/digits

examples: $(STAMPS)/plot
	$(SINGLE) $(BIN)/python examples/run.py $(ARGS)

docs: $(STAMPS)/docs
	NO_MKDOCS_2_WARNING=1 $(SINGLE) $(BIN)/python -m mkdocs build --quiet --strict
	$(BIN)/python docs/tools/links.py build/site

docs-look: docs $(STAMPS)/test
	$(BIN)/python docs/tools/looks.py build/site build/looks

# ----- checks -----------------------------------------------------------------------------------
test: $(STAMPS)/test
	$(SINGLE) $(PYTEST) -q -n auto --ignore=tests/peers $(ARGS)

test-long: $(STAMPS)/test
	WENGERT_LONG=1 $(SINGLE) $(PYTEST) -q -n auto tests/compiler/native/test_maths.py tests/compiler/native/test_random_programs.py tests/compiler/native/test_team.py $(ARGS)

test-peers: $(STAMPS)/test
	$(SINGLE) $(PYTEST) -q -n auto tests/peers $(ARGS)

# The stamp is the folder the tests lie in; make fetches them once.
AUTOGRAD := build/conformance/autograd
$(AUTOGRAD)/tests: | $(BIN)/python
	$(BIN)/python tests/conformance/fetch_autograd.py $(AUTOGRAD)

conformance: $(STAMPS)/test $(AUTOGRAD)/tests
	$(SINGLE) $(PYTEST) -q tests/conformance $(ARGS)

lint: $(STAMPS)/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: $(STAMPS)/dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: $(STAMPS)/dev
	$(BIN)/mypy

floors: $(STAMPS)/test
	$(PYTEST) -q tests/laws/test_floors.py

# numba, below PyTensor, asks for a llvmlite of its own: these peers live in an environment of theirs.
FURTHER := build/benchmarks/further
$(FURTHER)/done: | $(BIN)/python
	$(PYTHON) -m venv $(FURTHER)
	$(FURTHER)/bin/python -m pip install --quiet --disable-pip-version-check casadi heyoka pytensor
	@touch $@

BENCH_NEEDS := $(STAMPS)/plot $(STAMPS)/peers $(FURTHER)/done
bench: $(BENCH_NEEDS)
	$(BIN)/python -m benchmarks.training $(ARGS)
	$(BIN)/python -m benchmarks.latency
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python benchmarks/eager.py

bench-quick: $(BENCH_NEEDS)
	$(BIN)/python -m benchmarks.training --quick --out build/benchmarks $(ARGS)

# ----- away with it -----------------------------------------------------------------------------
clean:
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find wengert tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV) runs
