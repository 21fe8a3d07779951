# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test docs clean

# Exit code 1 means that there are findings, as there should be here.
demo: $(VENV)/.base
	@$(BIN)/perfcheck lint fixtures/scripts/*.py --statistics; test $$? -eq 1

test: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist worksteal

# The documentation site, in build/site.
docs: $(VENV)/.docs
	$(BIN)/mkdocs build --strict --quiet --config-file docs/site/mkdocs.yml

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .perfcheck_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/pip:
	$(PYTHON) -m venv $(VENV)

# The linter alone.
$(VENV)/.base: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable .
	@touch $@

# And everything the tests need.
$(VENV)/.dev: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.base

$(VENV)/.docs: pyproject.toml | $(BIN)/pip
	$(BIN)/pip install --quiet --editable '.[docs]'
	@touch $@ $(VENV)/.base
