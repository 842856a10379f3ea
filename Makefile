# Two commands: `make serve` and `make test`. Both make .venv from the pinned lock first; a second call starts at once.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: serve test lint types check bench-overhead bench-engine-cpu bench-controllers bench-retrieval bench-sandbox bench-sandbox-soak bench-soak bench-tools bench-scanning bench-pocket-training bench-smoke gpu-smoke clean

serve: .venv/serve.stamp
	$(BIN)/flyball serve $(ARGS)

test: .venv/dev.stamp
	$(BIN)/python -m pytest --cov --cov-report=term --cov-fail-under=90 $(ARGS)

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/dev.stamp
	$(BIN)/mypy

check: lint types test

bench-overhead: .venv/dev.stamp
	$(BIN)/python -m benchmarks.overhead.run $(ARGS)

bench-engine-cpu: .venv/dev.stamp
	$(BIN)/python -m benchmarks.engine_cpu.run $(ARGS)

bench-retrieval: .venv/dev.stamp
	$(BIN)/python -m benchmarks.tools.retrieval $(ARGS)

bench-controllers: .venv/dev.stamp
	$(BIN)/python -m benchmarks.controllers.run $(ARGS)

bench-sandbox: .venv/dev.stamp
	$(BIN)/python -m benchmarks.tools.sandbox $(ARGS)

bench-scanning: .venv/dev.stamp
	$(BIN)/python -m benchmarks.scanning.run $(ARGS)

bench-pocket-training: .venv/dev.stamp
	$(BIN)/python -m benchmarks.pocket_training.run $(ARGS)

bench-sandbox-soak: .venv/dev.stamp
	$(BIN)/python -m benchmarks.tools.sandbox_soak $(ARGS)

bench-soak: .venv/dev.stamp
	$(BIN)/python -m benchmarks.tools.soak $(ARGS)

bench-tools: .venv/dev.stamp
	$(BIN)/python -m benchmarks.tools.proof $(ARGS)

bench-smoke: .venv/dev.stamp
	$(BIN)/python -m benchmarks.overhead.run --smoke
	$(BIN)/python -m benchmarks.engine_cpu.run --smoke
	$(BIN)/python -m benchmarks.tools.sandbox --smoke
	$(BIN)/python -m benchmarks.scanning.run --smoke
	$(BIN)/python -m benchmarks.controllers.run --smoke

gpu-smoke: .venv/serve.stamp
	$(BIN)/python scripts/gpu_smoke.py $(ARGS)

.venv/serve.stamp: requirements/cpu.txt pyproject.toml scripts/install.sh
	PYTHON=$(PYTHON) sh scripts/install.sh serve

.venv/dev.stamp: requirements/dev.txt .venv/serve.stamp
	PYTHON=$(PYTHON) sh scripts/install.sh dev

clean:
	rm -rf .venv .cache .coverage .mypy_cache .ruff_cache .pytest_cache
