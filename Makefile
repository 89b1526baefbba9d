# One-liners over the command `helpers`. `make book` and `make test` are all that most people need.
PYTHON ?= python3.11
PROFILE ?= quick
PORT ?= 8000

BIN := .venv/bin
HELPERS := $(BIN)/helpers
READY := .venv/.ready

.PHONY: book site test lint smoke full data bench serve clean pairs env
.DEFAULT_GOAL := book

book: $(READY) ## fetch the panel data, execute the notebooks (profile quick), build _build/html
	@$(HELPERS) data fetch || echo "The panel data are not complete; the notebooks that need them use simulated data and say so."
	$(HELPERS) run --profile $(PROFILE)
	$(HELPERS) build --run runs/$(PROFILE)

site: $(READY) ## the published book, from the run of record: nothing is executed
	$(HELPERS) build --run book/record

test: $(READY) ## all tests
	$(BIN)/python -m pytest --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

lint: $(READY) ## style, types, workflows, pairs in sync, no outputs in source notebooks, internal links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/zizmor --offline --quiet .github
	$(HELPERS) check

smoke: $(READY) ## every notebook on small simulated data
	$(HELPERS) run --profile smoke

full: $(READY) ## the papers' protocols
	$(HELPERS) run --profile full

data: $(READY) ## fetch and verify the panel data
	$(HELPERS) data fetch
	$(HELPERS) data verify

bench: $(READY) ## throughput and memory of the trainers, against plain loops; seconds of the notebooks
	@for part in refdnn perturbation pertvae scdeal smoke; do echo "== $$part"; $(BIN)/python -m benchmarks.$$part || exit 1; done

serve: $(READY) ## look at the built book
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

pairs: $(READY) ## write every notebooks/*.ipynb from its .py
	$(HELPERS) pairs

clean: ## remove builds and runs; the environment and the downloaded data stay
	rm -rf _build runs .pytest_cache .ruff_cache .mypy_cache .hypothesis

env: $(READY) ## the environment alone

# Built once. pip does nothing, and needs no network, when everything is already there.
$(READY): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
