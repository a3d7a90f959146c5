"""From what tiles show to the objects of frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from detector.config import DetectorConfig, TogetherConfig
from detector.detections import Detections, Image, IntArray
from detector.inference.candidates import Candidates
from detector.inference.merging import merge_tiles, rank
from detector.inference.suppression import Sources, overlap_limit, suppress
from detector.inference.tensors import set_rows, take


@dataclass(frozen=True, slots=True)
class Plan:
    """How one frame is seen.

    Attributes:
        wh: Width and height of the frame.
        resized_wh: The same of the frame that is cut, which may have been resized.
        tiles: `(T, 4)` in pixels of the resized frame; the whole frame is the last if it has a
            pass.
        views: The pixels of each tile; a pass over the whole frame is made smaller.
    """

    wh: tuple[int, int]
    resized_wh: tuple[int, int]
    tiles: IntArray
    views: list[Image]


class Assembly:
    """The tiles of some frames.

    Args:
        plans: Of each frame.
        device: Where the candidates are.
    """

    def __init__(self, plans: Sequence[Plan], device: torch.device) -> None:
        self._plans = plans
        counts = [len(plan.tiles) for plan in plans]
        self._frame = torch.arange(len(plans)).repeat_interleave(torch.tensor(counts)).to(device)
        tiles = np.concatenate([plan.tiles for plan in plans]).astype(np.float64)
        seen = np.array([view.shape[1::-1] for plan in plans for view in plan.views])
        wh = tiles[:, 2:] - tiles[:, :2]
        self._tiles = torch.from_numpy(tiles).to(device)
        self._scale = torch.from_numpy(np.tile(wh / seen, 2)).to(device)
        is_shrunk = (wh != seen).any(axis=1)
        self._has_shrunk = bool(is_shrunk.any())
        self._is_shrunk = torch.from_numpy(is_shrunk).to(device)

    def merge(
        self, candidates: Candidates, config: DetectorConfig, weights: tuple[float, ...]
    ) -> list[Detections]:
        """The objects of each frame, best score first.

        Args:
            candidates: Of all tiles, in pixels of their tile.
            config: Suppression and merging.
            weights: Of the sources.
        """
        if isinstance(config.merge, TogetherConfig):
            sources = Sources(weights, self._looks)
            moved = self._in_frame(candidates)
            together = replace(moved, image=take(self._frame, moved.image))
            found = suppress(together, config.suppression, config.confidence, sources)
            return [part[rank(part)] for part, _ in _split(found, np.arange(len(self._plans) + 1))]
        found = suppress(candidates, config.suppression, config.confidence, Sources(weights))
        found = self._without_small(self._in_frame(found), config)
        ends = np.cumsum([0, *(len(plan.tiles) for plan in self._plans)])
        return [
            merge_tiles(
                part,
                tiles,
                plan.tiles,
                config.merge,
                nms_iou=overlap_limit(config.suppression),
                class_aware=config.suppression.class_aware,
            )
            for plan, (part, tiles) in zip(self._plans, _split(found, ends), strict=True)
        ]

    def _in_frame(self, found: Candidates) -> Candidates:
        """The same in pixels of the resized frame."""
        tiles = take(self._tiles, found.image)
        low, high = tiles[:, :2].repeat(1, 2), tiles[:, 2:].repeat(1, 2)
        boxes = found.boxes.double() * take(self._scale, found.image) + low
        boxes = torch.minimum(torch.maximum(boxes, low), high)
        return replace(found, boxes=boxes.float())

    def _without_small(self, found: Candidates, config: DetectorConfig) -> Candidates:
        """Without what a pass over a whole frame found that a tile shows whole and larger."""
        if not self._has_shrunk:
            return found
        longest = (found.boxes[:, 2:] - found.boxes[:, :2]).amax(dim=1)
        small = longest <= config.tiling.overlap_px
        return found[set_rows(~(small & take(self._is_shrunk, found.image)))]

    def _looks(self, boxes: Tensor, frame: Tensor) -> Tensor:
        """How many tiles of its frame show the centre of each box."""
        x, y = ((boxes[:, :2] + boxes[:, 2:]) / 2).T
        looks = torch.zeros_like(frame)
        for tile, (x1, y1, x2, y2) in zip(self._frame, self._tiles, strict=True):
            looks += (frame == tile) & (x >= x1) & (x <= x2) & (y >= y1) & (y <= y2)
        return looks


def _split(found: Candidates, ends: IntArray) -> list[tuple[Detections, IntArray]]:
    """Detections of images `ends[k]` to `ends[k + 1]`, with the image of each from there on."""
    image = found.image.cpu().numpy()
    boxes, scores = found.boxes.cpu().numpy(), found.scores.cpu().numpy()
    class_ids = found.class_ids.cpu().numpy()
    features = None if found.features is None else found.features.cpu().numpy()
    every = Detections(boxes, scores, class_ids, features)
    order = np.argsort(image, kind="stable")
    places = np.searchsorted(image[order], ends)
    parts = []
    for begin, end, first in zip(places[:-1], places[1:], ends[:-1], strict=True):
        rows = order[begin:end]
        parts.append((every[rows], image[rows] - first))
    return parts
