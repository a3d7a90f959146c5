"""Writes exported networks."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from detector.graphs.facts import FACTS_KEY, NetworkFacts
from detector.graphs.onnx_graph import to_onnx
from detector.graphs.openvino_graph import import_openvino, to_openvino
from detector.graphs.quantising import quantise
from detector.graphs.tiles import Pixels
from detector.model.network import Network

Format = Literal["onnx", "openvino"]

SUFFIXES: dict[Format, str] = {"onnx": ".onnx", "openvino": ".xml"}


def write_graph(
    model: Network, path: Path, form: Format, calibration: Sequence[Pixels] | None
) -> list[Path]:
    """The files written: one of ONNX, or OpenVINO's `.xml` with its `.bin`.

    Each appears whole or not at all, for images of any number and size.

    Args:
        model: Stays as it is.
        path: Of the `.onnx` or `.xml`; its folder exists.
        form: What is written.
        calibration: Tiles for a network in 8-bit numbers; `None` keeps float32.

    Raises:
        ValueError: If a file cannot be written, or a package is not installed.
    """
    onnx = None
    if form == "onnx" or calibration is not None:
        onnx = to_onnx(model, features=False)
        if calibration is not None:
            onnx = quantise(onnx, calibration)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.stem}-") as folder:
            whole = Path(folder, path.name)
            if form == "onnx":
                assert onnx is not None
                whole.write_bytes(onnx)
            else:
                _write_openvino(model, onnx, whole)
            # The .bin first: an .xml is of no use without it.
            return [
                part.replace(path.parent / part.name) for part in sorted(Path(folder).iterdir())
            ]
    except OSError as error:
        raise ValueError(f"{path}: cannot be written: {error.strerror}") from error


def _write_openvino(model: Network, onnx: bytes | None, path: Path) -> None:
    openvino = import_openvino()
    if onnx is None:
        graph = to_openvino(model, features=False)
    else:
        graph = openvino.Core().read_model(onnx, b"")
        graph.set_rt_info(NetworkFacts.of(model).to_text(), [FACTS_KEY])
    openvino.save_model(graph, path, compress_to_fp16=False)
