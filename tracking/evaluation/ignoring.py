"""Found boxes that count neither as right nor as wrong: a rule for each protocol."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import linear_sum_assignment

from tracking.evaluation.rows import BoolArray, TrackRows, Truth
from tracking.tracks import Float64Array

MATCH_IOU = 0.5
"""From this IoU a found box stands for a true one."""

_EPS = float(np.finfo(float).eps)


def strictly_inside(truth: Truth, found: TrackRows) -> tuple[TrackRows, TrackRows]:
    """UAVDT: drops the found boxes that lie inside an ignored rectangle without touching its edge.

    The true boxes stay, as in the toolkit: one inside such a rectangle is always missed (98 boxes
    of M0401 are), so the truth itself does not score 100 there.
    """
    keep = np.ones(len(found), bool)
    for rows, regions in _frames(found, truth.ignored):
        left, top, right, bottom = found.boxes[rows].T[:, :, None]
        x1, y1, x2, y2 = regions.T
        inside = (left > x1) & (top > y1) & (right < x2) & (bottom < y2)
        keep[rows] = ~np.any(inside, axis=1)
    return truth.tracks, found[keep]


def half_covered(truth: Truth, found: TrackRows) -> tuple[TrackRows, TrackRows]:
    """VisDrone: drops true and found boxes with half of their area or more in ignored regions.

    Regions that overlap count once. The toolkit draws them into a map of whole pixels, so its
    shares differ by up to a pixel's row; and it cleans the truth first and then looks for
    regions in the cleaned truth, so that found boxes all stay. The rule meant is kept here.
    """
    return _outside(truth.tracks, truth.ignored), _outside(found, truth.ignored)


def not_on_distractors(truth: Truth, found: TrackRows) -> tuple[TrackRows, TrackRows]:
    """MOTChallenge: drops the found boxes that are matched to an ignored object.

    In each frame all true boxes, those that do not count too, are matched to the found ones with
    the largest sum of IoU, from `MATCH_IOU` up (TrackEval, `MotChallenge2DBox`).
    """
    keep = np.ones(len(found), bool)
    for rows, distractors in _frames(found, truth.ignored):
        frame = int(found.frames[rows.start])
        others = [part.boxes[part.at(frame)] for part in (truth.tracks, truth.neutral)]
        iou = box_ious(np.concatenate((distractors, *others)), found.boxes[rows])
        iou[iou < MATCH_IOU - _EPS] = 0
        true, shown = linear_sum_assignment(-iou)
        excused = (true < len(distractors)) & (iou[true, shown] > _EPS)
        keep[rows.start + shown[excused]] = False
    return truth.tracks, found[keep]


def box_ious(first: Float64Array, second: Float64Array) -> Float64Array:
    """`(N, M)` intersection over union of `(N, 4)` and `(M, 4)` xyxy boxes.

    0 for boxes without area. The terms and their order are TrackEval's, so that the last bit
    agrees at a threshold.

    >>> box_ious(np.array([[0.0, 0, 4, 4]]), np.array([[2.0, 0, 6, 4], [0, 0, 0, 4]])).round(3)
    array([[0.333, 0.   ]])
    """
    size = np.minimum(first[:, None, 2:], second[None, :, 2:])
    size -= np.maximum(first[:, None, :2], second[None, :, :2])
    shared = np.maximum(size[..., 0], 0) * np.maximum(size[..., 1], 0)
    area, other = _areas(first), _areas(second)
    union = area[:, None] + other[None] - shared
    solid = (area > _EPS)[:, None] & (other > _EPS)[None] & (union > _EPS)
    ious: Float64Array = np.divide(shared, union, out=np.zeros_like(shared), where=solid)
    return ious


def covered_shares(boxes: Float64Array, regions: Float64Array) -> Float64Array:
    """`(N,)` share of each box's area that lies in one region or more; 0 for empty boxes.

    >>> regions = np.array([[0.0, 0, 4, 4], [2, 0, 6, 4]])
    >>> covered_shares(np.array([[0.0, 0, 8, 4]]), regions)
    array([0.75])
    """
    # The regions' edges cut the plane into a grid; each cell is covered whole or not at all.
    xs, ys = np.unique(regions[:, ::2]), np.unique(regions[:, 1::2])
    left, top, right, bottom = regions.T[:, :, None]
    in_x = (left <= xs[:-1]) & (xs[1:] <= right)
    in_y = (top <= ys[:-1]) & (ys[1:] <= bottom)
    cells = np.einsum("rx,ry->xy", in_x.astype(float), in_y.astype(float)) > 0
    wide = np.minimum(boxes[:, 2:3], xs[1:]) - np.maximum(boxes[:, 0:1], xs[:-1])
    high = np.minimum(boxes[:, 3:4], ys[1:]) - np.maximum(boxes[:, 1:2], ys[:-1])
    shared = ((np.maximum(wide, 0) @ cells) * np.maximum(high, 0)).sum(axis=1)
    area = _areas(boxes)
    shares: Float64Array = np.divide(shared, area, out=np.zeros_like(area), where=area > 0)
    return shares


def _outside(rows: TrackRows, regions: TrackRows) -> TrackRows:
    keep: BoolArray = np.ones(len(rows), bool)
    for part, boxes in _frames(rows, regions):
        keep[part] = covered_shares(rows.boxes[part], boxes) < 0.5
    return rows[keep]


def _frames(rows: TrackRows, regions: TrackRows) -> Iterator[tuple[slice, Float64Array]]:
    """The rows and the regions of each frame that has both."""
    for frame in np.intersect1d(rows.frames, regions.frames).tolist():
        yield rows.at(frame), regions.boxes[regions.at(frame)]


def _areas(boxes: Float64Array) -> Float64Array:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
