"""Runs a network with torch, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import torch
from torch import Tensor

from detector.config import DetectorConfig, View
from detector.detections import Image
from detector.inference.appearance import describe
from detector.inference.candidates import Candidates
from detector.inference.decoding import find
from detector.inference.device import choose_device, choose_dtype
from detector.inference.tensors import set_rows, take
from detector.inference.views import in_image, look
from detector.model.checkpoint import load_checkpoint
from detector.model.network import Network
from detector.weights import DEFAULT_WEIGHTS

GREY = 114
"""Of the padding, as in training."""

_P3_STRIDE = 8
"""Of the backbone's map that tells how objects look. The neck's maps know an object's class and
little else: of 720 rendered cars, boxes 6 % off, the backbone's told 83 % right from all others
in the frame, the neck's 75 %."""


class TorchBackend:
    """A network of a run: normalisations folded, channels last, in the chosen precision.

    Args:
        config: Device, precision, views, least confidence, batch size, and whether candidates
            have features.
        model: The network; it is changed.

    Raises:
        ValueError: If the device is not there.
    """

    def __init__(self, config: DetectorConfig, model: Network) -> None:
        self._device = choose_device(config.device)
        self._dtype = choose_dtype(self._device, config.precision)
        self._config = config
        model = model.fuse()
        self.class_names = model.class_names
        self._strides = model.strides
        self._anchors_px = model.anchors_px.detach().float().to(self._device)
        model = model.to(self._device, self._dtype)
        self._model = model.to(memory_format=torch.channels_last)
        sources = enumerate(config.view_list)
        by_scale = sorted(sources, key=lambda source: -source[1].scale)
        self._passes = [
            _Pass(list(views), len(self._strides), self._device)
            for _, views in groupby(by_scale, key=lambda source: source[1].scale)
        ]

    @property
    def stride(self) -> int:
        """The coarsest head's, in pixels."""
        return max(self._strides)

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
            found = Candidates.join(list(self._run(self._upload(batch, padded_wh))))
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

    def _run(self, images: Tensor) -> Iterator[Candidates]:
        """What each head finds in each view of images of one size."""
        count, width = len(images), images.shape[3]
        for one in self._passes:
            seen = one.look(images, self.stride)
            for begin in range(0, len(seen), self._config.batch_tiles):
                maps = self._model.backbone(seen[begin : begin + self._config.batch_tiles])
                for place, logits in enumerate(self._model.predict(maps)):
                    row, boxes, scores, class_ids = find(
                        logits,
                        self._anchors_px[place],
                        self._strides[place],
                        self._config.confidence,
                        multi_label=self._config.multi_label,
                    )
                    features = None
                    if self._config.features:
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


class _Pass:
    """Views of one scale, which pass the network together.

    Args:
        sources: Place in the config's list, and view.
        heads: Of the network.
        device: Where its candidates are.
    """

    def __init__(
        self, sources: Sequence[tuple[int, View]], heads: int, device: torch.device
    ) -> None:
        self._views = [view for _, view in sources]
        self._scale = self._views[0].scale
        dropped = {None: None, "finest": 0, "coarsest": heads - 1}
        self._dropped = [dropped[view.without] for view in self._views]
        self._sources = torch.tensor([source for source, _ in sources], device=device)
        self._flipped = torch.tensor([view.flip for view in self._views], device=device)

    def look(self, images: Tensor, stride: int) -> Tensor:
        """All views of `(B, 3, H, W)` images, view by view."""
        if len(self._views) == 1:
            return look(images, self._views[0], stride)
        return torch.cat([look(images, view, stride) for view in self._views])

    def back(self, found: Candidates, head: int, width_px: int) -> Candidates:
        """What a head found, in pixels of the image, `source` as the config counts.

        Args:
            found: `source` is the place among these views.
            head: Place of the head, finest first.
            width_px: Of the image.
        """
        view = found.source
        boxes = found.boxes
        if self._scale != 1.0 or any(one.flip for one in self._views):
            boxes = in_image(boxes, take(self._flipped, view), self._scale, width_px)
        source = take(self._sources, view)
        found = replace(found, boxes=boxes, source=source)
        for place, dropped in enumerate(self._dropped):
            if dropped == head:
                stays = set_rows(view != place)
                found, view = found[stays], take(view, stays)
        return found


def load_network(weights: str) -> Network:
    """The network of a file, or of the embedded weights for `default`.

    Raises:
        ValueError: If there is no such file or it cannot be used.
    """
    path = DEFAULT_WEIGHTS if weights == "default" else Path(weights)
    if not path.is_file():
        raise ValueError(f"{path}: no such file; give 'default' or a .safetensors file")
    return load_checkpoint(path)
