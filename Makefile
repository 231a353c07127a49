# demo    upscales a sample clip and shows how fast and how well
# test    everything installed, all tests run; those of web/ where Node and Chromium are, else it says that they were skipped
# slow    what `test` leaves out: minutes for what changes rarely
# quick   some tests of every room, in under a minute from the second time on
# web     the page that enlarges pictures, videos and calls in the browser
# lint    ruff, strict types, import contracts
# bench   speed against the peers, quality by the protocol, the stages' overlap and start-up, into benchmarks/, and the README's tables
# dist    a wheel and an sdist, installed and tried where nothing else is
# docs    the site, into build/site; a broken link is an error
# golden  the emitted C that tests keep, anew: read its diff
.POSIX:
.SUFFIXES:
.PHONY: demo test slow quick web lint bench dist docs golden clean

PYTHON = python3
VENV = .venv
BIN = $(VENV)/bin
PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Folder that holds a folder of HR images a set (Set5, ...), for `make bench`
DATA = ../shared/data/test

# What runs in seconds once networks are compiled, which stay in .venv
QUICK = tests/pixels tests/losses tests/reparam/test_blocks.py tests/recipes \
	tests/engine/test_importer.py tests/engine/test_passes.py tests/engine/test_count.py tests/engine/test_integers.py \
	tests/engine/test_golden_c.py tests/image/test_image_array.py tests/image/test_image_mistakes.py \
	tests/video/test_video_colour.py tests/video/test_video_tags.py tests/data/test_data_pairs.py tests/nets/test_build.py \
	tests/quant/test_spec.py tests/quant/test_fake.py tests/train/test_schedule.py tests/train/test_recipe.py \
	tests/design/test_cost.py tests/bench/test_table.py tests/bench/test_quality_recorded.py \
	tests/cli/test_startup.py tests/cli/test_models_verb.py tests/cli/test_upscale_mistakes.py

demo: $(VENV)/.demo
	$(BIN)/python tools/demo.py demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations=40 --durations-min=4 -m "not slow"

slow: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow

quick: $(VENV)/.dev
	POCKETSR_TEST_CACHE="$$PWD/$(VENV)/test-cache" $(BIN)/python -m pytest -q -n 2 --dist loadfile $(QUICK)

web: $(VENV)/.runtime
	$(BIN)/pocketsr web

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
	$(BIN)/python tools/record_startup.py
	$(BIN)/python tools/record_stream.py
	$(BIN)/python tools/readme_tables.py

dist: $(VENV)/.runtime
	$(PIP) 'build>=1.2'
	rm -rf dist
	$(BIN)/python -m build --outdir dist
	$(BIN)/python tools/check_dist.py dist

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

golden: $(VENV)/.runtime
	$(BIN)/python tools/golden.py
	git diff --stat -- tests/engine/golden

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
	$(PIP) -e '.[dev,train,export,serve,burst]'
	touch $@

$(VENV)/.docs: $(VENV)/.runtime
	$(PIP) -e '.[docs]'
	touch $@
