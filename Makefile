# make demo  draws the demo island, runs the whole workflow on it, then scores, reviews and watches its next month
# make test  runs all tests; make quick  the fast unit tests alone, in about a minute
# Both make .venv first, with the pinned packages, and do nothing twice.
# make benchmark  measures what takes minutes; benchmarks/README.md has the others

PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo test quick benchmark docs lint format lock

demo: .venv/installed
	snakemake --cores all --quiet rules host
	snakemake --report results/demo/report.html --quiet all
	snakemake --cores all --quiet rules host --configfile config/demo_month_2.yaml -- \
		all results/demo_month_2/island/decisions.csv
	snakemake results/demo/figures/performance.png --cores all --quiet rules host \
		--config 'decisions=["results/demo_month_2/island/decisions.csv"]'
	snakemake results/demo_month_2_watched/queue.html --cores all --quiet rules host \
		--configfile config/demo_month_2_watched.yaml
	@echo
	@echo "Open:"
	@echo "  results/demo_month_2/queue.html                       the next month: the page to decide on, works offline"
	@echo "  results/demo_month_2_watched/queue.html               the same after one of its three opossums is confirmed: the others are 1st and 3rd"
	@echo "  results/demo_month_2/island/decisions.csv             what a drawn reviewer decided on it"
	@echo "  results/demo/figures/performance.png                  what came of that: false alarms, recall"
	@echo "  results/demo/report.html                              the report, one file, works offline"
	@echo "  results/demo/figures/queue.png                        half a year: the most suspicious events, and why"
	@echo "  results/demo/queue.csv                                all of them, ranked"
	@echo "  results/demo/figures/evaluation/one_split/            the detectors compared"
	@echo "  results/demo/figures/tsne/cae/rat.png                 the rat among the natives"
	@echo "  results/demo/figures/accuracy/basic/rat.png           recall and false alarms over the threshold"
	@echo "  results/demo/evaluation/one_split/metrics.csv         the numbers"

test: .venv/installed .venv/validators/installed
	pytest -n 2 --dist loadfile --no-loadscope-reorder  # workflow first: the longest

quick: .venv/installed .venv/validators/installed
	pytest -n 2 --dist loadfile -m "not workflow and not slow"

benchmark: .venv/installed
	snakemake --cores all --quiet all
	python benchmarks/index.py 100000
	python benchmarks/crops.py
	python benchmarks/training.py
	python benchmarks/tsne.py 3000
	python benchmarks/overhead.py

docs: .venv/installed
	python docs/make_reference.py

lint: .venv/installed
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow
	snakemake --lint

format: .venv/installed
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow

lock: .venv/installed
	pip freeze > constraints.txt

.venv/installed: requirements.txt constraints.txt
	@echo "Installing the pinned packages into .venv (6 GB on disk, some minutes)"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "stowaway needs Python 3.11 or newer; say: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt
	touch $@

# The other tools' own checks of our exports, for the tests alone. What they share with .venv comes
# from there, so that this folder is small.
.venv/validators/installed: tests/exports/requirements.txt .venv/installed
	@echo "Installing the validators of the exports into .venv/validators (18 MB, some seconds)"
	rm -rf .venv/validators
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --target .venv/validators -r $<
	touch $@
