# Yikatong: everything a developer runs. `make` alone prints this list.
.DEFAULT_GOAL := help
SHELL := /bin/bash
unexport PYTHONDONTWRITEBYTECODE # containers set it; then each process compiles all it imports, every time

UV_VERSION := 0.13.9
UV := .tools/bin/uv
PYTHON := .venv/bin/python
PYTEST := $(PYTHON) -m pytest -p no:cacheprovider -q -n 3 --dist loadfile --no-loadscope-reorder
DATABASE_TESTS := $(addprefix tests/,database issuance ledger registry properties/test_distribution.py)
SYSTEM_PACKAGES := chromium-headless-shell fonts-noto-cjk gettext opensc openssl pcsc-tools pcscd postgresql-15 python3-pyscard softhsm2 vsmartcard-vpcd

help: ## Show what each target does
	@grep -hE '^[a-zA-Z_-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@printf "  make %-14s %s\n" bench-NAME "Run one benchmark, for example make bench-gm (see docs/benchmarks.md)"

$(UV):
	python3 -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: $(UV) pyproject.toml uv.lock .python-version
	$(UV) sync --quiet --frozen
	@touch $@

setup: .venv/.synced ## Make .tools and .venv with the locked dependencies (demo, test and lint do it themselves)

setup-system: ## Install the Debian packages that tests of browsers, card readers, HSMs and PostgreSQL 15 need (sudo where you are not root)
	@missing=""; for p in $(SYSTEM_PACKAGES); do \
	  dpkg-query -W -f='$${Status}' $$p 2>/dev/null | grep -q "ok installed" || missing="$$missing $$p"; done; \
	if [ -z "$$missing" ]; then echo "Debian packages: all there ($(SYSTEM_PACKAGES))"; exit 0; fi; \
	echo "Debian packages to install:$$missing"; \
	if [ "$$(id -u)" = 0 ]; then run=""; elif command -v sudo >/dev/null; then run="sudo"; else \
	  echo "Not root and no sudo here: ask an administrator to run  apt-get install$$missing"; exit 1; fi; \
	$$run apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$run apt-get install -y -qq --no-install-recommends $$missing

demo: setup ## Start the whole platform on an embedded database with Beijing's places and 20,000 synthetic residents
	$(PYTHON) -m yikatong.config demo

test: setup setup-system ## Run every test; those of the database also on Debian's PostgreSQL 15
	$(PYTEST) tests
	YIKATONG_PG_BIN=/usr/lib/postgresql/15/bin $(PYTEST) --of-database -m "not journey and not slow" $(DATABASE_TESTS)

lint: setup ## Style, types, import contracts, lock file
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	.venv/bin/lint-imports
	$(UV) lock --check --quiet
	.ci/check-lock

bench: setup ## Run every benchmark
	@status=0; for f in bench/*.py; do n=$$(basename $$f .py); [ $$n = __init__ ] && continue; \
	  $(PYTHON) -m bench.$$n || status=1; done; exit $$status

bench-import: setup
	$(PYTHON) -m bench.registry_import

bench-%: setup
	$(PYTHON) -m bench.$(subst -,_,$*)

messages: setup ## Collect the texts after changing one, write the Traditional Chinese ones, compile all
	cd yikatong && ../$(PYTHON) -m django makemessages -l en --no-location
	$(PYTHON) -m tools.traditional
	cd yikatong && ../$(PYTHON) -m django compilemessages

screenshots: setup setup-system ## Photograph the key pages of a demo into docs/images/pages
	$(PYTHON) -m tools.screenshots

clean: ## Remove what setup made (not your data)
	rm -rf .tools .venv

.PHONY: help setup setup-system demo test lint bench messages screenshots clean
