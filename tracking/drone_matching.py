"""How the drone mode matches detections to tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detector.detections import IntArray
from tracking.association import Split, assign_below, by_row, split
from tracking.overlap import Intp, Pairs, overlaps
from tracking.tracks import Float64Array

_BUFFER = 0.3
"""Boxes grow by this share of their size on each side before they are compared, so that small
fast ones meet (buffered IoU: Yang et al., "Hard to track objects with irregular motions and
similar appearances? Make it easier by buffering the matching space", 2023)."""

_USUAL_GROWTH = 0.5
_FAR_LIMIT = 0.5

_FIRST_SIZES = 1.3
"""An object seen only once, of unknown speed, may have moved by so many of its sizes."""

_USUAL_MOVES = 2.0
_LEAST_MOVE_SIZES = 0.3
"""But where others are matched, by no more than so many times what four of five of these were
off, or by so many sizes if that is more. Else the track of an object that is missed in its
second frame takes a neighbour that was missed in the first."""

_LEAST_MATCHED = 3
_MOST_OF_THEM = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """The tracks, or the detections, of a frame.

    Attributes:
        xyxy: `(N, 4)`.
        groups: `(N,)`, only boxes of one group match.
    """

    xyxy: Float64Array
    groups: IntArray


def match_near(
    tracks: Boxes, rows: Intp, detections: Boxes, candidates: Intp, least_iou: float
) -> Split:
    """Assigns by buffered IoU, which must be above `least_iou`.

    Args:
        tracks: All tracks, as predicted.
        rows: Of the tracks that take part.
        detections: All detections.
        candidates: Those that take part.
        least_iou: Above 0, below 1.
    """
    if not len(rows) or not len(candidates):
        return Split(rows[:0], candidates[:0], rows, candidates)
    pairs = overlaps(_grown(tracks.xyxy[rows]), _grown(detections.xyxy[candidates]), plus_one=False)
    pairs = _some(pairs, _same_group(tracks, rows, detections, candidates, pairs))
    found = assign_below(pairs, 1 - pairs.ious, 1 - least_iou)
    return split(rows, candidates, found)


def match_far(
    tracks: Boxes, rows: Intp, reach: Float64Array, detections: Boxes, candidates: Intp
) -> Split:
    """Assigns detections of about the same size within reach of where a track should be.

    Args:
        tracks: All tracks, as predicted.
        rows: Of the tracks that take part.
        reach: `(R, 2)`, how far in x and y each of those may be from its detection.
        detections: All detections.
        candidates: Those that take part.
    """
    if not len(rows) or not len(candidates):
        return Split(rows[:0], candidates[:0], rows, candidates)
    pairs, costs = _within_reach(tracks, rows, reach, detections, candidates)
    return split(rows, candidates, assign_below(pairs, costs, _FAR_LIMIT))


def match_sole(
    tracks: Boxes, rows: Intp, reach: Float64Array, others: Boxes, candidates: Intp
) -> Split:
    """As `match_far`, but only where neither side has a second choice."""
    pairs, _ = _within_reach(tracks, rows, reach, others, candidates)
    sole = np.bincount(pairs.rows, minlength=len(rows))[pairs.rows] == 1
    sole &= np.bincount(pairs.cols, minlength=len(candidates))[pairs.cols] == 1
    return split(rows, candidates, by_row(pairs.rows[sole], pairs.cols[sole]))


def _within_reach(
    tracks: Boxes, rows: Intp, reach: Float64Array, detections: Boxes, candidates: Intp
) -> tuple[Pairs, Float64Array]:
    """The pairs that `match_far` may make, and their costs."""
    centre, size = centres(tracks.xyxy[rows])
    pairs = overlaps(
        np.concatenate((centre - size / 2 - reach, centre + size / 2 + reach), axis=1),
        detections.xyxy[candidates],
        plus_one=False,
    )
    pairs = _some(pairs, _same_group(tracks, rows, detections, candidates, pairs))
    place, extent = centres(detections.xyxy[candidates])
    away = (place[pairs.cols] - centre[pairs.rows]) / reach[pairs.rows]
    growth = np.log(extent[pairs.cols] / size[pairs.rows]) / _USUAL_GROWTH
    costs = ((away**2).sum(axis=1) + (growth**2).sum(axis=1)) / 4
    near = costs < _FAR_LIMIT
    return _some(pairs, near), costs[near]


def repeats(boxes: Boxes, rows: Intp, others: Intp, most_iou: float) -> NDArray[np.bool_]:
    """Which of the boxes `rows` show the same object as one of `others`.

    Args:
        boxes: All boxes.
        rows: Those that are asked about.
        others: Those that they are compared with.
        most_iou: Two boxes of one group that overlap more are one object.
    """
    found = np.zeros(len(rows), bool)
    pairs = overlaps(boxes.xyxy[rows], boxes.xyxy[others], plus_one=False)
    same = _same_group(boxes, rows, boxes, others, pairs)
    found[pairs.rows[same & (pairs.ious > most_iou)]] = True
    return found


def doubles(tracks: Boxes, rows: Intp, others: Intp, most_iou: float) -> list[tuple[int, int]]:
    """Pairs of tracks of one group, one of each set, that overlap more than two objects do."""
    pairs = overlaps(tracks.xyxy[rows], tracks.xyxy[others], plus_one=False)
    same = _same_group(tracks, rows, tracks, others, pairs) & (pairs.ious > most_iou)
    found = sorted(zip(rows[pairs.rows[same]], others[pairs.cols[same]], strict=True))
    return [(int(row), int(other)) for row, other in found]


def first_reach(tracks: Boxes, rows: Intp, detections: Boxes, matched: Split) -> Float64Array:
    """`(R, 1)`, how far tracks seen only once may be from where they were.

    Args:
        tracks: All tracks, as predicted.
        rows: Of those seen once.
        detections: All detections.
        matched: What has been matched so far.
    """
    most = _FIRST_SIZES
    if len(matched.rows) >= _LEAST_MATCHED:
        there, _ = centres(detections.xyxy[matched.fed])
        expected, _ = centres(tracks.xyxy[matched.rows])
        away = np.hypot(*(there - expected).T) / _mean_size(tracks.xyxy[matched.rows])
        usual = _USUAL_MOVES * float(np.quantile(away, _MOST_OF_THEM))
        most = min(most, max(_LEAST_MOVE_SIZES, usual))
    return np.asarray(most * _mean_size(tracks.xyxy[rows])[:, None])


def centres(boxes: Float64Array) -> tuple[Float64Array, Float64Array]:
    """`(N, 2)` centres and `(N, 2)` widths and heights of `(N, 4)` xyxy boxes."""
    return (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]


def _same_group(
    first: Boxes, rows: Intp, second: Boxes, cols: Intp, pairs: Pairs
) -> NDArray[np.bool_]:
    return np.asarray(first.groups[rows[pairs.rows]] == second.groups[cols[pairs.cols]])


def _mean_size(boxes: Float64Array) -> Float64Array:
    return np.asarray(np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1)))


def _grown(boxes: Float64Array) -> Float64Array:
    margin = (boxes[:, 2:] - boxes[:, :2]) * _BUFFER
    return np.concatenate((boxes[:, :2] - margin, boxes[:, 2:] + margin), axis=1)


def _some(pairs: Pairs, which: NDArray[np.bool_]) -> Pairs:
    return Pairs(pairs.shape, pairs.rows[which], pairs.cols[which], pairs.ious[which])
