# demo   upscales a sample clip and shows how fast and how well
# test   everything installed, all tests run
# lint   ruff, strict types, import contracts
# bench  speed against the peers, quality by the protocol and the stages' overlap, into benchmarks/, and the tables of the README from it
.POSIX:
.SUFFIXES:
.PHONY: demo test lint bench clean

PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Folder that holds a folder of HR images a set (Set5, ...), for `make bench`
DATA = ../shared/data/test

demo: $(VENV)/.demo
	$(BIN)/python tools/demo.py demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev
	$(PIP) '.[peers]'
	$(BIN)/pocketsr bench speed -j 2 --json > benchmarks/speed.json.new
	mv benchmarks/speed.json.new benchmarks/speed.json
	$(BIN)/python tools/record_quality.py $(DATA)
	$(BIN)/python tools/record_overlap.py
	$(BIN)/python tools/readme_tables.py

clean:
	rm -rf $(VENV) demo build dist

# Stamps: what is installed is installed again only when pyproject.toml changes.
$(VENV)/.runtime: pyproject.toml tools/venv.sh
	tools/venv.sh $(VENV) $(PYTHON)
	$(PIP) -e .
	touch $@

# scikit-image for its photographs only: none of what it depends on is needed to read them
$(VENV)/.demo: $(VENV)/.runtime
	$(PIP) --no-deps 'scikit-image>=0.24'
	touch $@

$(VENV)/.dev: $(VENV)/.runtime
	$(PIP) -e '.[dev,train]'
	touch $@
