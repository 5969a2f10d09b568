# Every target sets itself up in .venv; all that has to be there is python3 (3.11 or later) with pip, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Nothing is installed whose hash is not in requirements/; `make lock` brings them up to date.
INSTALL := $(BIN)/python -m pip install --quiet --require-hashes
OURSELVES := $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
COMPILE := $(VENV)/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
  --custom-compile-command "make lock"

.PHONY: demo test test-long check bench mutants lock sbom dist clean

demo: $(VENV)/lab
	$(BIN)/python examples/demo.py

# More processes than processors, since tests wait, too. `.venv/bin/pytest` alone runs both parts in one process.
PARALLEL = -n $(shell $(PYTHON) -c 'import os; print((os.cpu_count() or 1) * 3 // 2)') --dist worksteal

test: $(VENV)/dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -q $(PARALLEL) -m "not long and not harness"
	$(BIN)/coverage combine --quiet
	@echo "of all lines and branches, in percent (where: $(BIN)/coverage report --skip-covered --show-missing):"
	$(BIN)/coverage report --format=total
	$(BIN)/python -m pytest -q $(PARALLEL) -m "harness and not long"

test-long: $(VENV)/dev
	$(BIN)/python -m pytest -q $(PARALLEL) -m long

check: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive src
	$(BIN)/lint-imports
	$(BIN)/mypy

bench: $(VENV)/lab
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.scale
	$(BIN)/python -m benchmarks.create_and_delete
	$(BIN)/python -m benchmarks.verify
	$(BIN)/python -m benchmarks.sts

# Every small change of what lets a token in, of the key sets and of the diffs must be noticed by a test.
mutants: $(VENV)/dev
	$(BIN)/python -m tests.mutants.run

# `make lock UPGRADE=--upgrade` for the newest of everything; without it what is pinned stays, and the rest is added.
lock: $(VENV)/lock
	$(COMPILE) $(UPGRADE) --extra dev pyproject.toml requirements/build.in -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt --extra lab pyproject.toml requirements/build.in -o requirements/lab.txt
	$(COMPILE) -c requirements/dev.txt pyproject.toml -o requirements/run.txt

# What an installed ccoctl is made of, as CycloneDX, read from an environment that holds nothing else.
sbom: $(VENV)/dev
	rm -rf build/sbom && $(PYTHON) -m venv build/sbom
	$(INSTALL:$(BIN)/%=build/sbom/bin/%) -r requirements/run.txt
	build/sbom/bin/python -m pip uninstall --quiet --yes pip setuptools
	sed "s/^dynamic = .*/version = \"$$($(BIN)/python -m hatchling version)\"/" pyproject.toml >build/pyproject.toml
	mkdir -p dist && $(BIN)/cyclonedx-py environment --pyproject build/pyproject.toml --mc-type application \
	  --output-reproducible --output-file dist/ccoctl.cdx.json build/sbom/bin/python

# The same tree gives the same bytes: archives carry no times, users or modes of this machine.
dist: $(VENV)/dev
	$(BIN)/python -m hatchling build

clean:
	rm -rf $(VENV) build dist demo-report.html

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "python 3.11 or later is needed")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/lab: pyproject.toml requirements/lab.txt | $(VENV)/bin/python
	$(INSTALL) -r requirements/lab.txt
	$(OURSELVES)
	touch $@

$(VENV)/dev: pyproject.toml requirements/dev.txt | $(VENV)/bin/python
	$(INSTALL) -r requirements/dev.txt
	$(OURSELVES)
	touch $@ $(VENV)/lab

$(VENV)/lock: | $(VENV)/bin/python
	$(PYTHON) -m venv $@
	$@/bin/pip install --quiet uv
