# Needs make, git and Python 3.11, 3.12 or 3.13; everything else is installed into .venv on the first call.
#
#   PYTHON=/path/to/python  the Python to use (default: the newest that runs)
#   VENV=folder             where the virtual environment stands (default: .venv)
#   ARGS="-k dedupe -x"     further arguments for pytest or the benchmarks
#   BENCH=thresholds        the benchmark: run (default), thresholds, scale, steps or normalize

VENV ?= .venv
PYTHON ?=
ARGS ?=
BENCH ?= run
export VENV PYTHON

# It makes every start compile everything again.
unexport PYTHONDONTWRITEBYTECODE

ENVIRONMENT = @sh .ci/environment
BIN = $(VENV)/bin

# The entities of the seed article, one line a kind, the most frequent kind first.
define SEED_QUERY
SELECT left(title, 28) || '…' AS article, type AS kind, string_agg(DISTINCT name, ', ' ORDER BY name) AS names
FROM (SELECT title, entity.type AS type, entity.text AS name FROM (
    SELECT title, unnest(entities) AS entity FROM articles WHERE title LIKE 'US sees opportunity%'))
WHERE type IN ('PERSON', 'GPE', 'NORP', 'LOC')
GROUP BY ALL
ORDER BY count(*) DESC, kind
endef
export SEED_QUERY

.DEFAULT_GOAL := help
.PHONY: help install run test kills fuzz lint lock bench wheel clean
.NOTPARALLEL:

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: ## Ingest the samples in seeds/ and show the seed article with its entities
	$(ENVIRONMENT) install
	$(BIN)/beamwire run --config configs/seeds.yaml
	@echo "$(BIN)/beamwire query build/seeds \"$$SEED_QUERY\""
	@$(BIN)/beamwire query build/seeds "$$SEED_QUERY"

test: ## Run the tests
	$(ENVIRONMENT) install dev gcp
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist worksteal $(ARGS)

kills: ## Kill runs 200 times, at every point and at random moments; let runs race for commits
	$(ENVIRONMENT) install dev gcp
	$(BIN)/python -m tests.kills $(ARGS)
	$(BIN)/python -m tests.races

fuzz: ## Send spoiled documents through every parser for a minute
	$(ENVIRONMENT) install dev gcp
	$(BIN)/python -m tests.fuzz $(ARGS)

lint: ## Check style, format and types
	$(ENVIRONMENT) install dev gcp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: ## Run the benchmarks: beside a plain script that does the same, or BENCH
	$(ENVIRONMENT) install dev gcp
	$(BIN)/python -m tests.benchmarks.$(BENCH) $(ARGS)

wheel: ## Build the wheel into dist/ and check what is in it
	$(ENVIRONMENT) install dev gcp
	rm -rf dist
	$(BIN)/python -m build --wheel --no-isolation
	$(BIN)/check-wheel-contents dist

install: ## Make .venv with what `beamwire` needs to run
	$(ENVIRONMENT) install

lock: ## Make requirements.lock anew: the newest versions within the bounds of pyproject.toml
	$(ENVIRONMENT) lock

clean: ## Remove .venv and everything that was built
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find pipeline transforms tests -name __pycache__ -type d -prune -exec rm -rf {} +
