# Everything goes through the project's own environment in .venv; nothing else of the machine is used.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Processes that share the tests, a file of them at a time: servers are started once for each process.
WORKERS ?= 2

.PHONY: run test check format bench soak clean

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Fieldgate needs Python 3.11 or later: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --group dev
	@touch $@

run: $(VENV)/.installed  ## The sandbox and the gateway, with nothing to configure.
	@$(BIN)/fieldgate sandbox $(ARGS)

test: $(VENV)/.installed-dev  ## The whole suite, real servers included.
	@# Compiled code is kept, whatever the environment says: a run starts hundreds of processes.
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(VENV)/.installed-dev  ## Format, lint, types, import rules.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev  ## The product beside its peers; skips, and says so, without the bench folder.
	@$(BIN)/python -m tests.bench $(ARGS)

soak: $(VENV)/.installed-dev  ## The heavy suites in full, some half an hour; writes docs/reliability.md.
	@$(BIN)/python -m tests.soak $(ARGS)

clean:
	rm -rf $(VENV) .cache .bench .fieldgate dist build
