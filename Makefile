# One word per habit. Each habit has an environment of its own, made when it is first needed and
# installed again only when a source is newer than its stamp. After a change of PYTHON: make clean.

PYTHON ?= python3
PIP_FLAGS := --quiet --disable-pip-version-check
SOURCES := setup.py pyproject.toml $(shell find lifeevt -type f \
	-name '*.py' -o -name '*.py[ix]' -o -name '*.pxd' -o -name '*.csv' -o -name '*.jsonl')

# Searches through tens of thousands of histories: once, and without coverage, which would double their time.
SEARCHES := tests/isolation tests/linearizability \
	tests/parity/test_random_walks.py tests/parity/test_reactor_mutants.py tests/parity/test_mutants.py

# That a build without a compiler is whole. `make pure PURE=` runs everything there.
PURE := tests/_backends tests/cli tests/processor/test_processor.py tests/test_public_api.py \
	tests/queue/test_queue.py tests/test_runtime.py tests/state/test_state.py

# Warnings of the compilers are errors where the project is checked, and no obstacle where it is only used.
WHEEL_SWITCHES := $(if $(CI),LIFEEVT_WERROR=1)

.NOTPARALLEL:  # the environments share build/
.DEFAULT_GOAL := help

# $(call made,ENVIRONMENT)
define made
	@test -x $(1)/bin/pip || $(PYTHON) -m venv $(1)
endef

# $(call install,ENVIRONMENT,EXTRA): the one wheel, built once for every environment that needs it
define install
	$(call made,$(1))
	@$(1)/bin/pip install $(PIP_FLAGS) "$$(echo build/wheel/*.whl)[$(2)]"
	@$(1)/bin/pip install $(PIP_FLAGS) --no-deps --force-reinstall build/wheel/*.whl
	@touch $(1)/stamp
endef

# $(call build,ENVIRONMENT,REQUIREMENT,SWITCHES): a build of its own; what an earlier one left goes first
define build
	$(call made,$(1))
	@rm -rf build/lib* build/temp* build/bdist*
	$(3) $(1)/bin/pip install $(PIP_FLAGS) $(2)
	@touch $(1)/stamp
endef

# $(call check,ENVIRONMENT): the installed package runs, native, where there is no Cython
define check
	$(1)/bin/python -I -c "import importlib.util, lifeevt; assert not importlib.util.find_spec('Cython')"
	$(1)/bin/lifeevt run --backend native --tick 0.05 --ticks 3 --json > $(1)/summary.json
endef

.PHONY: help run test check slow pure lint types build annotate bench profile gate flame memory trace dist docs clean

help: ## list the words
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: .venv/stamp ## play the bundled recording through a being, live
	@.venv/bin/lifeevt run

test: .venv-test/stamp ## the tests, on both backends at the same time, on the wheel as installed
	@.venv-test/bin/python tests/side_by_side.py --quick $(ARGS)

check: .venv-test/stamp ## everything: all examples, searches, stress and mutants, with coverage; then the pure build
	rm -f .coverage .coverage.*
	.venv-test/bin/python tests/side_by_side.py --cov --cov-report= --cov-fail-under=0 $(SEARCHES:%=--ignore=%)
	.venv-test/bin/coverage combine .coverage.native .coverage.reference
	.venv-test/bin/coverage report
	$(MAKE) pure
	.venv-test/bin/python tests/side_by_side.py $(SEARCHES)

slow: .venv-test/stamp ## the tests that take minutes or gate on times; they want a quiet machine
	.venv-test/bin/pytest -m slow

pure: .venv-pure/stamp ## the reference backend alone, built without a compiler; PURE= for all of its tests
	.venv-pure/bin/pytest --no-native $(PURE) $(SEARCHES:%=--ignore=%)

lint: .venv-dev/stamp ## style of the Python and of the Cython
	.venv-dev/bin/ruff check .
	PATH="$(CURDIR)/.venv-dev/bin:$$PATH" cython-lint lifeevt profiling/probes  # it looks for pycodestyle on the PATH

types: .venv-dev/stamp ## mypy, strict
	.venv-dev/bin/mypy

build: .venv-dev/stamp ## compile in place; .venv-dev/bin/pytest then tests the working tree
	.venv-dev/bin/python setup.py --quiet build_ext --inplace
	.venv-dev/bin/python profiling/probes/setup.py

annotate: .venv-dev/stamp ## build/c/**/*.html: where the C calls Python
	LIFEEVT_ANNOTATE=1 .venv-dev/bin/python setup.py --quiet build_ext --inplace

bench: .venv-bench/stamp ## the usual measures beside their bars, on the plain build
	@.venv-bench/bin/python profiling/probes/setup.py
	@.venv-bench/bin/python profiling/bench.py $(ARGS)

profile: .venv-trace/stamp ## time per line, on the traced build, of both backends
	LIFEEVT_BACKEND=native .venv-trace/bin/python profiling/lines.py
	LIFEEVT_BACKEND=reference .venv-trace/bin/python profiling/lines.py

gate: .venv-bench/stamp ## fail when a step executes 1 % more instructions than it was kept with
	.venv-bench/bin/python profiling/gate.py

flame: .venv-bench/stamp ## profiling/results/flame.svg: a picture of where a run spends its time
	PYTHON="$(CURDIR)/.venv-bench/bin/python" profiling/flame.sh

memory: .venv-bench/stamp ## what events take of the memory, by line and resident
	.venv-bench/bin/python profiling/memory.py

trace: .venv-trace/stamp ## .venv-trace: the traced build, for a profiler of your own

dist: .venv-dev/stamp ## sdist and wheel in dist/, each tried in a clean environment
	rm -rf dist build
	.venv-dev/bin/pyproject-build
	$(PYTHON) -m venv build/of-wheel
	build/of-wheel/bin/pip install $(PIP_FLAGS) "$$(echo dist/*.whl)[cli]"
	$(call check,build/of-wheel)
	$(PYTHON) -m venv build/of-sdist
	build/of-sdist/bin/pip install $(PIP_FLAGS) "$$(echo dist/*.tar.gz)[cli]"
	$(call check,build/of-sdist)

docs: .venv-test/stamp ## the examples and links of the documents
	.venv-test/bin/pytest tests/test_docs.py

clean: ## remove everything that a word above made
	rm -rf .venv .venv-* build dist *.egg-info .coverage .coverage.* .*_cache .hypothesis
	find lifeevt profiling -name '*.so' -delete
	find lifeevt tests profiling -name __pycache__ -prune -exec rm -rf {} +

build/wheel/stamp: $(SOURCES)
	$(call made,build/env)
	@rm -rf build/wheel build/lib* build/temp* build/bdist*
	$(WHEEL_SWITCHES) build/env/bin/pip wheel $(PIP_FLAGS) --no-deps --wheel-dir build/wheel .
	@touch $@

.venv/stamp: build/wheel/stamp
	$(call install,.venv,cli)

.venv-test/stamp: build/wheel/stamp
	$(call install,.venv-test,test)

.venv-bench/stamp: build/wheel/stamp
	$(call install,.venv-bench,profiling)

.venv-pure/stamp: $(SOURCES)
	$(call build,.venv-pure,'.[test]',LIFEEVT_PURE=1)

.venv-trace/stamp: $(SOURCES)
	$(call build,.venv-trace,'.[profiling]',LIFEEVT_TRACE=1)

# Editable: it sees every change of a source, and takes the extensions that `make build` puts there.
.venv-dev/stamp: setup.py pyproject.toml
	$(call build,.venv-dev,-e '.[dev]',LIFEEVT_PURE=1)
