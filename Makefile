# The four commands a person must know: run, test, check, bench. Each installs what it needs.
PYTHON ?= python3.11
CONFIG ?= config/gateway.toml
HOST ?=
PORT ?=
KEYSTONE_PORT ?= 15000
CINDER_PORT ?= 18776

BIN := .venv/bin
STAMP := .venv/.installed
DEPENDENCIES := setup.cfg pyproject.toml

.PHONY: run test check bench matrix format clean cinder-up cinder-down

run: $(STAMP)-run
	@$(BIN)/snapgate serve --config '$(CONFIG)' $(if $(HOST),--host '$(HOST)') $(if $(PORT),--port '$(PORT)')

# All tests in four processes, which mostly wait, each file in one; what ARGS chooses in one.
test: $(STAMP)-test
	@$(BIN)/pytest $(or $(ARGS),-n 4)

check: $(STAMP)-check
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config setup.cfg
	$(BIN)/python -m tests.conformance.table

bench: $(STAMP)-test
	$(BIN)/python -m tests.bench $(ARGS)

# README's table of drivers, from what the conformance suite finds on each of them.
matrix: $(STAMP)-test
	$(BIN)/pytest tests/conformance tests/integration/cinder/test_conformance.py --snapshot-report .venv/report.json
	$(BIN)/python -m tests.conformance.table .venv/report.json

format: $(STAMP)-check
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# A real Keystone and a real Cinder to try things on, with an environment of their own in .cinder.
cinder-up cinder-down: cinder-%:
	@KEYSTONE_PORT='$(KEYSTONE_PORT)' CINDER_PORT='$(CINDER_PORT)' $(PYTHON) -m tests.integration.cinder.server $*

clean:
	rm -rf .venv build *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis

.venv/bin/python:
	$(PYTHON) -m venv .venv

$(STAMP)-run: .venv/bin/python $(DEPENDENCIES)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(STAMP)-test: .venv/bin/python $(DEPENDENCIES)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@ $(STAMP)-run

$(STAMP)-check: .venv/bin/python $(DEPENDENCIES)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[test,check]'
	@touch $@ $(STAMP)-run $(STAMP)-test
