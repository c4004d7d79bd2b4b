# Everything a person or a CI machine needs: `make demo`, `make test`, `make app`. `make help` lists the rest.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# The version is pyproject.toml's; PyPI's build for Linux brings CUDA (several GB), this index has the CPU's.
TORCH := $(shell sed -n 's/^ *"\(torch==[^"]*\)".*/\1/p' pyproject.toml)
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
SOURCE ?= recordings/demo
OUT ?= out/demo
XVFB := xvfb-run --auto-servernum --server-args="-screen 0 1600x1000x24"

.DEFAULT_GOAL := help
.PHONY: help setup demo app test lint bench-view bench-window soak screenshots glb-picture docs wheel install-check system landmark-model clean

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 22

setup: $(VENV)/.installed landmark-model  ## create .venv with everything in it

demo: setup  ## track the demo recording: meshes, contact sheet and summary in out/demo
	$(BIN)/dphm track $(SOURCE) --out $(OUT) --overwrite

app: setup  ## open the window (SOURCE=path or SOURCE=kinect for another source)
	$(BIN)/dphm-app $(SOURCE)

test: setup lint  ## ruff, mypy, import contracts and the tests
	@command -v xvfb-run >/dev/null || { echo "The window's tests need xvfb-run: apt-get install xvfb xauth"; exit 1; }
	$(XVFB) $(BIN)/pytest $(PYTEST_ARGS)

lint: $(VENV)/.installed  ## ruff, mypy and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench-view: setup  ## measure how fast the 3-D view draws, by software, alone and beside the tracker
	LIBGL_ALWAYS_SOFTWARE=1 $(XVFB) $(BIN)/python -m app.bench.view

bench-window: setup  ## measure what the window costs the tracker, and how soon the first picture is there
	LIBGL_ALWAYS_SOFTWARE=1 $(XVFB) $(BIN)/python -m app.bench.window

soak: setup  ## twenty minutes of simulated live tracking in the window: memory, latency, how long it keeps the user waiting
	LIBGL_ALWAYS_SOFTWARE=1 $(XVFB) $(BIN)/python -m app.bench.soak

screenshots: setup  ## pictures of every panel and state of the window, in docs/screenshots
	$(XVFB) $(BIN)/python -m app.bench.screenshots

glb-picture: setup  ## open the exported demo in a browser, measure and photograph it: docs/glb.jpg (needs npm, chromium)
	$(BIN)/dphm track recordings/demo --out out/glb/track --no-meshes --overwrite
	$(BIN)/dphm export out/glb/track --out out/glb/export --mesh-format ply,glb --overwrite
	cd tools/glb-picture && npm ci --silent && node picture.mjs ../../out/glb/export ../../docs/glb.jpg

docs: $(VENV)/.installed  ## build the documentation as a site, in site/
	@$(BIN)/python -c 'import material' 2>/dev/null || $(BIN)/pip install --quiet --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

wheel: $(VENV)/.installed  ## build the wheel in dist/
	$(BIN)/python scripts/build_wheel.py dist

install-check: setup  ## install the wheel into a new environment, use it and uninstall it (ARGS=--full: with its own dependencies)
	$(BIN)/python scripts/install_check.py $(ARGS)

clean:  ## remove the environment and the caches
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

system:
	@PYTHON=$(PYTHON) scripts/system_libraries.sh

landmark-model: $(VENV)/.installed
	@$(BIN)/python -c 'from dphm_core.landmarks.model_file import landmarker_model; print("Landmark model:", landmarker_model())'

$(VENV)/.created: | system
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is not Python 3.11. Install it (Debian 12: apt-get install python3.11-venv; Ubuntu: the" \
		"deadsnakes archive, or pyenv), or say where it is: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

# Before everything else, so that the CPU build is there when the other packages ask for torch.
$(VENV)/.torch: $(VENV)/.created
	@echo "Installing $(TORCH) from $(TORCH_INDEX), else from pip's own index"
	@$(BIN)/pip install --quiet --no-deps --retries 0 --timeout 5 --index-url $(TORCH_INDEX) $(TORCH) || \
		$(BIN)/pip install --no-deps $(TORCH)
	@touch $@

$(VENV)/.installed: pyproject.toml $(VENV)/.torch | system
	$(BIN)/pip install --editable '.[dev]'
	@touch $@
