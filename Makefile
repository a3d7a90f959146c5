# Everything is installed into .venv; nothing but Python 3.11 to 3.14 and make is needed.
PYTHON ?= python3
BIN := .venv/bin
SYNCED := .venv/.synced
EXTRAS := eval live onnx openvino train
BENCHMARKS := attention decode merging output pipeline tracking

.PHONY: demo test lint bench clean

demo: $(SYNCED)
	$(BIN)/python run_pipeline.py --demo

test: $(SYNCED)
	$(BIN)/python -m pytest

lint: $(SYNCED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(SYNCED)
	mkdir -p runs/bench
	for name in $(BENCHMARKS); do \
	  $(BIN)/python -m benchmarks.$$name --json runs/bench/$$name.json || exit 1; done

clean:
	rm -rf .venv runs

$(BIN)/uv:
	$(PYTHON) scripts/get_uv.py .venv

# UV_TORCH_BACKEND=cpu takes PyTorch's own index of CPU builds instead of the lock's CUDA build.
$(SYNCED): pyproject.toml uv.lock | $(BIN)/uv
ifdef UV_TORCH_BACKEND
	$(BIN)/uv export --frozen --quiet --no-hashes --no-emit-project -o .venv/locked.txt
	$(BIN)/uv pip install --python $(BIN)/python -r pyproject.toml $(addprefix --extra ,$(EXTRAS)) --group dev -c .venv/locked.txt
else
	$(BIN)/uv sync --frozen --inexact $(addprefix --extra ,$(EXTRAS))
endif
	touch $@
