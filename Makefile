# Every target makes the environment it needs in .venv; a second run installs nothing.
PYTHON ?= python3
PIP_FLAGS ?=
ifeq ($(OS),Windows_NT)
BIN := .venv/Scripts
else
BIN := .venv/bin
endif

.PHONY: help demo test test-all check format bench bench-speed bench-recipes bench-reading bench-serving bench-scale bench-integrations model tables docs lesson release clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     learn MNIST to 99 % in seconds, score it on the test set, and say where the report is"
	@echo "make test     run the tests that guard behaviour, in a few minutes"
	@echo "make test-all run every test, with branch coverage, in 25 minutes"
	@echo "make check    lint, format, types, who imports whom, circles and long functions"
	@echo "make bench    measure everything in benchmarks/ (an hour or more), then write the tables of the README and docs"
	@echo "make model    train the bundled models anew (over two hours)"
	@echo "make docs     build the guide into build/site"
	@echo "make lesson   open a first hour of machine learning, main.ipynb"
	@echo "make format   format the code"
	@echo "make release  build what is published, check it, and list licences and packages, in dist/"
	@echo "make clean    remove the environment and all caches; runs stay"
	@echo
	@echo "PYTHON=python3.12 chooses the interpreter; PIP_FLAGS='--extra-index-url URL' another place for packages"

.venv/.train: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet $(PIP_FLAGS) -c constraints.txt -e '.[train]'
	touch $@

.venv/.dev: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet $(PIP_FLAGS) -c constraints.txt -e '.[train,dev]'
	touch $@ .venv/.train

demo: .venv/.train
	$(BIN)/python -m tenfold train
	$(BIN)/python -m tenfold evaluate

# Two at a time: tests wait more than they compute. Tests of one file stay together, for what they share.
PYTEST := $(BIN)/python -m pytest -n 2 --dist loadfile

test: .venv/.dev
	$(PYTEST) -m "not slow"

# All of them, also in processes that they start, and how much of the branches they go through.
test-all: .venv/.dev
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n 2 --dist loadfile
	$(BIN)/python -m coverage combine --quiet
	@echo "branch coverage, in percent:"
	$(BIN)/python -m coverage report --format=total --fail-under=96

check: .venv/.dev
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/lint-imports
	PATH="$(CURDIR)/$(BIN):$$PATH" VIRTUAL_ENV="$(CURDIR)/.venv" $(BIN)/pyright --verifytypes tenfold --ignoreexternal \
		>.mypy_cache/public.txt || { cat .mypy_cache/public.txt; false; }
	$(BIN)/python benchmarks/tables.py --check
	$(BIN)/python benchmarks/structure.py --check

docs: .venv/.dev
	$(BIN)/python docs/build.py

release:
	PYTHON="$(PYTHON)" PIP_FLAGS="$(PIP_FLAGS)" .ci/release

lesson: .venv/.lesson
	$(BIN)/python -m jupyterlab main.ipynb

.venv/.lesson: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet $(PIP_FLAGS) -c constraints.txt -e '.[lesson]'
	touch $@

format: .venv/.dev
	$(BIN)/ruff check --fix src tests benchmarks examples
	$(BIN)/ruff format src tests benchmarks examples

bench: bench-speed bench-recipes bench-reading bench-serving bench-scale bench-integrations tables

# The bundled models, trained anew and scored: 36 minutes for digits and 100 for lines, at last.
model: .venv/.dev
	$(BIN)/python benchmarks/model.py

bench-reading: .venv/.dev
	$(BIN)/python benchmarks/reading.py
	$(BIN)/python benchmarks/pages.py
	$(BIN)/python benchmarks/confidence.py
	$(BIN)/python benchmarks/finder.py

# The page's times and pictures, the site, the load and the teaching: 25 minutes; needs chromium and npm.
bench-serving: .venv/.dev
	$(BIN)/python benchmarks/serving.py
	$(BIN)/python benchmarks/trust.py
	$(BIN)/python benchmarks/gallery.py
	$(BIN)/python benchmarks/screenshots.py
	$(BIN)/python benchmarks/site.py
	$(BIN)/python benchmarks/teaching.py

# Tuning, studies and reading on 1 and 2 workers, locally and on Ray, and ranks: 25 minutes.
bench-scale: .venv/.dev
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/ranks.py

# The notebook, the guide, doctor, explain, watched and tracked trainings, the page that learns: 12 minutes.
bench-integrations: .venv/.dev
	$(BIN)/python benchmarks/integrations.py
	$(BIN)/python benchmarks/playing.py
	$(BIN)/python benchmarks/film.py

bench-speed: .venv/.dev
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/loop.py

bench-recipes: .venv/.dev
	$(BIN)/python benchmarks/recipes.py
	$(BIN)/python benchmarks/variants.py

tables: .venv/.dev
	$(BIN)/python benchmarks/tables.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist
