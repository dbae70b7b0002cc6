# make book    sets up .venv, executes every page, builds the book
# make serve   shows the book on this computer
# make test    lint, unit tests, every notebook, the book's own tests
# Needs Python >= 3.11, git and make. Other targets: CONTRIBUTING.md. Windows without make: README.md.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The first Python on this computer that is new enough; `make PYTHON=/path/to/python book` decides otherwise.
NEW_ENOUGH := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11 python3.14 python,\
            $(shell $(p) -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo $(p))))

BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
INSTALLED := .venv/installed
READY := .venv/ready
PYODIDE := .venv/pyodide/VERSION
BUILT := _build/built
WORKERS ?= 2
# Waiting threads sleep: with several pages at once on two cores, spinning ones slow gradient boosting several-fold.
export OMP_WAIT_POLICY ?= passive
# One thread for the algebra of small matrices: a second one costs more than it brings, and spins in spite of the line above.
export OPENBLAS_NUM_THREADS ?= 1

SOURCES := _config.yml _toc.yml requirements.lock $(wildcard book/* book/*/*) $(wildcard notebooks/*.py) \
           $(shell find lhs_helpers -type f -not -path '*/__pycache__/*')

.PHONY: help book serve test lint unit pages book-tests studies links pairs format lock clean assignment grade

help:
	@sed -n 's/^# \(make.*\)/\1/p' Makefile

$(INSTALLED): requirements.lock
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found. Install one (python.org, or your system's packages) or name it: make PYTHON=/path/to/python3 book"; exit 1; }
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { echo "$(PYTHON) is older than Python 3.11, or has no venv module (Debian, Ubuntu: sudo apt install python3-venv)."; exit 1; }
	@$(PYTHON) -m venv --clear .venv || { echo "Python could not make an environment. On Debian or Ubuntu: sudo apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.lock
	@touch $@

$(READY): $(INSTALLED) pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@touch $@

# Python for the browser, where npm can fetch it; without it the book is built all the same, and its page says so.
$(PYODIDE): tools/pyodide.py | $(READY)
	@$(BIN)/python tools/pyodide.py

# The stamp is written after a build without errors only; a failed build is never taken for a book.
$(BUILT): $(READY) $(SOURCES) | $(PYODIDE)
	rm -rf $@ _build/html _build/.doctrees _build/jupyter_execute
	@$(BIN)/jupyter-book build . --all -W -n --keep-going || { echo; \
	  echo "The book was NOT built. Above, look for 'An error occurred while executing the following cell' (a page"; \
	  echo "failed: mend notebooks/<page>.py, then make pairs), or for the first WARNING (it names file and line:"; \
	  echo "a citation without an entry, a link to nowhere, ...). Then run make book again."; exit 1; }
	@touch $@

book: $(BUILT)
	@echo "The book is ready: $(CURDIR)/_build/html/index.html   (make serve shows it in a browser)"

# Port 0: the system chooses a free one, and the server prints the address.
serve: $(BUILT)
	@echo "Stop with Ctrl-C."
	@$(BIN)/python -u -m http.server 0 --bind 127.0.0.1 --directory _build/html

test: lint unit $(BUILT) pages book-tests

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/pairs.py --check

# A file of tests goes to one process, so that what its tests share is made once; tests/conftest.py says which come first.
IN_PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder
unit: $(READY)
	$(BIN)/python -m pytest tests --ignore=tests/book $(IN_PARALLEL)

pages: $(READY)
	$(BIN)/python -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout=600 $(IN_PARALLEL) notebooks

# What a page takes is measured when nothing else runs.
book-tests: $(BUILT)
	$(BIN)/python -m pytest tests/book --ignore=tests/book/test_costs.py $(IN_PARALLEL)
	$(BIN)/python -m pytest tests/book/test_costs.py

# What takes longer than a page may: many hospitals of 150,000 patients. An hour or more, 4 GB of disk at a time; stopped and
# started again, it goes on. No part of `make test`, which only says when the results are of other code.
studies: $(READY)
	$(BIN)/python studies/run.py study_2022
	$(BIN)/python studies/run.py updates
	$(BIN)/python studies/run.py screening
	$(BIN)/python studies/run.py feedback
	$(BIN)/python studies/run.py equity
	$(BIN)/python studies/run.py hypotheses
	$(BIN)/python studies/run.py engines

# Outside links of the built book; needs the network, so it is no part of `make test`.
links: $(BUILT)
	$(BIN)/python tools/links.py

# After editing a notebooks/*.py: write the .ipynb that belongs to it.
pairs: $(READY)
	$(BIN)/python tools/pairs.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# After changing a range in pyproject.toml: new exact versions, for all systems at once.
lock: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra book --extra test --extra real --extra serve --extra postgres --universal --fork-strategy fewest --python-version 3.11 \
	  --no-annotate --no-header --no-emit-index-url --no-emit-find-links --upgrade -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra spark --universal --python-version 3.11 --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links --upgrade | grep -E '^(pyspark|py4j)==' > requirements-spark.lock
	# What teaching adds to requirements.lock: neither what stands there, nor what only PDF files need.
	$(BIN)/uv pip compile pyproject.toml --extra teach --universal --python-version 3.11 --no-annotate --no-header \
	  --no-emit-index-url --no-emit-find-links --upgrade | grep -vE '^(playwright|greenlet|pyee)==' \
	  | grep -vE "^($$(sed 's/==.*//' requirements.lock | paste -sd '|'))==" > requirements-teach.lock

# make assignment NAME="Ada Lovelace" OUT=class     her six notebooks, solutions and tests (ROSTER=file: a name on each line)
# make grade FROM=class/handed-in OUT=class         points and hints in OUT/grades.csv
# COURSE=word makes hospitals of one course only.
TEACH := .venv/teach
COURSE ?=
$(TEACH): $(READY) requirements-teach.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps -r requirements-teach.lock
	@touch $@

assignment: $(TEACH)
	@test -n "$(OUT)" && test -n "$(NAME)$(ROSTER)" || { echo 'Whose, and where to? make assignment NAME="Ada Lovelace" OUT=class'; exit 1; }
	@$(BIN)/python assignments/make.py --course "$(COURSE)" --out "$(OUT)" $(if $(NAME),--name "$(NAME)") $(if $(ROSTER),--roster "$(ROSTER)")

grade: $(TEACH)
	@test -n "$(OUT)" && test -n "$(FROM)" || { echo 'Grade what? make grade FROM=class/handed-in OUT=class'; exit 1; }
	@$(BIN)/python assignments/make.py --grade "$(FROM)" --out "$(OUT)"

clean:
	rm -rf _build .venv .pytest_cache .ruff_cache
