# Fresh clone, Python >= 3.10: `make demo` runs the main job, `make test` passes the tests. Nothing before them.
VENV ?= .venv
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do \
  $$p -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
BIN := $(VENV)/bin

# The tiers that need root, Debian packages or minutes are called by .ci/run, each by its mark.
MARKS ?= not proof and not install and not fleet and not browser and not containers and not faults

.PHONY: help setup demo test lint types imports unit lock bench refresh-data fuzz faults images gpu-image clean
.DELETE_ON_ERROR:

help:
	@echo "make demo   doctor, create and smoke in a scratch folder, ending with the proof"
	@echo "make test   lint, types, import contract, tests"
	@echo "make bench  the benchmarks, beside their peers"
	@echo "make refresh-data  shipped facts beside the package index's own"
	@echo "make fuzz   fifteen minutes of generated input for every reader"
	@echo "make faults  every fault in PyTorch, TensorFlow, JAX and the starter project: half an hour"
	@echo "make lock   refresh the pinned requirements"

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml tests/requirements.txt
	@test -n "$(PYTHON)" || { echo "error: no Python >= 3.10 with venv and ensurepip found; set PYTHON=/path/to/python" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@$(BIN)/python -m compileall -q envsetup  # an editable installation compiles nothing: every start would
	@touch $@

demo: setup
	@set -e; PATH="$(abspath $(BIN)):$$PATH"; \
	folder=$${DEMO:-$$(mktemp -d -t envsetup-demo.XXXXXX)}; mkdir -p "$$folder"; cd "$$folder"; \
	run() { printf '\n$$ %s\n' "$$*"; "$$@"; }; \
	printf '# in the scratch folder %s\n' "$$folder"; \
	run envsetup doctor; \
	run envsetup create --framework pytorch; \
	run envsetup smoke --device $(or $(DEVICE),cpu)

test: lint types imports unit

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

unit: setup
	$(BIN)/pytest -n 2 --dist loadgroup -m "$(MARKS)" $(PYTEST_ARGS)

bench: setup
	@for b in benchmarks/*.py; do echo "== $$b"; $(BIN)/python $$b || exit 1; done

lock: setup
	$(BIN)/uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-annotate --no-header pyproject.toml -o docker/requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-annotate --no-header --group pyproject.toml:dev pyproject.toml -o tests/requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --group pyproject.toml:fleet -c tests/requirements.txt -o tests/fleet/requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-annotate --no-header --group pyproject.toml:browser -c tests/requirements.txt --no-emit-package playwright --no-emit-package greenlet --no-emit-package pyee -o tests/browser/requirements.txt

# Reads the package index's own metadata and wheel headers and shows what differs; REFRESH_ARGS=--write changes the data.
refresh-data: setup
	$(BIN)/python -m envsetup.build.refresh $(REFRESH_ARGS)

# Coverage-guided fuzzing needs atheris, which has no wheel for every Python: then half of it is left out.
fuzz: setup
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r tests/fuzz/requirements.txt \
	  || echo "skipped: coverage-guided fuzzing: no wheel of atheris for this Python"
	ENVSETUP_FUZZ_SECONDS=$(or $(FUZZ_SECONDS),900) $(BIN)/pytest tests/fuzz

# Every fault that is planted in PyTorch, TensorFlow, JAX and the starter project: half an hour.
faults: setup
	$(BIN)/pytest -m faults

# TensorFlow's images too, on both Debians, and the one with a compiler: a quarter of an hour and 15 GB.
images: setup
	ENVSETUP_TEST_EVERY_IMAGE=1 $(BIN)/pytest -m containers

# A GPU image takes gigabytes: it is built only when asked for.
gpu-image: setup
	ENVSETUP_TEST_GPU_IMAGE=1 $(BIN)/pytest -m containers -k gpu_image

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
