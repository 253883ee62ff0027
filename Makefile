# Everything sets itself up: only Python 3.11+, make and pip are needed.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help demo serve test browser lint format prove bench sample digits lock messages clean
help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/.run: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Cotejo needs Python 3.11 or newer; name it with: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(BIN)/.dev: requirements-dev.lock $(BIN)/.run
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(BIN)/.bench: requirements-bench.lock $(BIN)/.dev
	$(BIN)/pip install --quiet --require-hashes -r requirements-bench.lock
	@touch $@

$(BIN)/.train: requirements-train.lock $(BIN)/.run
	$(BIN)/pip install --quiet --require-hashes -r requirements-train.lock
	@touch $@

demo: $(BIN)/.run ## the sample election, from photos to flagged stations
	$(BIN)/cotejo demo

serve: $(BIN)/.run ## the dashboard over the demo's mission
	$(BIN)/cotejo serve demo-mission

test: $(BIN)/.dev ## all tests that end within minutes and need no browser
	$(BIN)/python -m pytest -m "not browser and not prove"

browser: $(BIN)/.dev ## the tests in a real browser (Debian's chromium)
	$(BIN)/python -m pytest -m browser

lint: $(BIN)/.dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(BIN)/.dev ## let ruff write the layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

prove: $(BIN)/.dev ## whatever takes over two minutes: simulations, kill tests, long fuzzing
	$(BIN)/python -m pytest -m prove

bench: $(BIN)/.bench ## run benchmarks/ and write docs/benchmarks.md
	$(BIN)/python -m benchmarks

sample: $(BIN)/.dev ## make the sample election again (DIGITS = folder with MNIST's test files)
	$(BIN)/python -m sample_actas.generate --digits $(DIGITS) --out sample_actas

digits: $(BIN)/.train ## make the digit network's weights again (DIGITS = folder with MNIST, USPS, handwriting fonts)
	$(BIN)/python -m ocr.train.digits --digits $(DIGITS)
	$(BIN)/python -m ocr.train.hand --digits $(DIGITS) --writers 40

messages: $(BIN)/.dev ## collect the dashboard's strings and compile the translations
	$(BIN)/python -m dashboard.messages

lock: ## resolve pyproject.toml again into the lock files (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group pyproject.toml:build pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group pyproject.toml:dev --group pyproject.toml:build --extra cluster --extra postgres pyproject.toml -c requirements.lock -o requirements-dev.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group pyproject.toml:bench -c requirements-dev.lock -o requirements-bench.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --group pyproject.toml:train --group pyproject.toml:build pyproject.toml -c requirements-dev.lock -o requirements-train.lock

clean: ## remove what was built
	rm -rf $(VENV) demo-mission build dist .mypy_cache .pytest_cache .ruff_cache
