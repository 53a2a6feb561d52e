# 随查. `make help` lists everything. Nothing here needs more than Python 3.11 and a package index.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

.PHONY: help venv demo serve test quick check bench fuzz node-stranger pictures migration system audit-packages clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

venv: $(STAMP) ## Make .venv and install suicha with its test tools into it

# hatchling: the packaging test builds the wheel without the network
$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]' 'hatchling>=1.27'
	@touch $@

demo: venv ## Play a county's whole inspection round on the simulated chat services
	$(BIN)/suicha demo

serve: venv ## Migrate the database of .env and serve
	$(BIN)/suicha migrate
	$(BIN)/suicha serve

test: venv system ## Run every test: rules, both databases, contracts, stories, browser
	$(BIN)/python -m pytest -n $(WORKERS)

quick: venv ## Run the tests that need neither browser nor PostgreSQL and are not slow
	$(BIN)/python -m pytest -n $(WORKERS) -m 'not browser and not postgres and not slow'

check: venv ## Format, lint, types, import contracts, templates, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest tests/test_house.py tests/test_migrations.py -m 'not postgres'

bench: venv ## Run every measurement, each beside a peer or a floor
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[peers]'
	@for script in bench/[!_]*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

fuzz: venv ## Try 200,000 hostile inputs, grown by coverage, on all that reads WeCom, and as many on DingTalk
	$(BIN)/python -m tests.platforms.wecom.fuzz 200000
	$(BIN)/python -m tests.platforms.dingtalk.fuzz 200000

node-stranger: venv ## Let the npm client dingtalk-stream talk to the simulated DingTalk (needs node and npm)
	@{ command -v node && command -v npm; } >/dev/null || { echo 'Please install Node.js with npm first; nothing else here needs it' >&2; exit 1; }
	npm install --prefix $(VENV)/node --silent --no-audit --no-fund dingtalk-stream@2
	NODE_STRANGERS=$(VENV)/node/node_modules $(BIN)/python -m pytest tests/simulator/dingtalk_node.py

endurance: venv ## Tell 10,000 people while requests fail and processes are killed and frozen
	STORY_PEOPLE=10000 $(BIN)/python -m pytest -s tests/stories/test_ten_thousand.py

pictures: venv system ## Take the README's pictures of the running demo again
	$(BIN)/python -m docs.pictures
	$(BIN)/python -m docs.visit_pictures
	$(BIN)/python -m docs.wecom_pictures
	$(BIN)/python -m docs.dingtalk_pictures

migration: venv ## Draft a migration from what the models have: make migration m="add a column"
	@test -n '$(m)' || { echo 'Say what it does: make migration m="add a column"' >&2; exit 2; }
	$(BIN)/python -c 'import sys; from bot.migrations import draft; print(draft(sys.argv[1]))' '$(m)'

system: ## Install Chromium and a Chinese font when root, otherwise say which packages are missing
	@missing=(); \
	command -v chromium >/dev/null || missing+=(chromium); \
	fc-list :lang=zh 2>/dev/null | grep -q . || missing+=(fontconfig fonts-noto-cjk); \
	if [ $${#missing[@]} -eq 0 ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
	else \
	  echo "Missing packages, please install them (Debian names): $${missing[*]}" >&2; exit 1; \
	fi

audit-packages: venv ## Ask the package index for known holes in what is installed (needs the network)
	$(BIN)/pip-audit --skip-editable --progress-spinner off

clean: ## Remove what tools left behind; keeps databases and .env
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist
