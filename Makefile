# Every target does its own set-up: Python 3.12 or newer with pip is all it expects to find.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help review test lint wheel-test browser notebooks lock clean FORCE

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed
SPEC ?= tutorials/models/eight_schools.py
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# Ends with $python set, or with one line on stderr. A candidate is run, not looked up:
# version managers leave commands on the PATH that exist and do not start.
define FIND_PYTHON
python=; found=; \
if [ -n "$(PYTHON)" ]; then set -- "$(PYTHON)"; else set -- python3.13 python3.12 python3 python; fi; \
for name; do \
  version=$$("$$name" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null) || continue; \
  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 12))'; then python=$$name; break; fi; \
  found="$${found:+$$found, }$$name $$version"; \
done; \
if [ -z "$$python" ]; then \
  echo "poolwise needs Python 3.12 or newer; found $${found:-none that runs} (tried $$*). Name one: make $(firstword $(MAKECMDGOALS)) PYTHON=/path/to/python3.13" >&2; \
  exit 1; \
fi
endef

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' Makefile | \
	  while IFS='|' read -r target text; do printf '%-20s %s\n' "$$target" "$$text"; done
	@echo 'Set ARGS="…" to pass options on, PYTHON=… to choose the interpreter, SPEC=… to review another model.'

review: $(READY) ## Review the eight schools model and write its report
	@$(BIN)/poolwise review $(SPEC) $(ARGS)

test: $(READY) ## Run the tests: make test ARGS="-k shrinkage"
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(ARGS)

lint: $(READY) ## Check style, types and layers
	@echo "Checking style, types and layers…"
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/mypy tests
	@$(BIN)/lint-imports --no-logo

wheel-test: $(READY) ## Build the wheel and try it in an empty environment
	@$(BIN)/python -m pytest -m wheel tests/packaging $(ARGS)

browser: $(READY) ## Check a report in headless Chromium; POOLWISE_REPORTS=a.html:b.html names others
	@$(BIN)/python -m pytest -m browser tests/browser $(ARGS)

notebooks: $(READY) ## Execute the tutorials; their .ipynb files are rewritten
	@set --; \
	for source in tutorials/*.py; do \
	  grep -qs '^# %%' "$$source" || continue; \
	  $(BIN)/jupytext --quiet --to ipynb --set-kernel python3 "$$source" || exit 1; \
	  set -- "$$@" "$${source%.py}.ipynb"; \
	done; \
	if [ $$# -eq 0 ]; then echo "There are no notebooks in tutorials/ yet."; exit 0; fi; \
	$(BIN)/python -m pytest -W default --nbmake --nbmake-timeout=900 --overwrite "$$@" $(ARGS)

lock: $(VENV)/.locked ## Bring requirements.lock in line with pyproject.toml: make lock ARGS=--upgrade
	@$(BIN)/uv pip compile pyproject.toml --all-extras --universal --python-version 3.12 \
	  --generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock $(ARGS)

clean: ## Remove the environment, builds and caches; runs stay
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .grimp_cache .hypothesis

# Cleared first, so that it holds what the lock names and nothing else.
$(VENV)/.locked: requirements.lock
	@$(FIND_PYTHON); \
	echo "Setting up $(VENV) with Python $$version (about two minutes)…"; \
	if "$$python" -c 'import ensurepip' 2>/dev/null; then \
	  "$$python" -m venv --clear $(VENV); pip="$(BIN)/python -m pip"; \
	else \
	  "$$python" -m venv --clear --without-pip $(VENV); pip="$$python -m pip --python $(BIN)/python"; \
	fi && \
	$$pip install -qq --require-hashes -r requirements.lock && touch $@

# The strict editable install links file by file and does not see a new one, so a changed list reinstalls.
$(VENV)/.sources: $(VENV)/.locked FORCE
	@find workflow checks reports -name __pycache__ -prune -o -type f -print | LC_ALL=C sort > $@.new; \
	if cmp -s $@.new $@ && ls -d build/__editable__.poolwise-* >/dev/null 2>&1; then rm $@.new; else mv $@.new $@; fi

$(READY): $(VENV)/.sources pyproject.toml
	@echo "Installing poolwise into $(VENV)…"
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch $@

FORCE:
