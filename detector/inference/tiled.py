"""The detector of frames: cut into tiles, run, suppress, merge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch

from detector.config import DetectorConfig, WbfConfig
from detector.detections import Detections, Image, IntArray
from detector.inference.assembly import Assembly, Plan
from detector.inference.backend import Backend
from detector.inference.tiling import choose_tile_wh, tile_grid


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
        self._class_ids = _class_ids(config.classes, backend.class_names)
        self._weights = _source_weights(config, backend.source_count)
        tiling = config.tiling
        choose_tile_wh((1, 1), tiling.tile_px, tiling.overlap_px, backend.stride)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the network, indexed by class id, whichever are reported."""
        return self._backend.class_names

    @torch.inference_mode()
    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """The objects of each image, best score first, in the order of the images.

        Args:
            images: `(H, W, 3)` uint8 RGB each; sizes may differ.

        Returns:
            Boxes in float32 pixels of the full image, inside it. Equal input gives equal output.

        Raises:
            ValueError: If an image has another shape or type.
        """
        if not images:
            return []
        plans = [self._plan(image, place) for place, image in enumerate(images)]
        candidates = self._backend.infer([view for plan in plans for view in plan.views])
        assembly = Assembly(plans, candidates.boxes.device)
        merged = assembly.merge(candidates, self._config, self._weights)
        return [self._report(plan, found) for plan, found in zip(plans, merged, strict=True)]

    def _plan(self, image: Image, place: int) -> Plan:
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ValueError(
                f"image {place}: expected (H, W, 3) uint8, found {image.shape} {image.dtype}"
            )
        tiling = self._config.tiling
        wh = (image.shape[1], image.shape[0])
        if tiling.resize_px is not None:
            image = _resize(image, tiling.resize_px)
        resized_wh = (image.shape[1], image.shape[0])
        overlap_px = tiling.overlap_px
        tile_wh = choose_tile_wh(resized_wh, tiling.tile_px, overlap_px, self._backend.stride)
        tiles = np.array([[0, 0, *resized_wh]])
        if tile_wh != resized_wh:
            tiles = tile_grid(resized_wh, tile_wh, overlap_px)
        views = [image[y1:y2, x1:x2] for x1, y1, x2, y2 in tiles.tolist()]
        if tiling.full_frame and len(tiles) > 1:
            tiles = np.append(tiles, [[0, 0, *resized_wh]], axis=0)
            views.append(_resize(image, tiling.tile_px))
        return Plan(wh, resized_wh, tiles, views)

    def _report(self, plan: Plan, found: Detections) -> Detections:
        """What is asked for, in pixels of the frame."""
        if self._class_ids is not None:
            found = found[np.isin(found.class_ids, self._class_ids)]
        if plan.resized_wh == plan.wh:
            return found
        scale = np.tile(np.divide(plan.wh, plan.resized_wh), 2)
        boxes = (found.boxes * scale).astype(np.float32)
        return replace(found, boxes=boxes)


def _resize(image: Image, longest_px: int) -> Image:
    """The image with a longer side of `longest_px`."""
    scale = longest_px / max(image.shape[:2])
    wh = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, wh, interpolation=how), np.uint8)


def _class_ids(classes: tuple[str, ...] | None, known: tuple[str, ...]) -> IntArray | None:
    if classes is None:
        return None
    for name in classes:
        if name not in known:
            raise ValueError(f"classes: {name!r} is none of the network's: {', '.join(known)}")
    return np.array([known.index(name) for name in classes])


def _source_weights(config: DetectorConfig, source_count: int) -> tuple[float, ...]:
    """Of each view of each model."""
    suppression = config.suppression
    if not isinstance(suppression, WbfConfig) or suppression.weights is None:
        return (1.0,) * source_count
    views = source_count // len(suppression.weights)
    return tuple(weight for weight in suppression.weights for _ in range(views))
