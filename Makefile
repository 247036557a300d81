# Two commands do all set-up on a fresh machine with Python >= 3.11: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO ?= tweets-demo
MLFLOW3 := 'mlflow-skinny==3.17.2' 'scikit-learn>=1.6' 'pandas>=2.2' 'skops>=0.13' 'lightgbm>=4.5' 'matplotlib>=3.9'
# Under a newer OpenTelemetry it drops every trace without a word, whatever the server.
MLFLOW2 := 'mlflow-skinny==2.22.5' 'scikit-learn>=1.6' 'pandas>=2.2,<3' 'lightgbm>=4.5' 'opentelemetry-sdk<1.31'
PLUGINS := torch lightning catboost xgboost-cpu lightgbm matplotlib plotly pillow pandas ipykernel nbclient pytest hypothesis
CLIENTS := $(addprefix build/clients/,mlflow2/.made mlflow3/.made schemathesis/.made)
ROOMS ?= $(addprefix tests/,data labels tracking mlflow models pipelines keeping monitoring predictions story continuous members server workspace remotes serving)

.PHONY: demo test test-postgresql test-plugins check bench faults docs clean

demo: $(VENV)/.base  ## the whole line on real tweets, in the folder $(DEMO)
	@$(BIN)/ropeway demo $(DEMO)

test: $(VENV)/.dev $(CLIENTS)  ## every test
	$(BIN)/pytest -n 2 --dist loadfile

test-postgresql: $(VENV)/.dev  ## the rooms' own tests once more, with their ledgers in PostgreSQL
	$(BIN)/pytest -n 2 --dist loadfile --ledger postgresql $(ROOMS)

test-plugins: build/clients/plugins/.made  ## the plug-ins with the real frameworks: installs 6 GB, once
	build/clients/plugins/bin/python -m pytest -q tests/plugins/real

check: $(VENV)/.dev  ## format, lint, types, layers
	$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: $(VENV)/.dev  ## every figure beside its peer or limit, into docs/benchmarks.md
	$(BIN)/python -m benchmarks

faults: $(VENV)/.dev  ## every kind of fault in full, into docs/faults.md; takes hours
	$(BIN)/python -m tests.faults all --page

docs: $(VENV)/.dev  ## the pages that are made from the code
	$(BIN)/python -m docs.generate

# Foreign clients have an environment of their own: what they need must not be what we need.
build/clients/mlflow3/.made: Makefile
	@echo "Installing MLflow's client into build/clients/mlflow3 …"
	@$(PYTHON) -m venv build/clients/mlflow3
	@build/clients/mlflow3/bin/pip install --quiet --disable-pip-version-check $(MLFLOW3) && touch $@

build/clients/mlflow2/.made: Makefile
	@echo "Installing the last 2.x of it into build/clients/mlflow2 …"
	@$(PYTHON) -m venv build/clients/mlflow2
	@build/clients/mlflow2/bin/pip install --quiet --disable-pip-version-check $(MLFLOW2) && touch $@

build/clients/schemathesis/.made: Makefile
	@echo "Installing Schemathesis into build/clients/schemathesis …"
	@$(PYTHON) -m venv build/clients/schemathesis
	@build/clients/schemathesis/bin/pip install --quiet --disable-pip-version-check 'schemathesis>=4.32,<5' && touch $@

build/clients/plugins/.made: Makefile pyproject.toml
	@echo "Installing PyTorch, Lightning, boosters, figures and Jupyter into build/clients/plugins …"
	@$(PYTHON) -m venv build/clients/plugins
	@build/clients/plugins/bin/pip install --quiet --disable-pip-version-check -e '.[sklearn]' $(PLUGINS) && touch $@

clean:
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else f"Ropeway needs Python 3.11 or newer; $(PYTHON) is {v.major}.{v.minor}. Try: make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --upgrade pip

$(VENV)/.base: pyproject.toml | $(VENV)/bin/pip
	@echo "Installing Ropeway and scikit-learn into $(VENV) …"
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[sklearn]' && touch $@

$(VENV)/.dev: $(VENV)/.base
	@$(BIN)/pip install --quiet --disable-pip-version-check --group dev && touch $@
