# The two commands of a newcomer: `make run` and `make test`. Nothing but Python 3.11 and make is needed.
# `make help` lists the rest.

PORT   ?= 8000
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV   ?= .venv
PIP     = $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet
PY      = $(VENV)/bin/python
ARGS   ?=
FILE   ?=

.DEFAULT_GOAL := help
.PHONY: help run demo roads test lint schema backup restore adversarial fuzz bench drills clean

help:  ## Say what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: $(VENV)/.installed-roads  ## Start everything with demo data at http://127.0.0.1:$PORT (default 8000)
	@exec $(PY) manage.py demo --port $(PORT)

demo: $(VENV)/.installed-roads  ## The same with a moving world: vehicles drive, people ask for help
	@exec $(PY) manage.py demo --port $(PORT) --simulate $(ARGS)

roads: $(VENV)/.installed-roads  ## Build streets, places and driving times: make roads FILE=algeria-latest.osm.pbf
	@test -n "$(FILE)" || { echo "Which extract? make roads FILE=algeria-latest.osm.pbf (from download.geofabrik.de; small ones: depannini_dashmap/lib/roads/extracts/)" >&2; exit 2; }
	@$(PY) manage.py roads "$(FILE)" $(ARGS)

test: $(VENV)/.installed-roads  ## Run the whole test suite; ARGS goes to pytest
	$(PY) -m pytest -n 2 --dist worksteal $(ARGS)

lint: $(VENV)/.installed-dev  ## Style, types, direction of imports, code that nothing calls
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	@! $(VENV)/bin/vulture | grep -vE "unused (variable|attribute) "

adversarial: $(VENV)/.installed  ## Attack running servers over TCP (needs PostgreSQL and Redis) and print what held
	$(PY) -m pytest -c adversarial/pytest.ini --rootdir=. adversarial $(ARGS)

fuzz: $(VENV)/.installed-dev  ## Fuzz the API by its schema, as everyone, and by random histories (needs PostgreSQL and Redis)
	PATH="$(VENV)/bin:$$PATH" $(PY) -m fuzz.run $(ARGS)

bench: $(VENV)/.installed  ## Measure everything as ratios (needs PostgreSQL and Redis); a first look: ARGS=--quick
	DATABASE_URL="$${DATABASE_URL:-postgres://postgres@127.0.0.1:5432/postgres}" REDIS_URL="$${REDIS_URL:-redis://127.0.0.1:6379/3}" $(PY) -m bench.run_all $(ARGS)

drills: $(VENV)/.installed  ## Break databases and processes of its own under load; ARGS names drills
	$(PY) -m bench.drills $(ARGS)

schema: $(VENV)/.installed  ## Write docs/openapi.yaml anew
	$(PY) manage.py spectacular --file docs/openapi.yaml --validate --fail-on-warn

backup: $(VENV)/.installed  ## Save database and photos under backups/
	$(PY) manage.py backup $(ARGS)

restore: $(VENV)/.installed  ## Bring a backup back: make restore FILE=backups/….tar.gz
	@test -n "$(FILE)" || { echo "Which one? make restore FILE=backups/<name>.tar.gz" >&2; exit 2; }
	$(PY) manage.py restore "$(FILE)" $(ARGS)

clean:  ## Remove the virtual environment and caches; data stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Python 3.11 or newer is needed; '$(PYTHON)' is not. Name one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "Python's venv module is missing (Debian: apt-get install python3-venv)" >&2; rm -rf $(VENV); exit 1; }

$(VENV)/.installed: requirements.txt | $(VENV)/bin/python
	@echo "Installing what requirements.txt names into $(VENV) (about a minute, once) ..."
	@$(PIP) -r requirements.txt
	@touch $@

# Roads are an addition: where their packages cannot be had, everything else still works.
$(VENV)/.installed-roads: requirements-roads.txt $(VENV)/.installed
	@echo "Installing what reads OpenStreetMap data ..."
	@$(PIP) -r requirements-roads.txt || echo "The packages of requirements-roads.txt cannot be had here: make roads will not work, everything else does." >&2
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what requirements-dev.txt adds ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@
