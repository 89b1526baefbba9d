# One-liners over the command `helpers`. `make book` and `make test` are all that most people need.
PYTHON ?= python3.11
PROFILE ?= quick
PORT ?= 8000
CUDA ?=
LAB ?=

BIN := .venv/bin
HELPERS := $(BIN)/helpers
PARALLEL := --numprocesses=logical --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

# Without bytecode every process compiles the package anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: book site test test-book lint smoke full data bench serve clean pairs env lab locks
.DEFAULT_GOAL := book

book: env ## fetch the panel data, execute the notebooks (profile quick), build _build/html
	@$(HELPERS) data fetch || echo "The panel data are not complete; the notebooks that need them use simulated data and say so."
	$(HELPERS) run --profile $(PROFILE)
	$(HELPERS) build --run runs/$(PROFILE)

site: env ## the published book, from the run of record: nothing is executed
	$(HELPERS) build --run book/record

test: env ## the tests of the package; those that execute chapters or open pages are test-book
	$(BIN)/python -m pytest $(PARALLEL) -m "not book"

test-book: env ## every chapter on simulated data and on files in its paper's formats, the built book in a browser
	$(BIN)/python -m pytest $(PARALLEL) -m book

lint: env ## style, types, workflows, pairs in sync, no outputs in source notebooks, internal links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/zizmor --offline --quiet .github
	$(HELPERS) check

smoke: env ## every notebook on small simulated data
	$(HELPERS) run --profile smoke

full: env ## the papers' protocols
	$(HELPERS) run --profile full

data: env ## fetch and verify the panel data
	$(HELPERS) data fetch
	$(HELPERS) data verify

bench: env ## throughput and memory of the trainers, against plain loops; seconds of the notebooks
	@for part in refdnn perturbation pertvae scdeal smoke; do echo "== $$part"; $(BIN)/python -m benchmarks.$$part || exit 1; done

serve: env ## look at the built book
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

pairs: env ## write every notebooks/*.ipynb from its .py
	$(HELPERS) pairs

clean: ## remove builds and runs; the environment and the downloaded data stay
	rm -rf _build runs .pytest_cache .ruff_cache .mypy_cache .hypothesis

lab: env ## JupyterLab, to open and change the notebooks
	$(BIN)/jupyter lab $(LAB)

locks: env ## write the locks of every platform from pyproject.toml and requirements.lock
	$(BIN)/python locks/compile.py

# Nothing happens, and no network is needed, when the environment was made from this lock. CUDA=1 takes the lock with
# CUDA, CUDA=0 the one without; later commands keep the choice.
env: ## the environment alone
	@CUDA=$(CUDA) $(PYTHON) locks/environment.py
