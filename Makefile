# Everything happens in .venv, made here; nothing outside the project is touched.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: env demo test test-fast bench lint screenshots demo-model clean

env: $(STAMP)

$(STAMP): pyproject.toml constraints.txt REACTKDLib/setup/requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[training,cohorts,cluster,scene,test]'
	touch $@

demo: env
	$(BIN)/reactkd demo --out demo

test: env lint
	$(BIN)/python -m pytest -m 'not slow'
	$(BIN)/python -m pytest -m slow

test-fast: env
	$(BIN)/python -m pytest -m 'not slow'

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: env
	$(BIN)/python -m Testing.benchmarks

screenshots: env
	REACTKD_SCREENSHOTS=Resources/Screenshots $(BIN)/python -m pytest Testing/panel/test_screenshots.py

demo-model: env
	$(BIN)/reactkd-train run phantom --set 'only_folds=[0]' --name demo
	$(BIN)/reactkd-train export runs/demo --out Resources/Models/demo

clean:
	rm -rf .venv demo build *.egg-info
