"""The images of one data set, and how they are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import LabelledImage
from detector.data.augment import View
from detector.data.images import read_image
from detector.data.mixing import free_standing
from detector.data.views_config import SourceConfig
from detector.detections import Image

MOST_PASTED = 3
"""Objects that are pasted from one image."""


class Pool:
    """The images of one data set and how views are drawn from them.

    Args:
        images: With their labels, at least one.
        config: Share, scale, turns, and whether to keep the decoded images in memory.

    Raises:
        ValueError: If there is no image, one cannot be read, or they do not fit `cache_gb`.
    """

    def __init__(self, images: Sequence[LabelledImage], config: SourceConfig) -> None:
        if not images:
            raise ValueError(f"{Path(config.data).name}: no images to train on")
        self.config = config
        self._records = list(images)
        self._chances = _image_chances(self._records, config.rare_below)
        self._pixels: list[Image] | None = None
        if config.cache:
            _check_room(self._records, config)
            with ThreadPool() as threads:
                self._pixels = threads.map(_read_record, self._records)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> View:
        """One whole image with its labels."""
        record = self._records[index]
        image = _read_record(record) if self._pixels is None else self._pixels[index]
        return View(image, record.boxes, record.class_ids, record.ignore)

    def draw(self, rng: np.random.Generator) -> int:
        """The number of a random image."""
        if self._chances is None:
            return int(rng.integers(len(self)))
        return int(np.searchsorted(self._chances, rng.random(), "right"))

    def draw_objects(self, rng: np.random.Generator) -> tuple[int, list[int]]:
        """An image and rows of up to `MOST_PASTED` of its objects; no row if none is fit to paste.

        The first is drawn by its class, with a chance that falls with the root of the class's
        number of objects; the others are of the same image.
        """
        return self._objects.draw(rng)

    @cached_property
    def _objects(self) -> _Objects:
        return _Objects(self._records)


class _Objects:
    """All objects of a data set that stand free, by class."""

    def __init__(self, records: Sequence[LabelledImage]) -> None:
        masks = [free_standing(record.boxes, record.ignore) for record in records]
        counts = [int(mask.sum()) for mask in masks]
        self._image = np.repeat(np.arange(len(records)), counts)
        self._row = np.concatenate([np.flatnonzero(mask) for mask in masks])
        ids = np.concatenate([r.class_ids[m] for r, m in zip(records, masks, strict=True)])
        self._first = np.cumsum([0, *counts])
        number = np.bincount(ids) if len(ids) else np.ones(1)
        chances = 1 / np.sqrt(number[ids])
        # By its own last entry: the sum, rounded otherwise, may leave draws above all entries.
        rising = np.cumsum(chances)
        self._chances = rising / rising[-1:]

    def draw(self, rng: np.random.Generator) -> tuple[int, list[int]]:
        if not len(self._row):
            return 0, []
        drawn = int(np.searchsorted(self._chances, rng.random(), "right"))
        image = int(self._image[drawn])
        near = np.arange(self._first[image], self._first[image + 1])
        others = rng.permutation(near[near != drawn])[: int(rng.integers(MOST_PASTED))]
        return image, self._row[[drawn, *others]].tolist()


def _image_chances(
    records: Sequence[LabelledImage], rare_below: float
) -> NDArray[np.float64] | None:
    """Cumulative chances of the images; `None` if all are alike."""
    if not rare_below:
        return None
    held = [np.unique(record.class_ids) for record in records]
    shares = np.bincount(np.concatenate(held), minlength=1) / len(records)
    repeats = np.sqrt(np.maximum(rare_below / np.maximum(shares, 1e-12), 1))
    weights = np.array([repeats[ids].max(initial=1) for ids in held])
    rising = np.cumsum(weights)
    return np.asarray(rising / rising[-1], np.float64)


def _check_room(records: Sequence[LabelledImage], config: SourceConfig) -> None:
    needed = sum(3 * record.image_wh[0] * record.image_wh[1] for record in records) / 1e9
    if needed > config.cache_gb:
        raise ValueError(
            f"{Path(config.data).name}: cache: {len(records)} decoded images take {needed:.3g} GB, "
            f"more than `cache_gb` {config.cache_gb:g}; raise it or set `cache: false`"
        )


def _read_record(record: LabelledImage) -> Image:
    return read_image(record.path)
