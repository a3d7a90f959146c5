"""Runs a network with OpenVINO on the CPU."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import torch
from torch import Tensor

from detector.config import DetectorConfig
from detector.graphs.facts import NetworkFacts, one_line
from detector.graphs.openvino_graph import import_openvino
from detector.inference.device import choose_dtype
from detector.inference.runtime import Maps, as_bytes, maps_of

MOST_SIZES = 8
"""Tile sizes that stay compiled, each with weights of its own."""


class OpenVinoRuntime:
    """An OpenVINO model, compiled for each size of tiles when it first comes.

    A model for all sizes took 10 % longer for a tile. Compiling takes 0.2 s for a network of size
    n, and images of a batch pass one by one: together they take as long.

    Args:
        config: Precision.
        graph: An `openvino.Model` for any size.
        facts: Of the network.
    """

    def __init__(self, config: DetectorConfig, graph: Any, facts: NetworkFacts) -> None:
        self.facts = facts
        self.device = torch.device("cpu")
        self._graph = graph
        self._core = import_openvino().Core()
        precision = choose_dtype(self.device, config.precision)
        self._settings = {
            "INFERENCE_PRECISION_HINT": "bf16" if precision == torch.bfloat16 else "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "ENABLE_CPU_PINNING": False,
        }
        self._requests: OrderedDict[tuple[int, int], Any] = OrderedDict()

    def images(self, pixels: Tensor) -> Tensor:
        """The bytes themselves, `(B, 3, H, W)`."""
        return as_bytes(pixels)

    def run(self, images: Tensor) -> Maps:
        """The maps of images whose sides are multiples of the network's stride.

        Raises:
            ValueError: If the model's maps do not fit to its facts, or it cannot be run.
        """
        pixels = images.permute(0, 2, 3, 1).contiguous().numpy()
        rows = []
        try:
            request = self._request(images.shape[2], images.shape[3])
            for row in range(len(images)):
                found = request.infer([pixels[row : row + 1]], share_inputs=True).to_tuple()
                # The request writes the next image's maps into the same memory.
                rows.append([torch.from_numpy(values).clone() for values in found])
        except RuntimeError as error:
            raise ValueError(f"exported network: {one_line(error)}") from None
        return maps_of([torch.cat(parts) for parts in zip(*rows, strict=True)], images, self.facts)

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Heights and widths that are compiled now."""
        return tuple(self._requests)

    def _request(self, height: int, width: int) -> Any:
        """Runs the model on one image of a size."""
        size = (height, width)
        if size not in self._requests:
            graph = self._graph.clone()
            graph.reshape({0: [1, height, width, 3]})
            compiled = self._core.compile_model(graph, "CPU", self._settings)
            self._requests[size] = compiled.create_infer_request()
        self._requests.move_to_end(size)
        if len(self._requests) > MOST_SIZES:
            self._requests.popitem(last=False)
        return self._requests[size]
