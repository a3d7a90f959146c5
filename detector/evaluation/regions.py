"""How much of a box lies in ignore regions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from detector.data.annotations import Float32Array, LabelledImage
from detector.detections import FloatArray
from detector.evaluation.matching import Boxes, Floats, Mask, box_areas

HALF = 0.5
"""Share of its own area from which on a box belongs to the regions."""


def covered_shares(boxes: FloatArray, regions: Float32Array) -> Floats:
    """`(N,)` shares of the boxes' own areas that the regions cover together; 0 without area.

    What two regions share counts once. The covered area left of and above a point is bilinear
    between the regions' sides, so four look-ups in a small table give a box's part; that is exact
    for whole coordinates.

    Args:
        boxes: `(N, 4)` `x1, y1, x2, y2`.
        regions: `(K, 4)` likewise; `K` may be 0.

    >>> covered_shares(np.array([[0.0, 0, 4, 4]]), np.array([[2, 0, 9, 9]], np.float32)).tolist()
    [0.5]
    """
    if len(regions) == 0 or len(boxes) == 0:
        return np.zeros(len(boxes))
    sides = regions.astype(np.float64)
    xs, ys = np.unique(sides[:, 0::2]), np.unique(sides[:, 1::2])
    is_covered = np.zeros((len(ys) - 1, len(xs) - 1), bool)
    columns, rows = np.searchsorted(xs, sides[:, 0::2]), np.searchsorted(ys, sides[:, 1::2])
    for (left, right), (top, bottom) in zip(columns, rows, strict=True):
        is_covered[top:bottom, left:right] = True
    # Of the plane left of and above each grid point: the covered area, the covered length of its
    # column of cells and that of its row of cells.
    heights, widths = np.diff(ys)[:, None], np.diff(xs)
    area, down, across = np.zeros((3, len(ys), len(xs)))
    area[1:, 1:] = (is_covered * heights * widths).cumsum(0).cumsum(1)
    down[1:, :-1] = (is_covered * heights).cumsum(0)
    across[:-1, 1:] = (is_covered * widths).cumsum(1)

    def covered(x: Floats, y: Floats) -> Floats:
        x, y = np.clip(x, xs[0], xs[-1]), np.clip(y, ys[0], ys[-1])
        column = np.clip(np.searchsorted(xs, x, "right") - 1, 0, len(xs) - 2)
        row = np.clip(np.searchsorted(ys, y, "right") - 1, 0, len(ys) - 2)
        dx, dy = x - xs[column], y - ys[row]
        inside = is_covered[row, column] * dx * dy
        total: Floats = area[row, column] + dx * down[row, column] + dy * across[row, column]
        return total + inside

    x1, y1, x2, y2 = boxes.T.astype(np.float64)
    part = covered(x2, y2) - covered(x1, y2) - covered(x2, y1) + covered(x1, y1)
    areas = box_areas(boxes.astype(np.float64))
    return np.divide(part, areas, out=np.zeros(len(boxes)), where=areas > 0)


def in_regions(boxes: Boxes, truth: Sequence[LabelledImage]) -> Mask:
    """`(N,)`, which boxes have at least half of their own area in their image's regions."""
    inside = np.zeros(len(boxes), bool)
    with_regions = [at for at, image in enumerate(truth) if len(image.ignore)]
    order = np.argsort(boxes.images, kind="stable")
    first = np.searchsorted(boxes.images, with_regions, sorter=order)
    last = np.searchsorted(boxes.images, with_regions, "right", sorter=order)
    for at, start, end in zip(with_regions, first, last, strict=True):
        rows = order[start:end]
        inside[rows] = covered_shares(boxes.boxes[rows], truth[at].ignore) >= HALF
    return inside
