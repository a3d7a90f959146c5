"""The detector of frames: cut into tiles, run, suppress, merge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np

from detector.config import DetectorConfig
from detector.detections import Detections, Image, IntArray
from detector.inference.backend import Backend
from detector.inference.merging import merge_tiles
from detector.inference.suppression import suppress
from detector.inference.tiling import choose_tile_wh, tile_grid


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one frame is seen.

    Attributes:
        wh: Width and height of the frame.
        tiles: `(T, 4)` in pixels of the frame; the whole frame is the last if it has a pass.
        views: The pixels of each tile; a pass over the whole frame is made smaller.
    """

    wh: tuple[int, int]
    tiles: IntArray
    views: list[Image]


class TiledDetector:
    """Finds objects in frames of any size, in full-frame pixels.

    Tiles of all frames of a call go to the backend together.

    Args:
        backend: Runs the network.
        config: Tiling, suppression, merging and the classes to report.

    Raises:
        ValueError: If the network does not know a class of `config.classes`, or its stride does
            not divide the tile size.
    """

    def __init__(self, backend: Backend, config: DetectorConfig) -> None:
        self._backend = backend
        self._config = config
        self._overlap_px = ceil(config.tiling.overlap * config.tiling.tile_px)
        self._class_ids = _class_ids(config.classes, backend.class_names)
        choose_tile_wh((1, 1), config.tiling.tile_px, self._overlap_px, backend.stride)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the network, indexed by class id, whichever are reported."""
        return self._backend.class_names

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The objects of each image, best score first, in the order of the images.

        Args:
            images: `(H, W, 3)` uint8 RGB each; sizes may differ.

        Returns:
            Boxes in float32 pixels of the full image, inside it. Equal input gives equal output.

        Raises:
            ValueError: If an image has another shape or type.
        """
        plans = [self._plan(image, place) for place, image in enumerate(images)]
        candidates = self._backend.infer([view for plan in plans for view in plan.views])
        found, begin = [], 0
        for plan in plans:
            end = begin + len(plan.views)
            found.append(self._assemble(plan, candidates[begin:end]))
            begin = end
        return found

    def _plan(self, image: Image, place: int) -> _Plan:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ValueError(
                f"image {place}: expected (H, W, 3) uint8, found {image.shape} {image.dtype}"
            )
        tiling = self._config.tiling
        wh = (image.shape[1], image.shape[0])
        tile_wh = choose_tile_wh(wh, tiling.tile_px, self._overlap_px, self._backend.stride)
        tiles = np.array([[0, 0, *wh]])
        if tile_wh != wh:
            tiles = tile_grid(wh, tile_wh, self._overlap_px)
        views = [image[y1:y2, x1:x2] for x1, y1, x2, y2 in tiles.tolist()]
        if tiling.full_frame and len(tiles) > 1:
            tiles = np.append(tiles, [[0, 0, *wh]], axis=0)
            views.append(_shrink(image, tiling.tile_px))
        return _Plan(wh, tiles, views)

    def _assemble(self, plan: _Plan, candidates: Sequence[Detections]) -> Detections:
        """A frame's objects from what its tiles show."""
        parts = [self._in_frame(plan, tile, found) for tile, found in enumerate(candidates)]
        tile_ids = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        together = Detections(
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.class_ids for part in parts]),
        )
        config = self._config
        merged = merge_tiles(
            together,
            tile_ids,
            plan.tiles,
            config.merge,
            nms_iou=config.nms_iou,
            class_aware=config.class_aware,
        )
        if self._class_ids is None:
            return merged
        return merged[np.isin(merged.class_ids, self._class_ids)]

    def _in_frame(self, plan: _Plan, tile: int, candidates: Detections) -> Detections:
        """What suppression leaves of a tile's candidates, in pixels of the frame."""
        class_ids = candidates.class_ids if self._config.class_aware else None
        kept = candidates[
            suppress(candidates.boxes, candidates.scores, self._config.nms_iou, class_ids)
        ]
        x1, y1, x2, y2 = plan.tiles[tile].tolist()
        height, width = plan.views[tile].shape[:2]
        scale = np.array([(x2 - x1) / width, (y2 - y1) / height] * 2)
        boxes = np.clip(kept.boxes * scale + [x1, y1, x1, y1], [x1, y1, x1, y1], [x2, y2, x2, y2])
        moved = Detections(boxes.astype(np.float32), kept.scores, kept.class_ids)
        if (width, height) == (x2 - x1, y2 - y1):
            return moved
        # What is no larger than the overlap, a tile shows whole and in full resolution.
        return moved[np.ptp(boxes.reshape(-1, 2, 2), axis=1).max(axis=1) > self._overlap_px]


def _shrink(image: Image, longest_px: int) -> Image:
    """The image made smaller until its longer side is `longest_px`."""
    scale = longest_px / max(image.shape[:2])
    wh = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return np.asarray(cv2.resize(image, wh, interpolation=cv2.INTER_AREA), np.uint8)


def _class_ids(classes: tuple[str, ...] | None, known: tuple[str, ...]) -> IntArray | None:
    if classes is None:
        return None
    for name in classes:
        if name not in known:
            raise ValueError(f"classes: {name!r} is none of the network's: {', '.join(known)}")
    return np.array([known.index(name) for name in classes])
