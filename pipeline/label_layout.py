"""Where the labels of many boxes go without hiding each other or other boxes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracking.tracks import Float64Array

IntArray = NDArray[np.int64]

TOLERATED_SHARE = 0.15
"""Part of a label that may lie on other boxes."""


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where labels go.

    Attributes:
        corners: `(N, 2)` int64, left and top of each label in pixels.
        short: `(N,)` bool, whether the short label is used.
    """

    corners: IntArray
    short: NDArray[np.bool_]


def place_labels(
    boxes: Float64Array,
    long_w: IntArray,
    short_w: IntArray,
    label_h: int,
    image_wh: tuple[int, int],
) -> Placement:
    """A place for each label, near its box, inside the image where it fits there.

    A label stands above its box, or below, or inside if the box is large; if its long form
    would hide other boxes or labels, the short form takes the place that hides least. Boxes
    are served in order, so the first ones keep their places.

    Args:
        boxes: `(N, 4)` x1, y1, x2, y2 in pixels.
        long_w: `(N,)` width of each long label in pixels; 0 where only the short one may be.
        short_w: `(N,)` width of each short label in pixels.
        label_h: Height of all labels in pixels.
        image_wh: Of the image in pixels.
    """
    rects = _candidates(boxes, long_w, short_w, label_h, image_wh)
    grid = _Grid(image_wh, max(label_h // 2, 1))
    hidden = grid.share_on_other_boxes(rects, boxes)
    hidden[:, :3][long_w == 0] = np.inf
    large = (boxes[:, 3] - boxes[:, 1] >= 2.5 * label_h) & (
        boxes[:, 2] - boxes[:, 0] >= 1.5 * long_w
    )
    hidden[:, 2][~large] = np.inf
    choice = grid.choose(rects, hidden)
    corners = rects[np.arange(len(boxes)), choice, :2]
    return Placement(corners, choice >= 3)


def _candidates(
    boxes: Float64Array,
    long_w: IntArray,
    short_w: IntArray,
    label_h: int,
    image_wh: tuple[int, int],
) -> IntArray:
    """`(N, 6, 4)` x1, y1, x2, y2: above, below and inside for the long form, then the short."""
    left, top, _, bottom = np.rint(boxes).astype(np.int64).T
    y = np.stack([top - label_h, bottom + 1, top + 1], axis=1)
    y = np.concatenate([y, y], axis=1)
    w = np.repeat(np.stack([long_w, short_w], axis=1), 3, axis=1)
    x = np.clip(left[:, None], 0, np.maximum(image_wh[0] - w, 0))
    y = np.clip(y, 0, max(image_wh[1] - label_h, 0))
    return np.stack([x, y, x + w, y + label_h], axis=2)


class _Grid:
    """The image in coarse cells, which makes the work independent of the number of pairs."""

    def __init__(self, image_wh: tuple[int, int], cell_px: int) -> None:
        self._cell_px = cell_px
        self._shape = (image_wh[1] // cell_px + 1, image_wh[0] // cell_px + 1)

    def _cells(self, rects: IntArray | Float64Array) -> IntArray:
        """First and one past the last column and row that rectangles touch."""
        rows, columns = self._shape
        first = np.floor(rects[..., :2] / self._cell_px)
        last = np.ceil(rects[..., 2:] / self._cell_px)
        cells = np.concatenate([first, np.maximum(last, first + 1)], axis=-1)
        clipped: IntArray = np.clip(cells, 0, [columns, rows] * 2).astype(np.int64)
        return clipped

    def share_on_other_boxes(self, rects: IntArray, boxes: Float64Array) -> Float64Array:
        """How much of each candidate lies on boxes of others and outside its own, 0 to 1."""
        own = self._cells(boxes)
        covered = np.zeros(self._shape, np.uint8)
        for left, top, right, bottom in own.tolist():
            covered[top:bottom, left:right] = 1
        total = cv2.integral(covered)
        x1, y1, x2, y2 = own.T
        a1, b1, a2, b2 = np.moveaxis(self._cells(rects), -1, 0)
        on_boxes = total[b2, a2] - total[b1, a2] - total[b2, a1] + total[b1, a1]
        across = np.minimum(a2, x2[:, None]) - np.maximum(a1, x1[:, None])
        down = np.minimum(b2, y2[:, None]) - np.maximum(b1, y1[:, None])
        on_own = np.maximum(across, 0) * np.maximum(down, 0)
        area = np.maximum((a2 - a1) * (b2 - b1), 1)
        share: Float64Array = (on_boxes - on_own) / area
        return share

    def choose(self, rects: IntArray, hidden: Float64Array) -> IntArray:
        """The first candidate that hides little, else the short one that hides least."""
        taken = np.zeros(self._shape, np.uint8)
        fallback = 3 + np.argmin(hidden[:, 3:], axis=1)
        chosen = []
        cells = self._cells(rects).tolist()
        good = (hidden <= TOLERATED_SHARE).tolist()
        for row, candidates in enumerate(cells):
            pick = int(fallback[row])
            for index, (x1, y1, x2, y2) in enumerate(candidates):
                if good[row][index] and not taken[y1:y2, x1:x2].any():
                    pick = index
                    break
            x1, y1, x2, y2 = candidates[pick]
            taken[y1:y2, x1:x2] = 1
            chosen.append(pick)
        return np.array(chosen, np.int64)
