"""Networks as OpenVINO models."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from detector.graphs.facts import FACTS_KEY, NetworkFacts, check_file, one_line, read_facts
from detector.graphs.tracing import GraphNetwork, example_pixels, quiet_tracing
from detector.model.network import Network

TELEMETRY = "openvino_telemetry"


def import_openvino() -> ModuleType:
    """The package, without its telemetry.

    Left alone, it reports each import to its maker and puts a number for the user into the home
    folder. It does neither where its module for that is not there.

    Raises:
        ValueError: If the package is not installed.
    """
    if "openvino" not in sys.modules:
        sys.modules.setdefault(TELEMETRY, None)  # type: ignore[arg-type]
    try:
        import openvino
    except ModuleNotFoundError as error:
        if error.name != "openvino":
            raise
        raise ValueError("openvino is not installed; the extra `openvino` brings it") from None
    return openvino  # type: ignore[no-any-return]


@torch.no_grad()
def to_openvino(model: Network, *, features: bool) -> Any:
    """The `openvino.Model` of a network, for images of any number and size.

    Args:
        model: Stays as it is.
        features: As of `GraphNetwork`.

    Raises:
        ValueError: If the package is not installed.
    """
    import_openvino()
    from openvino.frontend import FrontEndManager
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    facts = NetworkFacts.of(model)
    network = GraphNetwork(model, features=features)
    example = example_pixels()
    with quiet_tracing():
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            network, example, check_trace=False
        )
        decoder = TorchScriptPythonDecoder(traced, example_input=example, trace_kwargs={})
        frontend = FrontEndManager().load_by_framework("pytorch")
        graph = frontend.convert(frontend.load(decoder))
    graph.reshape({0: [-1, -1, -1, 3]})
    graph.set_rt_info(facts.to_text(), [FACTS_KEY])
    return graph


def read_openvino(path: Path) -> tuple[Any, NetworkFacts]:
    """The model of an `.xml` file with its `.bin`, or of an `.onnx` file.

    Raises:
        ValueError: In one line, if a file is missing or not one that `detector.export` wrote, or
            the package is not installed.
    """
    openvino = import_openvino()
    check_file(path)
    try:
        if path.suffix == ".onnx":
            # From memory: a file could name others, which would be opened.
            graph = openvino.Core().read_model(path.read_bytes(), b"")
            text = _rt_text(graph, ["framework", FACTS_KEY])
        else:
            check_file(path.with_suffix(".bin"))
            graph = openvino.Core().read_model(path)
            text = _rt_text(graph, [FACTS_KEY])
    except RuntimeError as error:
        raise ValueError(f"{path}: cannot be read: {one_line(error)}") from None
    facts = read_facts(path, text)
    heads = len(facts.strides)
    if len(graph.inputs) != 1 or len(graph.outputs) not in (heads, heads + 1):
        raise ValueError(f"{path}: expected one input and {heads} outputs")
    if graph.inputs[0].get_element_type() != openvino.Type.u8:
        raise ValueError(f"{path}: expected an input of uint8")
    return graph, facts


def _rt_text(graph: Any, place: list[str]) -> str | None:
    return graph.get_rt_info(place).astype(str) if graph.has_rt_info(place) else None
