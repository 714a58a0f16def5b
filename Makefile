# Every target makes its own environment in .venv when there is none, and installs again only when a pyproject.toml
# changed.

VENV := .venv
PY := $(VENV)/bin/python
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
# The laboratory's tests mostly wait: five for each core keep it busy.
JOBS ?= $(shell expr 5 \* $(CORES))
# File of pinned versions, e.g. requirements/ci.txt; empty: the newest that pyproject.toml allows.
CONSTRAINTS ?=
# Its twin with hashes, if it has one: what pip gets is compared with them, and no build gets anything besides.
HASHED := $(wildcard $(patsubst %.txt,%-hashed.txt,$(CONSTRAINTS)))
# The folders of our distributions, and what says which packages each needs.
PARTS := . ./analysis ./operate ./lab
DECLARED := pyproject.toml analysis/pyproject.toml operate/pyproject.toml lab/pyproject.toml
# More extras of the probe and of analysis that the tests get: with `validators` they have data packages judged by
# mlcroissant too.
TEST_EXTRAS ?=
comma := ,
MORE := $(addprefix $(comma),$(TEST_EXTRAS))
TEST_PARTS := '.[dev$(MORE)]' './analysis[alerts,notebooks$(MORE)]' './operate[collect]' './lab[demo,fleet,peers,users]'
# Another set is another stamp, so that what is missing gets installed.
TESTED := $(VENV)/.installed-test-parts$(subst $(comma),-,$(MORE))
QUIET_PIP := -m pip install --quiet --disable-pip-version-check --no-compile
PIP_INSTALL = $(PY) $(QUIET_PIP) $(if $(CONSTRAINTS),--constraint $(CONSTRAINTS))
HASHED_FIRST = $(if $(HASHED),$(PY) $(QUIET_PIP) --no-deps --require-hashes --requirement $(HASHED))
# The environment with the lowest versions, for the lowest Python where it is there, and the tests that touch what they bring.
LOWEST := .venv-lowest
LOWEST_TESTS := imports visit visit_tls control_client control_server dns_udp dns_wire cli_run settings settings_edit \
  store quic cells
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

# Further options of `make score`, e.g. SCORE='--consent-level 2 --seeds 3'.
SCORE ?=

# The tests start thousands of programs; where nothing compiled may be kept, each would compile its modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test same slow check long lowest lint bench score soak trials rehearsal docs strings dist release deb lock clean

help:
	@echo "make demo   the story of a block and its end, in the laboratory, without network or root"
	@echo "make test   style, types and all tests but the slow ones, in at most 8 minutes on two cores (JOBS=$(JOBS))"
	@echo "make same   does the program say the same of stored data as before? A minute; names every row that changed"
	@echo "make slow   the slow tests alone"
	@echo "make check  both, as the continuous integration does (at most 25 minutes)"
	@echo "make lowest a part of the tests, with the lowest versions of what is needed that pyproject.toml allows"
	@echo "make lint   style and types alone"
	@echo "make bench  how fast it is"
	@echo "make score  how often it is right, in worlds drawn anew; keeps the seeds that fail (SCORE: further options)"
	@echo "make docs   write the generated parts of the documents, the manual page among them; build and check their site"
	@echo "make strings bring the translations up to date: what is new is left open, what is gone goes"
	@echo "make dist   build wheels and source archives of all parts, and for each a list of what it needs, into dist/"
	@echo "make release VERSION=0.2.0  all that belongs to a release: changelog, files, checksums, tag (DRY_RUN=1: kept nowhere)"
	@echo "make deb    build the Debian packages, source and binary, into build/deb (on Debian 13)"
	@echo "make lock   write requirements/ci.txt anew, with the newest versions that are allowed, hashes and licences"
	@echo "make soak   a year on a bad machine, and what is lost by it (about ten minutes)"
	@echo "make trials a table of what was lost or went wrong on bad machines, among hostile services and people: hours"
	@echo "make rehearsal  six days of an operator's services on this machine, and what may happen, in a minute or two"
	@echo "make long   the slow tests, the trials that are none, the score and the comparison with peers: hours, by hand"
	@echo "make clean  remove the environment and every cache"

demo: $(VENV)/.installed-demo
	@$(PY) -m probe demo

IN_PARALLEL = -n $(JOBS) --dist loadfile --no-loadscope-reorder

# Types are checked beside the tests. These are collected once before, else each process compiled their modules anew.
test: $(TESTED)
	@$(PY) -m ruff check .
	@echo "Collecting the tests, with the types checked beside them: a minute or two without a line."
	@$(PY) -m mypy >$(VENV)/types.log 2>&1 & types=$$!; $(PY) -m pytest --collect-only --quiet >/dev/null 2>&1; \
	$(PY) -m pytest -m 'not slow' $(IN_PARALLEL); tests=$$?; wait $$types; types=$$?; \
	echo "Types:"; cat $(VENV)/types.log; [ $$tests = 0 ] || echo "Some tests failed: see above."; \
	exit $$((tests ? tests : types))

same: $(TESTED)
	@$(PY) tools/same.py

slow: $(TESTED)
	@$(PY) -m pytest -m 'slow and not long' $(IN_PARALLEL)

check: test slow

