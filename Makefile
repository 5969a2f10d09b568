# Every target sets itself up in .venv; all that has to be there is python3 (3.11 or later) with pip, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-long check bench clean

demo: $(VENV)/lab
	$(BIN)/python examples/demo.py

# As many processes as there are processors; `-n 0` for one, as in `make test PYTEST_ADDOPTS=-n0`.
test: $(VENV)/dev
	$(BIN)/python -m pytest -q -n auto --dist worksteal

test-long: $(VENV)/dev
	$(BIN)/python -m pytest -q -n auto --dist worksteal -m long

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: $(VENV)/lab
	$(BIN)/python benchmarks/create_and_delete.py
	$(BIN)/python benchmarks/sts.py

clean:
	rm -rf $(VENV) build dist demo-report.html

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/lab: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[lab]'
	touch $@

$(VENV)/dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ $(VENV)/lab
