"""Networks as ONNX graphs."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from detector.graphs.facts import FACTS_KEY, NetworkFacts, one_line, read_facts
from detector.graphs.tracing import GraphNetwork, example_pixels, quiet_tracing
from detector.model.network import Network

OPSET = 17
"""The newest that torch's tracing exporter is made for; ONNX Runtime and TensorRT 8.6 read it."""

INPUT = "images"


def import_onnx(name: str) -> ModuleType:
    """`onnx`, `onnxruntime` or a module of theirs.

    Raises:
        ValueError: If the package is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name != package:
            raise
        raise ValueError(f"{package} is not installed; the extra `onnx` brings it") from None


@torch.no_grad()
def to_onnx(model: Network, *, features: bool) -> bytes:
    """The ONNX file of a network, for images of any number and size.

    Args:
        model: Stays as it is.
        features: As of `GraphNetwork`.

    Raises:
        ValueError: If the package is not installed.
    """
    onnx = import_onnx("onnx")
    outputs = [f"logits{stride}" for stride in model.strides] + ["p3"] * features
    axes = {INPUT: {0: "batch", 1: "height", 2: "width"}}
    for place, name in enumerate(outputs):
        axes[name] = {0: "batch", 2: f"rows{place}", 3: f"columns{place}"}
    file = io.BytesIO()
    with quiet_tracing():
        torch.onnx.export(
            GraphNetwork(model, features=features),
            (example_pixels(),),
            file,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=outputs,
            dynamic_axes=axes,
        )
    graph = onnx.load_from_string(file.getvalue())
    facts = NetworkFacts.of(model).to_text()
    onnx.helper.set_model_props(graph, {FACTS_KEY: facts})
    return bytes(graph.SerializeToString())


def open_session(path: Path, content: bytes, threads: int) -> tuple[Any, NetworkFacts]:
    """An ONNX Runtime session on the CPU, and the facts of its network.

    Args:
        path: The content's, for messages.
        content: Of an `.onnx` file.
        threads: That it may take.

    Raises:
        ValueError: In one line, if the content is not of this program, or the package is not
            installed.
    """
    onnxruntime = import_onnx("onnxruntime")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # Faults come as exceptions; the log would repeat them.
    # Threads that wait by spinning take the cores from decoding and encoding.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        # From memory: a file could name others, which would be opened.
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        metadata = session.get_modelmeta().custom_metadata_map
    except Exception as error:  # noqa: BLE001 - its exceptions have no base class of their own
        raise ValueError(f"{path}: cannot be read as ONNX: {one_line(error)}") from None
    facts = read_facts(path, metadata.get(FACTS_KEY))
    inputs, heads = session.get_inputs(), len(facts.strides)
    if [one.type for one in inputs] != ["tensor(uint8)"]:
        raise ValueError(f"{path}: expected one input of uint8")
    if len(session.get_outputs()) not in (heads, heads + 1):
        raise ValueError(f"{path}: expected {heads} outputs")
    return session, facts
