"""How SORT and OC-SORT match detections to tracks: by assignment, unless it is plain."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracking.association import by_row
from tracking.overlap import Intp, Pairs, all_pairs
from tracking.tracks import Float64Array


class Match(NamedTuple):
    """Matched detections and tracks, and what both sides have left.

    Attributes:
        fed: The detections that feed tracks.
        rows: Those tracks.
        left: The other detections: those that the assignment left out, then those refused.
        idle: The other tracks, in the same order.
    """

    fed: Intp
    rows: Intp
    left: Intp
    idle: Intp


def match_detections(
    pairs: Pairs,
    iou_threshold: float,
    assign: Callable[[Pairs], tuple[Intp, Intp, Float64Array]],
) -> Match:
    """Which detection feeds which track.

    Where the pairs above the threshold are one to one they are taken as they are; else the
    assignment decides among *all* pairs, and its pairs below the threshold are refused. The
    two can differ: a pair of exactly the threshold is kept only by the second, and there pairs
    too weak to count can win places. With a threshold of 0 or less, boxes apart match too.

    Args:
        pairs: Detections by tracks.
        iou_threshold: Least IoU.
        assign: Gives the rows, columns and IoUs of the best assignment, by ascending row.
    """
    if iou_threshold <= 0:
        pairs = all_pairs(pairs)
    over = pairs.ious > iou_threshold
    rows, cols = pairs.rows[over], pairs.cols[over]
    if len(rows) and np.bincount(rows).max() == 1 and np.bincount(cols).max() == 1:
        rows, cols = by_row(rows, cols)
        refused = np.zeros(len(rows), bool)
    else:
        rows, cols, ious = assign(pairs)
        refused = ious < iou_threshold
    return Match(
        rows[~refused],
        cols[~refused],
        _left(pairs.shape[0], rows, refused),
        _left(pairs.shape[1], cols, refused),
    )


def _left(count: int, assigned: Intp, refused: NDArray[np.bool_]) -> Intp:
    alone = np.ones(count, bool)
    alone[assigned] = False
    return np.concatenate((np.flatnonzero(alone), assigned[refused]))
