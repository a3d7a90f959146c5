"""Tiles that exported networks are calibrated with and checked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from detector.config import TilingConfig
from detector.data.rendered import FlightConfig, render_flight
from detector.detections import Image
from detector.inference.network_backend import GREY
from detector.inference.tiling import choose_tile_wh, tile_grid

Pixels: TypeAlias = NDArray[np.uint8]

RENDERED = (FlightConfig(11, 960, 544, 60, scene="junction"), FlightConfig(12, 960, 544, 60))
"""Flights that stand in where no images are given; every tenth frame of each is taken."""


def rendered_images() -> list[Image]:
    """Frames of drone flights that the project renders itself."""
    return [
        frame.image for flight in RENDERED for frame in islice(render_flight(flight), 0, None, 10)
    ]


def padded_tiles(images: Iterable[Image], tiling: TilingConfig, stride: int) -> Iterator[Pixels]:
    """The tiles that images are cut into, `(1, H, W, 3)` each, sides multiples of `stride`."""
    for image in images:
        wh = (image.shape[1], image.shape[0])
        tile_wh = choose_tile_wh(wh, tiling.tile_px, tiling.overlap_px, stride)
        for x1, y1, x2, y2 in tile_grid(wh, tile_wh, tiling.overlap_px).tolist():
            height, width = (-(-side // stride) * stride for side in (y2 - y1, x2 - x1))
            tile = np.full((1, height, width, 3), GREY, np.uint8)
            tile[0, : y2 - y1, : x2 - x1] = image[y1:y2, x1:x2]
            yield tile
