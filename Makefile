# make demo   sets everything up in .venv and runs the nodes on a street drive made on the spot
# make test   sets everything up in .venv and runs all tests
# make test-view   runs the tests of the viewer, with Rerun, which `make test` does without
# make lint   checks style and types with ruff and mypy
# make docs   builds the documentation as a site in site/
# make bench  prints the timings quoted in the README
# make soak   works for hours under all that happens to a robot, and reports; HOURS=1 COMPLETER=default
#
# With another Python: make PYTHON=python3.12 test

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LINT_READY := $(VENV)/.lint_ready
VIEW_READY := $(VENV)/.view_ready
PACKAGES := --editable ".[all,lint]" --editable "./training[nyu]"

# Without an NVIDIA GPU the build of PyTorch for the CPU saves gigabytes; where its index cannot be reached,
# the usual build is taken.
CPU_TORCH := --no-deps --retries 0 --timeout 15 --index-url https://download.pytorch.org/whl/cpu $(shell grep ^torch== requirements.lock)

HOURS ?= 1
COMPLETER ?= default

.PHONY: demo test test-view lint docs bench soak lock clean

demo: $(READY)
	$(BIN)/depth-completion demo --out demo

# A process for each of up to four cores, with one thread each; a file's tests stay together.
test: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# Installs what these tests need alone; in the environment of all the others it adds Rerun.
test-view: $(VIEW_READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest test/viewer test/ros/test_live_view.py test/ros/test_live_nodes.py

# Installs its own tools only, so that faults of style show within a minute.
lint: $(LINT_READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: | $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "The documentation is site/index.html"

bench: $(READY)
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python bench/projection.py
	$(BIN)/python bench/node.py

# Exit code 1 where anything is wrong; the report is in soak/.
soak: $(READY)
	$(BIN)/python bench/soak --hours $(HOURS) --completer $(COMPLETER)

$(VENV):
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else f"Python is {v[0]}.{v[1]}; it must be 3.11, 3.12 or 3.13: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing: apt install python3-venv"; exit 1; }

$(LINT_READY): requirements.lock | $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock ruff mypy numpy opencv-python-headless
	touch $@

$(VIEW_READY): setup.py requirements.lock | $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable ".[view,ros]" pytest pytest-timeout psutil
	touch $@

$(READY): setup.py training/pyproject.toml requirements.lock | $(VENV)
	@echo "Installing what requirements.lock names into $(VENV), once: some 3 GB, which takes minutes and is quiet."
	@test -e /dev/nvidia0 || $(BIN)/python -m pip install $(CPU_TORCH) > /dev/null 2>&1 || true
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock $(PACKAGES)
	$(BIN)/python -m depth_completion_ros.ros.wheels.generate_tf2_msgs
	touch $@

# Pins what a fresh install takes. PyTorch and the Triton that its CUDA build demands stay as they are.
lock: $(READY)
	$(BIN)/python -m pip install --dry-run --ignore-installed --quiet --report $(VENV)/report.json \
	  $(shell grep -E '^(torch|triton)==' requirements.lock) $(PACKAGES) --editable ".[slam,view,docs]"
	$(BIN)/python -c 'import json; \
	  packages = [item["metadata"] for item in json.load(open("$(VENV)/report.json"))["install"]]; \
	  pins = {p["name"]: p["version"].split("+")[0] for p in packages if "depth" not in p["name"]}; \
	  print(*(f"{name}=={pins[name]}" for name in sorted(pins, key=str.lower)), sep="\n")' > $(VENV)/lock
	mv $(VENV)/lock requirements.lock

clean:
	rm -rf $(VENV) build install log *.egg-info
