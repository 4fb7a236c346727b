# `make help` lists what there is. Each target makes .venv from requirements.lock the first time.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help demo test check bench audit sbom lock clean java

ifeq ($(filter oneshell,$(.FEATURES)),)
$(error This make is too old ($(MAKE_VERSION)): install GNU make 4 or newer; on macOS, `brew install make` and type gmake)
endif

# The first Python that is new enough; `make PYTHON=... demo` to choose another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/installed.stamp

help:  ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: $(INSTALLED)  ## the whole line: real AIS traffic and a fleet twin from Kafka to Gold and both reports
	@$(BIN)/maritime demo

test: $(INSTALLED)  ## all tests, cheapest first, on a real broker and a real Spark
	@$(BIN)/maritime jars
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

check: $(INSTALLED)  ## style, types, layers, and docs that agree with the code
	@set -x
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m maritime.docs --check
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive \
		maritime contracts producers consumers lakehouse batch_jobs ml infra
	git ls-files -z -- ':!requirements.lock' | xargs -0 $(BIN)/detect-secrets-hook  # no secret is committed

bench: $(INSTALLED)  ## the figures of docs/performance.md, measured anew on this machine
	@$(BIN)/python -m bench

# pip-audit alone ends green where it could look up nothing; --strict ends with 1 at the first package that it skips.
audit: $(INSTALLED)  ## published vulnerabilities of every Python package in the lock; fails where one cannot be looked up
	@$(BIN)/pip-audit --strict --disable-pip --require-hashes --requirement requirements.lock

sbom: $(INSTALLED)  ## bill of materials (CycloneDX) of all packages and jars in the locks: build/sbom.json
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible --output-format JSON \
		--output-file build/sbom.json requirements.lock
	$(BIN)/python -m infra.sbom build/sbom.json

lock: $(INSTALLED)  ## resolve pyproject.toml anew into requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --group dev \
		--custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean:  ## remove what make made; the lake, the broker's data and the reports in var/ stay
	@rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

java:
	@if [ -z "$(PYTHON)" ]; then
		echo "error: Python 3.11 or newer was not found: install it, or name it with make PYTHON=/path/to/python3." >&2
		exit 2
	fi
	$(PYTHON) -m infra.prerequisites "$${JAVA_HOME:-}"

# uv goes first, by pip and at the locked version; then uv installs the lock, with hashes, and the project itself. Modules
# are compiled at once, on all cores: else each program's first start does it on one, and each start of all where the
# environment forbids Python to keep what it compiled.
$(INSTALLED): requirements.lock pyproject.toml setup.py | java
	@echo "Installing into .venv (once)" >&2
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		"$$(grep -oE '^uv==[0-9.]+' requirements.lock)"
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode --requirements requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --quiet --no-deps --no-build-isolation --editable .
	touch $@
