# make demo and make test do everything on a fresh machine with Python 3.11 and make.

PYTHON ?= python3.11
CORES ?= all
DEMO_OUT ?= demo_out
BIN := .venv/bin
CHECKED_RUN := --config videos=examples/demo/videos out=.checked_out
INSTALLED := .venv/.installed
MODULES = $(shell find sfm_gt -name '*.py' | sed 's|/__init__\.py$$||; s|\.py$$||; s|/|.|g' | sort)

export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: release figures mutants help demo test check docs format clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

# Exact versions from constraints.txt; without them pip takes a torch of several gigabytes. Compat: a path, found before a folder
# of the same name that happens to lie beside a script.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --config-settings editable_mode=compat -e '.[dev,tflite,train,transformers,diffusers,benchmarks,export,publish,lightning,view]'
	touch $@

demo: $(INSTALLED) ## run the workflow on the embedded clip, and hold the result against the truth
	snakemake --cores $(CORES) --config videos=examples/demo/videos out=$(DEMO_OUT)
	@python benchmarks/accuracy/demo.py $(DEMO_OUT)

test: $(INSTALLED) ## run all tests, on all cores
	pytest --numprocesses logical --dist loadfile

release: $(INSTALLED) ## build sdist and wheel into dist/, and check the wheel in a fresh environment from another folder
	rm -rf dist
	python -m build
	python -m tests.workflow.test_packaged dist/*.whl

mutants: $(INSTALLED) ## sabotage the package, one small patch after the other; some test must fail under each
	python tests/mutants/run.py

check: $(INSTALLED) ## formatting, lint, types, layers, workflow lint and dry run
	ruff format --check .
	ruff check .
	mypy
	python benchmarks/figures/write.py --check
	lint-imports
	snakefmt --check Snakefile pipelines/rules
	snakemake --lint
	snakemake --dry-run --cores 1 --quiet rules $(CHECKED_RUN)
	rm -rf .checked_out

# Modules are named one by one, since a package with __all__ hides its own from pdoc. It warns of each that it knew already, of
# types of named tuples, which it does not resolve, and of names that are imported when asked for; these have pages elsewhere.
docs: $(INSTALLED) ## build the documentation into site/, with the API reference; broken links are errors
	python docs/build_site.py site
	PYTHONWARNINGS='ignore:The module specification,ignore:Error parsing type annotation ForwardRef,ignore:Found' \
		pdoc --output-directory site/api $(MODULES)
	@echo "look at it: python -m http.server --directory site"

figures: $(INSTALLED) ## write the figures of README and docs from benchmarks/results
	python benchmarks/figures/write.py

format: $(INSTALLED) ## rewrite all sources in the house format
	ruff format .
	ruff check --fix .
	snakefmt Snakefile pipelines/rules

clean: ## remove what make made
	rm -rf .venv $(DEMO_OUT) .snakemake site
