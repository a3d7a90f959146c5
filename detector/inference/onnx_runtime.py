"""Runs a network with ONNX Runtime on the CPU, in float32 or as its file was quantised."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from detector.graphs.facts import NetworkFacts, one_line
from detector.graphs.onnx_graph import INPUT
from detector.inference.runtime import Maps, as_bytes, maps_of


class OnnxRuntime:
    """An ONNX Runtime session.

    Args:
        session: As `detector.graphs.onnx_graph.open_session` gives it.
        facts: Of the network.
    """

    def __init__(self, session: Any, facts: NetworkFacts) -> None:
        self.facts = facts
        self.device = torch.device("cpu")
        self._session = session

    def images(self, pixels: Tensor) -> Tensor:
        """The bytes themselves, `(B, 3, H, W)`."""
        return as_bytes(pixels)

    def run(self, images: Tensor) -> Maps:
        """The maps of images whose sides are multiples of the network's stride.

        Raises:
            ValueError: If the graph cannot be run, or its maps are not those of its facts.
        """
        pixels = images.permute(0, 2, 3, 1).contiguous().numpy()
        try:
            found = self._session.run(None, {INPUT: pixels})
        except Exception as error:  # noqa: BLE001 - its exceptions have no base class of their own
            raise ValueError(f"exported network: {one_line(error)}") from None
        return maps_of([torch.from_numpy(values) for values in found], images, self.facts)
