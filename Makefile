# What one does here, by name. `make help` lists it.

venv := .venv
python := $(venv)/bin/python
installed := $(venv)/.installed-from-requirements.lock
installed_dev := $(venv)/.installed-from-requirements-dev.lock
lock := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11

# Every server that a test starts would be compiled anew.
unexport PYTHONDONTWRITEBYTECODE
# How long to look for what is found by chance.
export WHARF_TEST_EFFORT ?= $(or $(EFFORT),1)

.PHONY: help serve check test conformance soak fuzz bench lock
.DEFAULT_GOAL := help

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

serve: $(installed) ## run the registry on localhost:5000, its data in ./data
	$(venv)/bin/wharf serve --data ./data

check: $(installed_dev) ## style, types, import rules and the tests that need nothing but Python
	$(venv)/bin/ruff check
	$(venv)/bin/ruff format --check
	$(venv)/bin/mypy
	$(venv)/bin/lint-imports
	$(python) -m pytest -q -n 2 -m "not system and not slow"

test: $(installed_dev) ## everything, with real programs: clients, databases, object stores
	bash tests/install
	$(python) -m pytest -q -n 2 -m "not system or postgresql"
	$(python) -m pytest -q -n 2 --dist loadgroup -m "system and not postgresql"

conformance: $(installed_dev) ## the official conformance tests alone
	bash tests/install
	$(python) -m pytest -q tests/system/test_conformance.py

soak: $(installed_dev) ## clients push, pull and delete for MINUTES while everything is collected, on BACKEND (local, shared); then all is checked
	bash tests/install
	WHARF_TEST_SOAK_MINUTES=$(or $(MINUTES),5) WHARF_TEST_SOAK_BACKEND=$(BACKEND) $(python) -m pytest -q -s tests/system/test_soak.py

fuzz: $(installed_dev) ## every parser on bytes that nobody has thought of, each for SECONDS
	$(install) --require-hashes -r requirements-fuzz.lock
	$(python) -m tests.fuzz $(or $(SECONDS),10) $(TARGETS)

bench: $(installed_dev) ## measure it
	$(python) -m bench

lock: ## renew the locks
	@PATH="$$PWD/$(venv)/bin:$$PATH" command -v uv >/dev/null || { echo "uv is needed: $(python) -m pip install uv"; exit 1; }
	PATH="$$PWD/$(venv)/bin:$$PATH" $(lock) --upgrade pyproject.toml --group build -o requirements.lock
	PATH="$$PWD/$(venv)/bin:$$PATH" $(lock) --upgrade pyproject.toml --group build --group dev -c requirements.lock -o requirements-dev.lock
	PATH="$$PWD/$(venv)/bin:$$PATH" $(lock) --upgrade --only-binary atheris --group fuzz -o requirements-fuzz.lock

# A virtual environment is made once, and filled again only when its lock or the package's own description changed.
# Every download is checked against the lock's hashes; the package itself is built with what the lock has installed.
install = $(python) -m pip install --quiet --disable-pip-version-check

$(python):
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this one is $$(python3 --version)"; exit 1; }
	@python3 -c 'import ensurepip' 2>/dev/null || bash -c '\
	  echo "python3 has no venv module here; on Debian it is the package python3-venv"; \
	  [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && apt-get update -q && apt-get install -q -y --no-install-recommends python3-venv'
	python3 -m venv $(venv)

$(installed): requirements.lock pyproject.toml | $(python)
	$(install) --require-hashes -r requirements.lock
	$(install) --no-deps --no-build-isolation -e .
	touch $@

$(installed_dev): requirements-dev.lock pyproject.toml | $(python)
	$(install) --require-hashes -r requirements-dev.lock
	$(install) --no-deps --no-build-isolation -e .
	touch $@ $(installed)
