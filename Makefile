# Copyright (c) cape_mm contributors. All rights reserved.
# `make` lists what there is. PYTHON=/path/to/python uses that interpreter
# instead of the reference environment, which is made on first use.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# Threads that soon fall asleep while they wait: with the default, training is
# several times slower as soon as another job wants the same cores.
export GOMP_SPINCOUNT ?= 20000

PYTHON ?=
PYTEST_ARGS ?=
find_python = $(if $(PYTHON),echo '$(PYTHON)',python3 .ci/make_env.py)

FOLDER ?=

.PHONY: help env demo photos studio test lint docs figures

help:
	@echo 'make demo  train on one image, test the result, write an image'
	@echo 'make photos  find keypoints on photographs from one labelled image'
	@echo 'make studio FOLDER=images  label, predict, correct in the browser'
	@echo 'make test  run all tests (PYTEST_ARGS="-m \"not slow\"" for fewer)'
	@echo 'make lint  check the style'
	@echo 'make docs  build the documentation site, check its links'
	@echo 'make figures  count modules, lines and words'
	@echo 'make env   make the environment and print its interpreter'
	@echo 'The first call makes the environment (about 6 minutes on 2 cores);'
	@echo 'PYTHON=/path/to/python uses an environment of your own instead.'

env:
	@$(find_python)

demo:
	@python=$$($(find_python)); \
	PYTHON="$$python" tools/demo/single_image_demo.sh

photos:
	@python=$$($(find_python)); \
	PYTHON="$$python" tools/demo/photos_demo.sh

studio:
	@python=$$($(find_python)); \
	"$$python" tools/demo/studio.py $(FOLDER)

# A process per core, one thread each; a file stays in one process, because its
# tests share what its fixtures trained.
test:
	@python=$$($(find_python)); \
	OMP_NUM_THREADS=1 "$$python" -m pytest -ra -n auto --maxprocesses 8 \
	    --dist loadfile $(PYTEST_ARGS)

lint:
	@python=$$($(find_python)); \
	"$$python" -m ruff check .; \
	"$$python" -m ruff format --check .

# NO_MKDOCS_2_WARNING: an advertisement of a successor.
docs:
	@python=$$($(find_python)); \
	NO_MKDOCS_2_WARNING=1 "$$python" -m mkdocs build

figures:
	@python=$$($(find_python)); \
	"$$python" .ci/figures.py
