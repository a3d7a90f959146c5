"""Where the labels of many boxes go without hiding each other or other boxes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tracking.tracks import Float64Array

IntArray = NDArray[np.int64]

FORMS = 3
"""Places of each form: above, below, inside; the long form's come first."""
UNPLACED = -1
TOLERATED_SHARE = 0.15
"""Part of a label that may lie on other boxes."""
KEPT_SHARE = 0.35
"""The same for a label that stays where it was, so that labels do not hop."""
REGAINED_SHARE = 0.05
"""The same for a short label that becomes long again."""


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """Where labels go.

    Attributes:
        corners: `(N, 2)` int64, left and top of each label in pixels.
        choices: `(N,)` int64, which place each got, for the next frame.
    """

    corners: IntArray
    choices: IntArray

    @property
    def short(self) -> NDArray[np.bool_]:
        """`(N,)`, whether the short label is used."""
        return self.choices >= FORMS


def place_labels(
    boxes: Float64Array,
    widths: IntArray,
    label_h: int,
    image_wh: tuple[int, int],
    before: IntArray,
) -> Placement:
    """A place for each label, near its box, inside the image where it fits there.

    A label stands above its box, or below, or inside if the box is large; if its long form
    would hide other boxes or labels, the short form takes the place that hides least. Labels
    that can stay where they were do; the others are served in order.

    Args:
        boxes: `(N, 4)` x1, y1, x2, y2 in pixels.
        widths: `(N, 2)` of each label's long and short form in pixels; a long width of 0
            rules that form out.
        label_h: Height of all labels in pixels.
        image_wh: Of the image in pixels.
        before: `(N,)` the choices in the frame before, `UNPLACED` for new labels.
    """
    rects = _candidates(boxes, widths, label_h, image_wh)
    grid = _Grid(image_wh, max(label_h // 4, 1))
    hidden = grid.share_on_other_boxes(rects, boxes)
    long_w = widths[:, 0]
    hidden[long_w == 0, :FORMS] = np.inf
    sides = boxes[:, 2:] - boxes[:, :2]
    large = (sides[:, 0] >= 1.5 * long_w) & (sides[:, 1] >= 2.5 * label_h)
    hidden[~large, FORMS - 1] = np.inf
    choices = grid.choose(rects, hidden, before)
    return Placement(rects[np.arange(len(boxes)), choices, :2], choices)


def _candidates(
    boxes: Float64Array, widths: IntArray, label_h: int, image_wh: tuple[int, int]
) -> IntArray:
    """`(N, 6, 4)` x1, y1, x2, y2: above, below and inside for the long form, then the short."""
    left, top, _, bottom = np.rint(boxes).astype(np.int64).T
    y = np.stack([top - label_h, bottom + 1, top + 1], axis=1)
    y = np.concatenate([y, y], axis=1)
    w = np.repeat(widths, FORMS, axis=1)
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

    def choose(self, rects: IntArray, hidden: Float64Array, before: IntArray) -> IntArray:
        """Each row's first candidate that hides little, else the short one that hides least."""
        taken = np.zeros(self._shape, np.uint8)
        cells = self._cells(rects).tolist()
        good = _tolerable(hidden, before).tolist()
        last_resort = FORMS + np.argmin(hidden[:, FORMS:], axis=1)
        last_resort = np.where(before >= FORMS, before, last_resort).tolist()
        choices = before.tolist()
        # Long labels that were there before come first, so that new ones do not push them away.
        for row in np.argsort((before < 0) | (before >= FORMS), kind="stable").tolist():
            old = choices[row]
            pick = last_resort[row]
            for index in TRIES[old]:
                x1, y1, x2, y2 = cells[row][index]
                # One cell of overlap is forgiven to a label that stays.
                slack = int(index == old)
                inner = taken[y1 + slack : y2 - slack, x1 + slack : x2 - slack]
                if good[row][index] and not inner.any():
                    pick = index
                    break
            x1, y1, x2, y2 = cells[row][pick]
            taken[y1:y2, x1:x2] = 1
            choices[row] = pick
        return np.array(choices, np.int64)


LONG, SHORT = tuple(range(FORMS)), tuple(range(FORMS, 2 * FORMS))
TRIES = {
    UNPLACED: (*LONG, *SHORT),
    **{old: (old, *LONG, *SHORT) for old in LONG},
    **{old: (*LONG, old, *SHORT) for old in SHORT},
}
"""The order in which places are tried, by the place before."""


def _tolerable(hidden: Float64Array, before: IntArray) -> NDArray[np.bool_]:
    """`(N, 6)`, whether a candidate hides little enough of other boxes."""
    limit = np.full(hidden.shape, TOLERATED_SHARE)
    limit[before >= FORMS, :FORMS] = REGAINED_SHARE
    placed = np.flatnonzero(before >= 0)
    limit[placed, before[placed]] = KEPT_SHARE
    return hidden <= limit
