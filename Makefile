# Everything happens in .venv; nothing outside this folder is touched.
PYTHON ?= python3.11
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
export DO_NOT_TRACK = 1
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help install run test test-fast check bench clean

help:           ## this list
	@grep -E '^[a-z-]+: .*##|^[a-z-]+:  *##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(STAMP)  ## set everything up in .venv (once), and make the embedded data
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,reference]'
	$(BIN)/ganforge data make
	@touch $@

run: install    ## the main job on the embedded data: does augmenting the frauds help?
	$(BIN)/ganforge run fraud

test: install   ## every test, and the layer rules
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-fast: install  ## the inner loop: no test that takes more than some seconds
	$(BIN)/python -m pytest -n 2 -m "not slow"

check: install  ## lint, format and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

bench: install  ## measure; writes benchmarks/results and BENCHMARKS.md
	$(BIN)/python -m benchmarks

clean:          ## remove what the tools left (caches, build); never .venv, data, work or runs
	rm -rf dist build .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
