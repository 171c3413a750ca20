# `make run` and `make test` each bring everything they need: Python 3.11 to 3.13 and Node 20 are enough to start from.
SHELL  := /bin/bash
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=

.DEFAULT_GOAL := help
.PHONY: help setup run terminal test unit chaos lint format screenshots lock clean

help: ## what there is
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

run: setup ## Tandem on this machine: sandbox tenant with a recorded model, bot, one Playground for each of two people (ARGS="--no-open")
	@exec $(BIN)/tandem up $(ARGS)

terminal: $(VENV)/.installed ## the same without Node or browser; then, for each person: .venv/bin/tandem chat --as megan
	@exec $(BIN)/tandem up --no-playground $(ARGS)

test: setup lint ## every check: linters, types, import rules, all tests (ARGS="-k name")
	@$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

unit: setup ## the tests that need no browser
	@$(BIN)/pytest -n 2 -m "not e2e" $(ARGS)

chaos: $(VENV)/.installed ## kill the process 500 times, at moments drawn by lot (ARGS="--kills 100 --seed 7")
	@$(BIN)/python -m tests.faults.chaos $(ARGS)

lint: setup ## ruff, mypy, import rules
	@echo "==> ruff"         && $(BIN)/ruff check . && $(BIN)/ruff format --check --quiet .
	@echo "==> mypy"         && $(BIN)/mypy
	@echo "==> import rules" && $(BIN)/lint-imports --no-logo

format: setup ## put the code in shape
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

screenshots: setup ## take the README's pictures anew, after a change of the cards
	@$(BIN)/pytest -q tests/e2e/screenshots.py

setup: $(VENV)/.installed node_modules/.installed

clean: ## remove what setup made, and local state
	rm -rf $(VENV) node_modules .tandem .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

lock: setup ## choose the newest versions again and write them to constraints.txt
	@{ echo "# The versions that were tested together, for Python 3.11 to 3.13. Made by \`make lock\`."; \
	   $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-header --no-annotate --no-emit-index-url pyproject.toml; \
	 } > constraints.new && mv constraints.new constraints.txt

$(BIN)/python:
	@for python in "$${PYTHON:-python3}" python3.13 python3.12 python3.11; do \
	  if "$$python" -c 'import ensurepip, sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then \
	    echo "==> [1/3] $$("$$python" --version): a virtual environment in $(VENV)"; exec "$$python" -m venv $(VENV); \
	  fi; \
	done; \
	echo "Tandem needs Python 3.11, 3.12 or 3.13 with its venv module; found: $$(python3 --version 2>&1 || echo none)." >&2; \
	echo "Install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; \
	exit 1

# uv installs in a tenth of pip's time; where it cannot (an index that only pip's settings know), pip does the same.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> [2/3] Python packages (about a gigabyte; a few minutes on a slow line)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt uv
	@$(BIN)/uv pip install --python $(BIN)/python --constraint constraints.txt --editable ".[dev]" \
	  || $(BIN)/python -m pip install --constraint constraints.txt --editable ".[dev]"
	@touch $@

node_modules/.installed: package.json package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null \
	  || { echo "Tandem needs Node.js 20 or newer for the Agents Playground; found: $$(node --version 2>&1 || true)." >&2; exit 1; }
	@echo "==> [3/3] Node packages"
	@npm ci --no-progress
	@touch $@
