# What can be done here. `make` alone lists it.
#
# Every target that needs the virtual environment makes it first; nothing else has to be set up.

SHELL := /bin/bash
PYTHON ?=
BIN := .venv/bin
SEED ?=
TIME_LIMIT ?= 60
NODES ?= 5
ARGS ?=
CYCLES ?= 100
WORLD ?= all
BOUND ?= large

.DEFAULT_GOAL := help
.PHONY: help venv format lint types contracts pytest test chaos canaries kills checker worlds hostile wheel newest bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: ## make or refresh the virtual environment in .venv (PYTHON=)
	@PYTHON="$(PYTHON)" .ci/venv

format: venv ## write the code as ruff would
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: venv ## check format and lint
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: venv ## check types (mypy, strict)
	$(BIN)/mypy

contracts: venv ## check that each part imports only what it may
	$(BIN)/lint-imports --no-logo

pytest: venv ## run the tests alone
	$(BIN)/python -m pytest $(ARGS)

test: lint types contracts pytest ## everything that has to hold: format, lint, types, contracts, tests

chaos: venv ## five real processes under faults, and a verdict (SEED=, TIME_LIMIT=, NODES=)
	$(BIN)/jepsen-lite run --nodes $(NODES) --time-limit $(TIME_LIMIT) $(if $(SEED),--seed $(SEED)) $(ARGS)

canaries: venv ## claim: each planted bug is caught, by the check that is there for it
	$(BIN)/python -m jepsen_lite.canaries $(ARGS)

kills: venv ## claim: kill -9 loses and repeats nothing that was acknowledged (CYCLES=)
	$(BIN)/python -m jepsen_lite.kills --cycles $(CYCLES) $(ARGS)

checker: venv ## claim: the search agrees with brute force on every small history
	$(BIN)/python -m tests.jepsen_lite.checkers.exhaustive

worlds: venv ## claim: small worlds of cores are explored to their end, and nothing breaks (WORLD=, BOUND=small)
	$(BIN)/python -m tests.worlds --world $(WORLD) --bound $(BOUND) $(ARGS)

hostile: venv ## claim: whatever is said over HTTP is answered as /v1/openapi.json says; 100,000 bad frames harm no node
	$(BIN)/python -m pytest -m deep tests/http/test_hostile.py tests/runtime/test_hostile_frames.py $(ARGS)

wheel: venv ## claim: the built wheel installs in an empty environment, serves, and passes the core's tests
	$(BIN)/python .ci/wheel.py

newest: venv ## claim: the tests pass with the newest Python that is here, too
	$(BIN)/python .ci/newest.py

bench: venv ## CPU and latency of sets and gets, three nodes, 64 clients
	$(BIN)/python -m benchmarks.sets $(ARGS)

clean: ## remove what runs, tools and builds left behind
	rm -rf .venv runs build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
