# demo · check · test · bench · book · clean-copies · release · links · readme · notebooks · model · clean;  VENV=path uses another environment
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
SERVE ?= yes
export PYTHONWARNINGS ?= ignore:`torch.jit.script` is deprecated

demo: $(VENV)/.app
	$(BIN)/imgcls-demo $(if $(filter no,$(SERVE)),--no-serve)

# What a contributor runs: a minute
check: $(VENV)/.dev
	$(BIN)/python tools/check.py
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -n 2 --dist loadfile -m quick

test: $(VENV)/.dev browser widgets7
	$(BIN)/python tools/check.py
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests -n auto --dist loadfile

bench: $(VENV)/.dev
	$(BIN)/python bench/run.py

links: $(VENV)/.dev
	$(BIN)/python tools/repo.py links
	$(BIN)/nbdev-export

readme: $(VENV)/.dev
	$(BIN)/python tools/repo.py toc readme

notebooks: $(VENV)/.dev
	$(BIN)/nbdev-export
	OMP_NUM_THREADS=1 $(BIN)/nbdev-test --save --n-workers 2 nbs/lib
	$(BIN)/nbdev-clean
	$(BIN)/python tools/course.py --pages
	$(BIN)/python tools/course.py
	$(BIN)/nbdev-clean
	$(BIN)/python tools/repo.py badges toc clean_copies readme

model: demo/digits.onnx
	cp $< imgcls/assets/digits.onnx
demo/digits.onnx:
	$(MAKE) demo SERVE=no

# Course, library and API as a site in build/site; nothing is executed
book: $(VENV)/.dev
	$(BIN)/python tools/book.py

# The chapters without prose, badges and the table of chapters, after the chapters
clean-copies: $(VENV)/.dev
	$(BIN)/python tools/repo.py badges toc clean_copies readme

# A dry run: what would be uploaded, installed into a fresh environment, and the ten lines of the README run there
release: $(VENV)/.dev
	$(BIN)/python tools/release.py

clean:
	rm -rf demo build dist *.egg-info .pytest_cache

# The environment. A stamp a level: app (the library and Voila), dev (everything)
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info<(3,10))' || { echo "imgcls needs Python 3.10 or later; '$(PYTHON)' is `$(PYTHON) -V 2>&1`. Try: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "No environment could be made: install Python's venv (Debian, Ubuntu: apt install python3-venv) and try again."; exit 1; }
	$(BIN)/python -m pip install -q --upgrade pip
$(VENV)/.app: settings.ini setup.py pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV): some minutes and 7 GB the first time"
	$(BIN)/python -m pip install -q -e '.[app]'
	@touch $@
$(VENV)/.dev: settings.ini setup.py pyproject.toml | $(BIN)/python
	@echo "Installing into $(VENV): some minutes and 7 GB the first time"
	$(BIN)/python -m pip install -q -e '.[app,dev]'
	@touch $@ $(VENV)/.app
browser: $(VENV)/.dev
	$(BIN)/python tools/browser.py
widgets7: $(VENV)/.widgets7
$(VENV)/.widgets7: $(VENV)/.dev tools/widgets7.py
	$(BIN)/python tools/widgets7.py
	@touch $@

.PHONY: demo check test bench links readme notebooks model book clean-copies release clean browser widgets7