long: $(TESTED)
	@$(PY) -m pytest -m slow $(IN_PARALLEL)
	@$(PY) tools/trials.py --programs
	@$(PY) tools/rehearsal.py --full
	@$(PY) tools/bench.py --only cells
	@$(MAKE) --no-print-directory score

lowest: $(LOWEST)/.installed
	@$(LOWEST)/bin/python -m pytest -n $(CORES) --dist loadfile $(foreach name,$(LOWEST_TESTS),$(wildcard tests/*/test_$(name).py tests/*/*/test_$(name).py))

lint: $(TESTED)
	@$(PY) -m ruff check .
	@$(PY) -m mypy

bench: $(TESTED)
	@$(PY) tools/bench.py

score: $(TESTED)
	@$(PY) -m probe lab score --keep-failing tests/lab/failing_seeds $(SCORE)

soak: $(TESTED)
	@$(PY) tools/soak.py

trials: $(TESTED)
	@$(PY) tools/trials.py --markdown share/trials.md

rehearsal: $(TESTED)
	@$(PY) tools/rehearsal.py

docs: $(TESTED)
	@$(PY) tools/docs.py
	@$(PY) tools/docs_site.py

strings: $(TESTED)
	@$(PY) tools/strings.py

dist: $(TESTED)
	@rm -rf dist
	@for part in $(PARTS); do (cd $$part && $(abspath $(PY)) -m hatchling build -d $(CURDIR)/dist) || exit 1; done
	@for name in probe analysis operate lab; do \
	  $(PY) tools/sbom.py reachability-$$name dist/reachability-$$name.cdx.json || exit 1; done

release: $(TESTED)
	@if [ -z "$(VERSION)" ]; then echo "Name the version: make release VERSION=0.2.0" >&2; exit 1; fi
	@$(PY) tools/release.py $(VERSION) $(if $(DRY_RUN),--dry-run)

# What is built is what the source archive holds, with the wheels of others beside it.
deb: $(TESTED)
	@rm -rf build/deb
	@$(PY) -m hatchling build -t sdist -d build/deb
	@cd build/deb && tar -xf *.tar.gz && rm *.tar.gz && mv reachability_probe-* source
	@$(PY) tools/debian_wheels.py build/deb/source/debian/wheels
	@cd build/deb/source && dpkg-buildpackage --unsigned-source --unsigned-changes
	@rm -r build/deb/source

# For the lowest Python of all, not only for this one: some packages ask for a later 3.11.
lock: $(TESTED)
	@$(PIP_INSTALL) uv
	@$(PY) -m uv pip install --quiet --python $(PY) --python-version 3.11 --upgrade $(addprefix --editable ,$(TEST_PARTS))
	@$(PY) tools/lock.py
	@$(PY) tools/hashes.py
	@$(PY) tools/licences.py

clean:
	rm -rf $(VENV) $(LOWEST) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist site

# What the tests need includes what the demo needs.
$(VENV)/.installed-demo: $(DECLARED) | $(VENV)/.made
	@for file in $(DECLARED); do if [ ! $(TESTED) -nt $$file ]; then \
	  echo "Installing what the demo needs into $(VENV) ..."; \
	  $(PIP_INSTALL) $(addprefix --editable ,. ./analysis ./operate './lab[demo]'); exit; fi; done
	@touch $@

$(TESTED): $(DECLARED) | $(VENV)/.made
	@echo "Installing what the tests need into $(VENV) ..."
	@$(HASHED_FIRST)
	@$(PIP_INSTALL) $(if $(HASHED),--no-build-isolation) $(addprefix --editable ,$(TEST_PARTS))
	@$(PY) $(QUIET_PIP) --no-deps --require-hashes -r requirements/axe.txt \
	  || echo "axe-core could not be had; the test of our pages with it is skipped." >&2
	@$(PY) $(QUIET_PIP) --no-deps --only-binary :all: --require-hashes --upgrade --target $(VENV)/validators \
	  -r requirements/validators.txt || echo "frictionless could not be had; the test with it is skipped." >&2
	@touch $@

$(LOWEST)/.installed: $(DECLARED) requirements/lowest.txt
	@$(MAKE) --no-print-directory VENV=$(LOWEST) PYTHON=$(or $(PYTHON),python3.11) $(LOWEST)/.made
	@echo "Installing the lowest versions into $(LOWEST) ..."
	@$(LOWEST)/bin/python $(QUIET_PIP) \
	  --constraint requirements/lowest.txt --editable '.[dev]' --editable ./analysis --editable ./operate --editable ./lab
	@touch $@

$(VENV)/.made:
	@if ! $(PY) -c '$(NEW_ENOUGH)' 2>/dev/null; then \
	  found=""; for python in $(PYTHON) python3 python3.11 python3.12 python3.13 python3.14 python; do \
	    if "$$python" -c '$(NEW_ENOUGH)' 2>/dev/null; then found="$$python"; break; fi; done; \
	  if [ -z "$$found" ]; then \
	    echo "No Python 3.11 or newer was found. Install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1; fi; \
	  if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$found cannot make environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; fi; \
	  echo "Making $(VENV) with $$("$$found" --version) ..."; \
	  "$$found" -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }; fi
	@touch $@
