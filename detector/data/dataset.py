"""The views of a training run, each decided by its number and the seed alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from detector.data.augment import View
from detector.data.colours import change_colours
from detector.data.composing import Composer
from detector.data.mixing import mixup
from detector.data.pool import Pool
from detector.data.targets import Targets
from detector.data.views_config import AugmentConfig
from detector.detections import IntArray

SIDE_MULTIPLE = 32
"""The views' sides are multiples of the coarsest stride."""

MIXUP_SHAPE = 32.0
"""Both parameters of mixup's beta distribution: most shares lie between 0.4 and 0.6."""

# Parts of the seeds of draws that are none of a view's own.
_SIDES, _EPOCHS = 1, 2


class TrainingViews:
    """View `i` of an endless training run; the same seed gives the same view.

    Images are drawn at random, data sets by their shares. With `epoch_order` and one data set
    whose images are all alike (no `rare_below`), each image leads exactly one view of an epoch,
    in an order of the epoch's own; all other parts of mosaics and mixtures are drawn as ever.

    Args:
        pools: Data sets to draw from, none empty.
        image_px: Side of the views.
        augment: How they are changed.
        seed: Of all draws.
        batch: Views that share a side when `multi_scale` changes it.
        epoch_order: Whether the run is counted in epochs of as many views as images.
    """

    def __init__(
        self,
        pools: Sequence[Pool],
        image_px: int,
        augment: AugmentConfig,
        *,
        seed: int,
        batch: int = 1,
        epoch_order: bool = False,
    ) -> None:
        self._pools = list(pools)
        self._image_px = image_px
        self._augment = augment
        self._seed = seed
        self._batch = batch
        self._in_order = epoch_order and len(pools) == 1 and not pools[0].config.rare_below
        self._composer = Composer(pools, image_px, augment)
        self._order = lru_cache(maxsize=4)(self._order_of_epoch)

    def __getitem__(self, index: int) -> View:
        """The view of that number, from 0."""
        rng = np.random.default_rng((self._seed, index))
        lead = self._lead(index)
        px = self._side(index // self._batch)
        view = self._composer.compose(px, lead, rng)
        if self._augment.mixup and rng.random() < self._augment.mixup:
            share = float(rng.beta(MIXUP_SHAPE, MIXUP_SHAPE))
            view = mixup(view, self._composer.compose(px, None, rng), share)
        image = change_colours(view.image, self._augment, rng)
        return View(image, view.boxes, view.class_ids, view.ignore)

    def _lead(self, index: int) -> int | None:
        """The image that the view begins with; `None` if it is drawn."""
        if not self._in_order:
            return None
        epoch, place = divmod(index, len(self._pools[0]))
        return int(self._order(epoch)[place])

    def _order_of_epoch(self, epoch: int) -> IntArray:
        rng = np.random.default_rng((self._seed, epoch, _EPOCHS))
        return rng.permutation(len(self._pools[0]))

    def _side(self, step: int) -> int:
        """Of all views of that batch."""
        change = self._augment.multi_scale
        if not change:
            return self._image_px
        low, high = (round(self._image_px * f / SIDE_MULTIPLE) for f in (1 - change, 1 + change))
        rng = np.random.default_rng((self._seed, step, _SIDES))
        return SIDE_MULTIPLE * int(rng.integers(max(low, 1), high + 1))


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
