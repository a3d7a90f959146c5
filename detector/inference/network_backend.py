"""A network on tiles, whatever runs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import torch
from torch import Tensor

from detector.config import DetectorConfig
from detector.detections import Image
from detector.inference.appearance import describe
from detector.inference.candidates import Candidates
from detector.inference.decoding import find
from detector.inference.passes import Pass
from detector.inference.runtime import Runtime
from detector.inference.tensors import set_rows, take

GREY = 114
"""Of the padding, as in training."""

_P3_STRIDE = 8
"""Of the backbone's map that tells how objects look. The neck's maps know an object's class and
little else: of 720 rendered cars, boxes 6 % off, the backbone's told 83 % right from all others
in the frame, the neck's 75 %."""


class NetworkBackend:
    """A network on tiles: batches of one size, views, decoding, candidates inside their tile.

    Args:
        config: Views, least confidence, batch size, and whether candidates have features.
        runtime: Runs the network; it gives features if the config asks for them.
    """

    def __init__(self, config: DetectorConfig, runtime: Runtime) -> None:
        self._config = config
        self._runtime = runtime
        self._device = runtime.device
        self._strides = runtime.facts.strides
        self._anchors_px = runtime.facts.anchors(runtime.device)
        sources = enumerate(config.view_list)
        by_scale = sorted(sources, key=lambda source: -source[1].scale)
        self._passes = [
            Pass(list(views), len(self._strides), self._device)
            for _, views in groupby(by_scale, key=lambda source: source[1].scale)
        ]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the network, indexed by class id."""
        return self._runtime.facts.class_names

    @property
    def stride(self) -> int:
        """The coarsest head's, in pixels."""
        return self._runtime.facts.stride

    @property
    def source_count(self) -> int:
        """Number of views."""
        return len(self._config.view_list)

    @torch.inference_mode()
    def infer(self, tiles: Sequence[Image]) -> Candidates:
        """Candidates of each tile, before suppression, in pixels of the tile."""
        parts: list[Candidates] = []
        for rows, padded_wh in self._batches(tiles):
            batch = [tiles[row] for row in rows]
            images = self._runtime.images(self._padded(batch, padded_wh))
            found = Candidates.join(list(self._run(images)))
            parts.append(self._inside(found, rows, batch))
        return Candidates.join(parts)

    def _batches(self, tiles: Sequence[Image]) -> Iterator[tuple[list[int], tuple[int, int]]]:
        """Rows of tiles that have one size once padded, as many as one batch takes."""
        by_size: dict[tuple[int, int], list[int]] = {}
        for row, tile in enumerate(tiles):
            height, width = (-(-side // self.stride) * self.stride for side in tile.shape[:2])
            by_size.setdefault((width, height), []).append(row)
        most = self._config.batch_tiles
        for padded_wh, rows in by_size.items():
            for begin in range(0, len(rows), most):
                yield rows[begin : begin + most], padded_wh

    def _padded(self, tiles: Sequence[Image], padded_wh: tuple[int, int]) -> Tensor:
        """`(B, H, W, 3)` uint8 on the CPU, padded right and below."""
        shape = (len(tiles), padded_wh[1], padded_wh[0], 3)
        pinned = self._device.type == "cuda"
        pixels = torch.full(shape, GREY, dtype=torch.uint8, pin_memory=pinned)
        for target, tile in zip(pixels.numpy(), tiles, strict=True):
            target[: tile.shape[0], : tile.shape[1]] = tile
        return pixels

    def _run(self, images: Tensor) -> Iterator[Candidates]:
        """What each head finds in each view of images of one size."""
        count, width = len(images), images.shape[3]
        for one in self._passes:
            seen = one.look(images, self.stride)
            for begin in range(0, len(seen), self._config.batch_tiles):
                maps = self._runtime.run(seen[begin : begin + self._config.batch_tiles])
                for place, logits in enumerate(maps.logits):
                    row, boxes, scores, class_ids = find(
                        logits,
                        self._anchors_px[place],
                        self._strides[place],
                        self._config.confidence,
                        multi_label=self._config.multi_label,
                    )
                    features = None
                    if self._config.features and maps.p3 is not None:
                        features = describe(maps.p3, _P3_STRIDE, row, boxes)
                    row += begin
                    found = Candidates(
                        boxes, scores, class_ids, row % count, row // count, features
                    )
                    yield one.back(found, place, width)

    def _inside(self, found: Candidates, rows: Sequence[int], tiles: Sequence[Image]) -> Candidates:
        """Candidates clipped to their tiles, numbered by `rows`; those in the padding fall."""
        sides = [tile.shape[1::-1] * 2 for tile in tiles]
        limits = torch.tensor(sides, dtype=torch.float32).to(self._device)
        boxes = torch.minimum(found.boxes.clamp(min=0), take(limits, found.image))
        image = take(torch.tensor(rows).to(self._device), found.image)
        found = replace(found, boxes=boxes, image=image)
        return found[set_rows((boxes[:, 2:] > boxes[:, :2]).all(dim=1))]
