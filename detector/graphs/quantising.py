"""Exported networks in 8-bit numbers."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from detector.graphs.facts import FACTS_KEY
from detector.graphs.onnx_graph import INPUT, import_onnx
from detector.graphs.tiles import Pixels


def quantise(content: bytes, tiles: Sequence[Pixels]) -> bytes:
    """An ONNX file whose convolutions compute in 8-bit numbers.

    Weights are scaled for each channel, activations by the range that the tiles show. What the
    predictions come from stays as it is: the last convolutions of the heads and the attention,
    whose numbers have no common scale.

    Args:
        content: As `to_onnx` gives it.
        tiles: For calibration, `(1, H, W, 3)` uint8 each, at least one.

    Raises:
        ValueError: If the package is not installed.
    """
    onnx = import_onnx("onnx")
    quantization = import_onnx("onnxruntime.quantization")
    preparing = import_onnx("onnxruntime.quantization.shape_inference")
    graph = onnx.load_from_string(content)
    facts = next(one.value for one in graph.metadata_props if one.key == FACTS_KEY)
    with tempfile.TemporaryDirectory() as name, _quiet():
        plain, whole = Path(name, "plain.onnx"), Path(name, "int8.onnx")
        preparing.quant_pre_process(graph, plain, skip_symbolic_shape=True)
        quantization.quantize_static(
            plain,
            whole,
            _reader(quantization, tiles),
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_kept(onnx.load(plain)),
        )
        graph = onnx.load(whole)
    onnx.helper.set_model_props(graph, {FACTS_KEY: facts})
    return bytes(graph.SerializeToString())


def _kept(graph: Any) -> list[str]:
    """Convolutions that stay as they are, by the module that torch traced them in."""
    convolutions = (node.name for node in graph.graph.node if node.op_type == "Conv")
    return [name for name in convolutions if "/detect/" in name]


def _reader(quantization: Any, tiles: Sequence[Pixels]) -> Any:
    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        """Hands out one tile after another."""

        def __init__(self) -> None:
            self._tiles: Iterator[Pixels] = iter(tiles)

        def get_next(self) -> dict[str, Pixels] | None:
            tile = next(self._tiles, None)
            return None if tile is None else {INPUT: tile}

    return Reader()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the package from advising on its command line's options."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
