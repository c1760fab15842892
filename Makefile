# Everything a user runs. `make install` is a prerequisite of the rest and costs nothing when nothing changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install crawl demo test lint docs bench lock clean

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP)  ## set up .venv with everything, pinned and hash-checked

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("rfi-news needs Python 3.11 or newer; %s is %s. Try: make install PYTHON=python3.11" % (sys.executable, sys.version.split()[0]) if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo 'Installing into $(VENV) (once; a minute or two) …'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

crawl: install  ## crawl RFI 中文 into the store: make crawl ARGS="-a topics=中国 -a since=2026-01-31"
	@$(BIN)/scrapy crawl rfi_cn $(ARGS)

demo: install  ## the same crawl, offline, over the bundled site of invented news
	@$(BIN)/python -m rfi_news.demo

test: install  ## all tests, offline
	@$(BIN)/python -m pytest -n 4 --dist worksteal

lint: install  ## ruff and mypy, both strict
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

docs: install  ## write docs/fields.md anew from rfi_news/items.py
	@$(BIN)/python docs/fields.py

bench: install  ## speed, as ratios within one run
	@$(BIN)/python bench/bench.py $(ARGS)

lock: install  ## pin requirements.txt anew
	@$(BIN)/python -m pip install --quiet pip-tools
	@$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-header --no-annotate --extra embedded --extra render --extra parquet --extra dev --output-file requirements.txt pyproject.toml

clean:  ## remove .venv and caches; data/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache build dist
