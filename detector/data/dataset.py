"""The views of a training run, each decided by its number and the seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool

import numpy as np
import torch
from torch import Tensor

from detector.data.annotations import LabelledImage
from detector.data.augment import View, change_colours, cut_view, mosaic, quadrants, squash, turn
from detector.data.images import read_image
from detector.detections import Image
from detector.training.assignment import Targets
from detector.training.config import AugmentConfig, SourceConfig


class Pool:
    """The images of one data set and how views are drawn from them.

    Args:
        images: With their labels, at least one.
        config: Share, scale, turns, and whether to keep the decoded images in memory.
    """

    def __init__(self, images: Sequence[LabelledImage], config: SourceConfig) -> None:
        if not images:
            raise ValueError(f"{config.data}: no images to train on")
        self.config = config
        self._records = list(images)
        self._pixels: list[Image] | None = None
        if config.cache:
            with ThreadPool() as threads:
                self._pixels = threads.map(_read_record, self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> View:
        """One whole image with its labels."""
        record = self._records[index]
        image = _read_record(record) if self._pixels is None else self._pixels[index]
        return View(image, record.boxes, record.class_ids, record.ignore)


def _read_record(record: LabelledImage) -> Image:
    return read_image(record.path)


class TrainingViews:
    """View `i` of an endless training run; the same seed gives the same view.

    Args:
        pools: Data sets to draw from, none empty.
        image_px: Side of the views.
        augment: How they are changed.
        seed: Of all draws.
    """

    def __init__(
        self, pools: Sequence[Pool], image_px: int, augment: AugmentConfig, *, seed: int
    ) -> None:
        self._pools = list(pools)
        self._px = image_px
        self._augment = augment
        self._seed = seed
        shares = np.array([pool.config.share for pool in pools])
        self._shares = shares / shares.sum()

    def __getitem__(self, index: int) -> View:
        """The view of that number, from 0."""
        rng = np.random.default_rng((self._seed, index))
        if rng.random() < self._augment.mosaic:
            x, y = rng.integers(self._px // 4, self._px * 3 // 4 + 1, 2).tolist()
            split = (x, y)
            parts = [self._draw(size, rng) for size in quadrants(self._px, split)]
            view = mosaic(parts, self._px, split)
        else:
            view = self._draw((self._px, self._px), rng)
        image = change_colours(view.image, self._augment, rng)
        return View(image, view.boxes, view.class_ids, view.ignore)

    def _draw(self, out_wh: tuple[int, int], rng: np.random.Generator) -> View:
        """A window of a random image, scaled and turned."""
        pool = self._pools[int(rng.choice(len(self._pools), p=self._shares))]
        whole = pool[int(rng.integers(len(pool)))]
        low, high = np.log(pool.config.scale)
        scale = float(np.exp(rng.uniform(low, high)))
        quarters = int(rng.integers(4)) if pool.config.quarter_turns else 0
        lost = self._augment.squash * rng.random() if rng.random() < 0.5 else 0.0
        tall_wh = (out_wh[0], round(out_wh[1] / (1 - lost)))
        cut_wh = tall_wh if quarters % 2 == 0 else (tall_wh[1], tall_wh[0])
        view = cut_view(whole, cut_wh, scale, rng)
        view = turn(view, quarters, mirrored=bool(rng.random() < 0.5))
        return view if tall_wh == out_wh else squash(view, out_wh)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one optimiser step learns from.

    Attributes:
        images: `(B, 3, S, S)` uint8.
        targets: The objects.
        ignored: For each image `(K, 4)` float32 xyxy regions in pixels.
    """

    images: Tensor
    targets: Targets
    ignored: list[Tensor]


def collate(views: list[View]) -> Batch:
    """Views of one size as tensors."""
    boxes = [torch.from_numpy(view.boxes.astype(np.float32)) for view in views]
    corners = torch.cat(boxes)
    targets = Targets(
        torch.cat([torch.full((len(b),), i) for i, b in enumerate(boxes)]),
        torch.from_numpy(np.concatenate([view.class_ids for view in views])),
        torch.cat(((corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]), 1),
    )
    images = torch.from_numpy(np.stack([view.image for view in views])).permute(0, 3, 1, 2)
    return Batch(images, targets, [torch.from_numpy(view.ignore) for view in views])


def ignored_cells(regions: Sequence[Tensor], map_hw: tuple[int, int], stride: int) -> Tensor:
    """Cells whose centre lies in an ignore region, and that of its own centre.

    Returns:
        `(B, h, w)` bool.
    """
    height, width = map_hw
    mask = torch.zeros((len(regions), height, width), dtype=torch.bool)
    for index, boxes in enumerate(regions):
        cells = boxes / stride
        own = ((cells[:, :2] + cells[:, 2:]) / 2).floor()
        low = torch.minimum((cells[:, :2] - 0.5).ceil(), own).clamp(min=0).long()
        high = torch.maximum((cells[:, 2:] - 0.5).floor(), own).long() + 1
        for (x1, y1), (x2, y2) in zip(low.tolist(), high.tolist(), strict=True):
            mask[index, y1:y2, x1:x2] = True
    return mask
