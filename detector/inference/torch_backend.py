"""Runs a network with torch, on the CPU or a GPU."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detector.config import DetectorConfig
from detector.detections import Detections, FloatArray, Image
from detector.inference.device import choose_device, choose_dtype
from detector.model.checkpoint import load_checkpoint
from detector.model.tph_yolov5 import TphYolov5pp
from detector.weights import DEFAULT_WEIGHTS

GREY = 114
"""Of the padding, as in training."""


class TorchBackend:
    """The network of a run: normalisations folded, channels last, in the chosen precision.

    Args:
        config: Weights, device, precision, least confidence and batch size.
        model: The network, in place of the one that `config.weights` names; it is changed.

    Raises:
        ValueError: If the weights cannot be read or the device is not there.
    """

    def __init__(self, config: DetectorConfig, model: TphYolov5pp | None = None) -> None:
        self._device = choose_device(config.device)
        self._dtype = choose_dtype(self._device, config.precision)
        self._confidence = config.confidence
        self._batch_tiles = config.batch_tiles
        model = (model or load_checkpoint(_weights_path(config.weights))).fuse()
        self.class_names = model.class_names
        self._strides = model.strides
        self._anchors_px = model.anchors_px.detach().float().to(self._device)
        model = model.to(self._device, self._dtype)
        self._model = model.to(memory_format=torch.channels_last)

    @property
    def stride(self) -> int:
        """The coarsest head's, in pixels."""
        return max(self._strides)

    def infer(self, tiles: Sequence[Image]) -> list[Detections]:
        """Candidates of each tile, before suppression, in pixels of the tile, in float32."""
        found = [Detections.empty()] * len(tiles)
        for rows, padded_wh in self._batches(tiles):
            batch = [tiles[row] for row in rows]
            for row, candidates in zip(rows, self._run(batch, padded_wh), strict=True):
                found[row] = candidates
        return found

    def _batches(self, tiles: Sequence[Image]) -> Iterator[tuple[list[int], tuple[int, int]]]:
        """Rows of tiles that have one size once padded, as many as one batch takes."""
        by_size: dict[tuple[int, int], list[int]] = {}
        for row, tile in enumerate(tiles):
            height, width = (-(-side // self.stride) * self.stride for side in tile.shape[:2])
            by_size.setdefault((width, height), []).append(row)
        for padded_wh, rows in by_size.items():
            for begin in range(0, len(rows), self._batch_tiles):
                yield rows[begin : begin + self._batch_tiles], padded_wh

    @torch.inference_mode()
    def _run(self, tiles: Sequence[Image], padded_wh: tuple[int, int]) -> list[Detections]:
        heads = self._model(self._upload(tiles, padded_wh))
        rows = torch.cat(
            [
                self._candidates(head, anchors, stride)
                for head, anchors, stride in zip(
                    heads, self._anchors_px, self._strides, strict=True
                )
            ]
        )
        return _by_tile(rows.cpu().numpy(), tiles)

    def _upload(self, tiles: Sequence[Image], padded_wh: tuple[int, int]) -> Tensor:
        """`(B, 3, H, W)` in 0..1 on the device, channels last, padded right and below.

        Bytes travel, and become numbers on the device.
        """
        shape = (len(tiles), padded_wh[1], padded_wh[0], 3)
        pinned = self._device.type == "cuda"
        pixels = torch.full(shape, GREY, dtype=torch.uint8, pin_memory=pinned)
        for target, tile in zip(pixels.numpy(), tiles, strict=True):
            target[: tile.shape[0], : tile.shape[1]] = tile
        images = pixels.to(self._device, non_blocking=pinned).permute(0, 3, 1, 2)
        return images.to(self._dtype).div_(255)

    def _candidates(self, logits: Tensor, anchors_px: Tensor, stride: int) -> Tensor:
        """`(K, 7)` float32: tile, x1, y1, x2, y2, score, class of what one head finds.

        No class raises a score above its objectness, so that alone sorts out nearly all anchors
        before anything else is computed.
        """
        threshold = math.log(self._confidence / (1 - self._confidence))
        where = (logits[..., 4] >= threshold).nonzero()
        tile, anchor, row, column = where.unbind(1)
        found = logits[tile, anchor, row, column].float().sigmoid()
        class_score, class_id = found[:, 5:].max(dim=1)
        score = found[:, 4] * class_score
        centre = (2 * found[:, :2] - 0.5 + torch.stack((column, row), 1)) * stride
        half = 2 * found[:, 2:4] ** 2 * anchors_px[anchor]
        columns = (tile[:, None], centre - half, centre + half, score[:, None], class_id[:, None])
        candidates = torch.cat([column.float() for column in columns], dim=1)
        return candidates[score >= self._confidence]


def _by_tile(rows: FloatArray, tiles: Sequence[Image]) -> list[Detections]:
    """Candidates of each tile, clipped to it; those in the padding are left out."""
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    ends = np.searchsorted(rows[:, 0], np.arange(len(tiles)), side="right")
    found = []
    for part, tile in zip(np.split(rows, ends[:-1]), tiles, strict=True):
        height, width = tile.shape[:2]
        limits = np.array([width, height, width, height], np.float32)
        boxes = np.clip(part[:, 1:5], np.float32(0), limits)
        inside = (boxes[:, 2:] > boxes[:, :2]).all(axis=1)
        scores, class_ids = part[inside, 5], part[inside, 6].astype(np.int64)
        found.append(Detections(boxes[inside], scores, class_ids))
    return found


def _weights_path(weights: str) -> Path:
    path = DEFAULT_WEIGHTS if weights == "default" else Path(weights)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; give 'default' or a .safetensors file")
    return path
