"""What the tiled detector needs of a network, whatever runs it. Loads without torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from detector.detections import Detections, Image


class Backend(Protocol):
    """Runs a network on tiles."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, indexed by class id."""
        ...

    @property
    def stride(self) -> int:
        """Tiles with sides that are multiples of this need no padding, in pixels."""
        ...

    def infer(self, tiles: Sequence[Image]) -> list[Detections]:
        """Candidates of each tile, before suppression, in pixels of the tile, in float32.

        Tiles may differ in size. A candidate has the class that scores best, a score of at least
        the configured confidence, and a box inside the tile with positive sides.
        """
        ...
