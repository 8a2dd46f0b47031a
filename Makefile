# `make demo` and `make test` are all a new machine needs: each creates .venv first, from the exact versions in
# requirements.lock.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DOCS := .venv-docs
DOCS_STAMP := $(DOCS)/.installed
# Sources are compiled as they are first imported, and kept, whatever the environment says: most of what is installed
# never is, and compiling all of it would take as long as the rest of the installation.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "lsr needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) -V 2>&1). Try: make PYTHON=python3.11"; exit 2; }
	@# Debian keeps what puts pip into an environment in a package of its own; a pip outside can stand in for it.
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(PYTHON) -m pip --version >/dev/null 2>&1 || \
	  { echo "$(PYTHON) cannot create environments. On Debian: apt-get install python3-venv"; exit 2; }
	@if $(PYTHON) -c 'import ensurepip' 2>/dev/null; then $(PYTHON) -m venv --clear $(VENV); else \
	  $(PYTHON) -m venv --clear --without-pip $(VENV) && \
	  $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check pip; fi
	$(BIN)/pip install --quiet --disable-pip-version-check --no-compile -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

install: $(STAMP)  ## create .venv with everything the project needs

demo: $(STAMP)  ## index Python's own documentation, ask it questions, measure the answers
	$(BIN)/lsr demo

test: $(STAMP)  ## run the tests, on all cores (at most 8: each worker takes up to 2 GB of memory)
	@# Those of the page run alone: what drives the browser keeps an event loop running, beside which no other can run.
	$(BIN)/pytest -n 0 tests/service/web
	$(BIN)/pytest -n auto --maxprocesses 8 --dist worksteal --ignore tests/service/web

lint: $(STAMP)  ## ruff: style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

docs: $(DOCS_STAMP)  ## build the documentation site in build/site; a broken link or a misspelt word is an error
	$(DOCS)/bin/codespell
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict
	@echo "open build/site/index.html"

$(DOCS_STAMP): docs/requirements.txt
	$(PYTHON) -m venv --clear $(DOCS)
	$(DOCS)/bin/pip install --quiet --disable-pip-version-check --no-compile -r docs/requirements.txt
	@touch $(DOCS_STAMP)

types: $(STAMP)  ## mypy
	@# mypy cannot follow the folder mapping of an editable install, so it is given the tree as a wheel would install it.
	@rm -rf build/types && mkdir -p build/types && cp -r lsr build/types/ && cp -r index training service eval build/types/lsr/
	cd build/types && MYPYPATH=. ../../$(BIN)/mypy --config-file ../../pyproject.toml -p lsr

bench: $(STAMP)  ## run short benchmarks and say what moved since the committed results; BENCH="--help" tells more
	$(BIN)/python benchmarks/run.py run --quick $(BENCH)

serve: $(STAMP)  ## serve the demo's index on http://127.0.0.1:8080
	@test -e lsr-demo/index || $(BIN)/lsr demo
	$(BIN)/lsr serve lsr-demo/index --port 8080

clean:  ## remove the environment and everything built
	rm -rf $(VENV) $(DOCS) build dist *.egg-info lsr-demo lsr-bench

.PHONY: help install demo test lint docs types bench serve clean
