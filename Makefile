# Everything here sets up what it needs first; running it again is fast. `make help` lists the targets.

VENV ?= .venv
BIN := $(VENV)/bin
WITNESSES := tests/witnesses
LTIJS := bench/ltijs
BENCH_PEERS = $(if $(filter sign,$(NAME)),$(WITNESSES)/node_modules/.package-lock.json) \
	$(if $(filter launch,$(NAME)),$(LTIJS)/node_modules/.stamp-built)
OPENEDX := $(VENV)/openedx
VALIDATOR := $(VENV)/openbadges-validator
# The longest tests come first, so that none of them runs alone at the end.
SUITES := $(wildcard tests/functional) $(wildcard tests/conformance tests/witnesses tests/architecture tests/unit)
BROWSER_TESTS := $(wildcard tests/browser/test_*.py)
TRANSLATIONS := $(wildcard lti_tool/translations/*/LC_MESSAGES/*.po)
WORKERS ?= 2
ARGS ?=

# The first Python that is new enough; `make demo PYTHON=…` names another.
PYTHON ?= $(shell for one in python3 python3.13 python3.12 python3.11; do \
	"$$one" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$one"; break; }; done)
CHROMIUM ?= $(firstword $(wildcard /usr/bin/chromium))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo dev test sure lint fmt types unit architecture witnesses conformance functional browser bench wheel lock \
	translations clean set-up openedx openbadges-validator need-node need-chromium need-browsers

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.stamp-project  ## try it: an LMS, a course and the tool on this machine (ARGS="--once --json")
	@$(BIN)/lti-badges demo $(ARGS)

dev: set-up  ## set up everything for working on the code
	@echo "Ready: . $(BIN)/activate, then lti-badges --help, or make unit."

test: set-up lint types  ## all checks and suites, as in CI (needs node, and apt as root when there is no Chromium)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(SUITES)
	@$(if $(BROWSER_TESTS),CHROMIUM="$(or $(CHROMIUM),/usr/bin/chromium)" $(BIN)/python -m pytest tests/browser)

sure: test  ## the same as CI

lint: $(VENV)/.stamp-test  ## style and common mistakes
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

fmt: $(VENV)/.stamp-test  ## format the code, and fix what can be fixed
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

types: $(VENV)/.stamp-test  ## types, strictly
	@$(BIN)/mypy

unit: $(VENV)/.stamp-test  ## one module at a time (ARGS="-k launch")
	@$(BIN)/python -m pytest tests/unit $(ARGS)

architecture: $(VENV)/.stamp-test  ## imports, fences, documentation, translations
	@$(BIN)/python -m pytest tests/architecture $(ARGS)

witnesses: $(VENV)/.stamp-test $(WITNESSES)/node_modules/.package-lock.json $(VALIDATOR)/.stamp  ## the verifiers nobody here wrote, tested themselves
	@$(BIN)/python -m pytest tests/witnesses $(ARGS)

conformance: $(VENV)/.stamp-test $(WITNESSES)/node_modules/.package-lock.json $(VALIDATOR)/.stamp  ## the standards, clause by clause
	@$(BIN)/python -m pytest -n $(WORKERS) tests/conformance $(ARGS)

functional: $(VENV)/.stamp-test $(WITNESSES)/node_modules/.package-lock.json $(OPENEDX)/.stamp $(VALIDATOR)/.stamp  ## several parts together, on SQLite and PostgreSQL
	@$(BIN)/python -m pytest -n $(WORKERS) tests/functional $(ARGS)

browser: $(VENV)/.stamp-test need-chromium need-browsers  ## the pages in a real browser
	@CHROMIUM="$(or $(CHROMIUM),/usr/bin/chromium)" $(BIN)/python -m pytest tests/browser $(ARGS)

bench: $(VENV)/.stamp-test $(BENCH_PEERS)  ## measure against peers (NAME=deliver|launch|sign|sweep|rules|institution)
	@test -n "$(NAME)" || { echo "make bench needs NAME=deliver|launch|sign|sweep|rules|institution"; exit 2; }
	@$(BIN)/python -m bench $(NAME) $(ARGS)

# Texts without a translation are left empty; `make architecture` names them until somebody writes them.
translations: $(VENV)/.stamp-test  ## collect the texts people read, bring the catalogues up to date, compile them
	@mkdir -p build
	@$(BIN)/pybabel -q extract -F babel.cfg -k lazy_gettext -k _l --add-location=file --sort-by-file -o build/messages.pot .
	@$(BIN)/pybabel -q update -i build/messages.pot -d lti_tool/translations -w 120 --no-fuzzy-matching \
		--ignore-obsolete --ignore-pot-creation-date
	@$(MAKE) --no-print-directory $(VENV)/.stamp-project

wheel: $(VENV)/.stamp-test  ## build the wheel into dist/
	@$(BIN)/python -m hatchling build -t wheel

# The large lock is resolved first and constrains the smaller ones. UPGRADE=--upgrade takes newer versions.
COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
	--custom-compile-command 'make lock' $(UPGRADE)
lock: $(VENV)/.stamp-uv  ## pin the dependencies of pyproject.toml, with hashes
	@mkdir -p build
	@echo 'uv==0.13.9' | $(COMPILE) - -o requirements-uv.lock
	@$(COMPILE) --extra test pyproject.toml -o requirements-test.lock
	@$(COMPILE) --extra demo --extra build pyproject.toml -c requirements-test.lock -o requirements-demo.lock
	@$(COMPILE) pyproject.toml -c requirements-test.lock -o requirements.lock
	@printf 'lti-consumer-xblock==11.4.4\ncryptography>=50\n' | $(COMPILE) - -o requirements-openedx.lock
	@echo 'pycryptodome==3.23.0' > build/overrides.txt
	@echo 'openbadges==1.1.2' | $(COMPILE) --override build/overrides.txt - -o requirements-openbadges.lock
	@for one in $(WITNESSES) $(LTIJS); do (cd $$one && npm install --package-lock-only --no-progress --loglevel=error); done

clean:  ## remove what was set up or built (var/, the data of a development database, stays)
	rm -rf $(VENV) dist build $(WITNESSES)/node_modules $(LTIJS)/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
	find lti_tool tests migrations bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
	find lti_tool/translations -name '*.mo' -delete

# -- what the targets stand on ----------------------------------------------------------------------------------------

set-up: $(VENV)/.stamp-test $(WITNESSES)/node_modules/.package-lock.json $(OPENEDX)/.stamp $(VALIDATOR)/.stamp need-chromium need-browsers

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is missing. Debian: apt install python3 python3-venv;" \
		"or name one: make demo PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) …"
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) cannot make a virtual environment." \
		"Debian: apt install python3-venv" >&2; exit 1; }

# uv installs in a few seconds; where it cannot be had or cannot reach a package index, pip does the same.
$(VENV)/.stamp-uv: requirements-uv.lock | $(BIN)/python
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $< 2>/dev/null || \
		echo "uv is not available here; pip installs instead, which takes longer."
	@touch $@

define install
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r $< 2>/dev/null || \
		$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
endef

$(VENV)/.stamp-demo: requirements-demo.lock $(VENV)/.stamp-uv
	@echo "Installing the packages of $< …"
	$(install)
	@touch $@

$(VENV)/.stamp-packages: requirements-test.lock $(VENV)/.stamp-uv
	@echo "Installing the packages of $< …"
	$(install)
	@touch $@ $(VENV)/.stamp-demo

# The build hook compiles the translations, so a changed .po installs the project again (a second).
$(VENV)/.stamp-project: pyproject.toml build_hook.py $(TRANSLATIONS) $(VENV)/.stamp-demo
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# The test lock is a superset of the demo's, and comes first so that only one of them is installed.
$(VENV)/.stamp-test: $(VENV)/.stamp-packages $(VENV)/.stamp-project
	@touch $@

# Open edX's LTI consumer is a platform that the tests launch from. It brings Django, so it gets an environment of its own.
openedx: $(OPENEDX)/.stamp

$(OPENEDX)/.stamp: requirements-openedx.lock $(VENV)/.stamp-uv
	@echo "Installing the packages of $< …"
	@rm -rf $(OPENEDX) && $(BIN)/python -m venv --without-pip $(OPENEDX)
	@$(BIN)/uv pip install -q --python $(OPENEDX)/bin/python --require-hashes -r $< 2>/dev/null || \
		$(BIN)/python -m pip --python $(OPENEDX)/bin/python install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

# The official validator of Open Badges 2.0 pins packages of its time, so it gets one, too; --no-deps because the lock
# takes a newer pycryptodome than it pins, which builds on a Python of today.
openbadges-validator: $(VALIDATOR)/.stamp

$(VALIDATOR)/.stamp: requirements-openbadges.lock $(VENV)/.stamp-uv
	@echo "Installing the packages of $< …"
	@rm -rf $(VALIDATOR) && $(BIN)/python -m venv --without-pip $(VALIDATOR)
	@$(BIN)/uv pip install -q --python $(VALIDATOR)/bin/python --no-deps --require-hashes -r $< 2>/dev/null || \
		$(BIN)/python -m pip --python $(VALIDATOR)/bin/python install -q --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

need-node:
	@node -e 'process.exit(process.versions.node.split(".")[0] < 20 ? 1 : 0)' 2>/dev/null && npm --version >/dev/null 2>&1 || \
		{ echo "Node.js 20 or newer with npm is missing: the verifiers of $(WITNESSES) need it." \
		"Debian: apt install nodejs npm" >&2; exit 1; }

$(WITNESSES)/node_modules/.package-lock.json: $(WITNESSES)/package-lock.json $(WITNESSES)/package.json | need-node
	@echo "Installing the packages of $< …"
	@cd $(WITNESSES) && npm ci --no-progress --loglevel=error >/dev/null
	@touch $@

# ltijs keeps its data in SQLite through a package with a part in C++, which npm fetches or builds.
$(LTIJS)/node_modules/.stamp-built: $(LTIJS)/package-lock.json $(LTIJS)/package.json | need-node
	@echo "Installing the packages of $<; building SQLite for them can take a minute …"
	@cd $(LTIJS) && npm ci --no-progress --loglevel=error >/dev/null && \
		npm rebuild sqlite3 --ignore-scripts=false --loglevel=error >/dev/null 2>&1 || \
		{ echo "sqlite3 of npm cannot be built: a C++ compiler, make and python3 are needed." \
		"Debian: apt install g++ make; or measure without ltijs: .venv/bin/python -m bench launch" >&2; exit 1; }
	@touch $@

# One journey each in Firefox and WebKit; Chromium does the rest.
need-browsers:
	@if ! { command -v WebKitWebDriver && command -v firefox-esr && command -v Xvfb; } >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Firefox and WebKitGTK with apt …"; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
				webkit2gtk-driver xvfb firefox-esr; } >/dev/null || \
				{ echo "apt could not install webkit2gtk-driver, xvfb and firefox-esr." >&2; exit 1; }; \
		else \
			echo "Firefox or WebKitGTK is missing. Debian, as root: apt install webkit2gtk-driver xvfb firefox-esr" >&2; exit 1; \
		fi; \
	fi

need-chromium:
	@if [ -z "$(CHROMIUM)" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Chromium with apt …"; \
			{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; } \
				>/dev/null || { echo "apt could not install chromium." >&2; exit 1; }; \
		else \
			echo "Chromium is missing. Debian, as root: apt install chromium; or name one: make test CHROMIUM=/path" >&2; exit 1; \
		fi; \
	fi
