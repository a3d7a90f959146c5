"""A backend that knows the truth and sees of it what its tile shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detector.detections import Detections, Image

Array = NDArray[Any]


def coordinate_image(wh: tuple[int, int], key: int = 0) -> Image:
    """An image whose pixels say where they are, so that a backend knows where its tile lies."""
    x, y = np.meshgrid(np.arange(wh[0]), np.arange(wh[1]))
    code = x + 4096 * y
    assert code.max() < 2**23
    image = np.stack([code & 255, code >> 8 & 255, code >> 16], axis=2)
    image[..., 2] |= key << 7
    return image.astype(np.uint8)


@dataclass
class FakeBackend:
    """Gives each true box clipped to the tile if enough of it is visible.

    Attributes:
        truths: Of image `key` (see `coordinate_image`), in pixels of that image.
        least_visible: Share of its area that a box must show.
        sizes: Of each image; a tile that begins at its corner but ends elsewhere than it can is
            a pass over the whole frame.
    """

    truths: list[Detections]
    least_visible: float = 0.3
    stride: int = 32
    class_names: tuple[str, ...] = ("car", "truck", "bus")
    calls: list[list[tuple[int, ...]]] = field(default_factory=list)

    def infer(self, tiles: Sequence[Image]) -> list[Detections]:
        """What each tile shows."""
        self.calls.append([tile.shape for tile in tiles])
        return [self._see(tile) for tile in tiles]

    def _see(self, tile: Image) -> Detections:
        red, green, blue = (int(value) for value in tile[0, 0])
        code = red + (green << 8) + ((blue & 127) << 16)
        x, y = code % 4096, code // 4096
        height, width = tile.shape[:2]
        return seen(self.truths[blue >> 7], np.array([x, y, x + width, y + height]), self)


def seen(truth: Detections, tile: Array, backend: FakeBackend) -> Detections:
    """True boxes clipped to a tile, in its pixels, without those that hardly show."""
    low, high = tile[:2], tile[2:]
    boxes = np.concatenate(
        [np.maximum(truth.boxes[:, :2], low), np.minimum(truth.boxes[:, 2:], high)], axis=1
    )
    visible = np.prod(np.maximum(boxes[:, 2:] - boxes[:, :2], 0), axis=1)
    full = np.prod(truth.boxes[:, 2:] - truth.boxes[:, :2], axis=1)
    shows = visible >= backend.least_visible * full
    local = (boxes[shows] - np.tile(low, 2)).astype(truth.boxes.dtype)
    return Detections(local, truth.scores[shows], truth.class_ids[shows])
