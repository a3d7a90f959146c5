"""Views with painted rectangles, and where they are found again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import LabelledImage
from detector.data.augment import PADDING, View
from detector.detections import Image

Make = Callable[..., LabelledImage]
"""Writes an image of one colour with one box; the fixture `make`."""


def scene(wh: tuple[int, int], *boxes: tuple[int, int, int, int], ignore: bool = False) -> View:
    """White rectangles on black, each with its box; the ignore regions are the same boxes."""
    image = np.zeros((wh[1], wh[0], 3), np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = 255
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    none = np.zeros((0, 4), np.float32)
    return View(image, rows, np.arange(len(rows)), rows.copy() if ignore else none)


def find(image: Image) -> NDArray[np.float64]:
    """The box of the one white rectangle in an image, from its weight: exact below a pixel."""
    light = np.where(image[..., 0] <= PADDING, 0, image[..., 0]).astype(np.float64)
    columns, rows = (light.max(axis).clip(PADDING) - PADDING for axis in (0, 1))
    ends = []
    for profile in (columns, rows):
        weight = profile / (255 - PADDING)
        centre = (weight * (np.arange(len(weight)) + 0.5)).sum() / weight.sum()
        ends.append((centre - weight.sum() / 2, centre + weight.sum() / 2))
    (x1, x2), (y1, y2) = ends
    return np.array([x1, y1, x2, y2])
