"""SORT (Bewley et al., "Simple online and realtime tracking", 2016), as its reference runs."""

from __future__ import annotations

import numpy as np

from detector.detections import Detections
from tracking.association import assign_all, by_row
from tracking.config import SortConfig
from tracking.kalman import AreaRatioFilters, Rows
from tracking.overlap import Intp, Pairs, overlaps
from tracking.tracklets import Tracklets
from tracking.tracks import Tracks


class Sort:
    """Motion and overlap only; every detection counts, whatever its score.

    A track is shown in the first `min_hits` frames, later from its `min_hits`-th update in a
    row; a miss makes it silent again until then. It bridges `max_age` missed frames. Boxes are
    the filter's after the update. Ids are spent at birth, so false starts leave holes. A track
    that starts at a box without area shows a box of NaN, as in the reference, and ends.
    """

    def __init__(self, config: SortConfig) -> None:
        self._config = config
        self._frame = 0
        self._tracklets = Tracklets()
        self._filters = AreaRatioFilters()

    def update(self, detections: Detections) -> Tracks:
        """The tracks of the next frame, newest first."""
        self._frame += 1
        boxes = detections.boxes.astype(np.float64, copy=False)
        self._predict()
        pairs = overlaps(boxes, self._filters.boxes(), plus_one=False)
        fed, rows, born = match_detections(pairs, self._config.iou_threshold)
        if len(fed):
            self._filters.update(rows, boxes[fed])
            self._tracklets.update(rows, self._frame, detections, fed)
        if len(born):
            self._filters.append(boxes[born])
            self._tracklets.append(self._frame, detections, born)
        shown = self._shown()
        self._drop_old()
        return shown

    def _predict(self) -> None:
        self._filters.stop_shrinking()
        self._filters.predict()
        broken = np.isnan(self._filters.boxes()).any(axis=1)
        if broken.any():
            self._keep(np.flatnonzero(~broken))

    def _shown(self) -> Tracks:
        life = self._tracklets.life
        fed = life["last_frame"] == self._frame
        if self._frame > self._config.min_hits:
            fed &= life["hits_in_a_row"] >= self._config.min_hits
        return self._tracklets.tracks(np.flatnonzero(fed)[::-1], self._filters.boxes())

    def _drop_old(self) -> None:
        missed = self._frame - self._tracklets.life["last_frame"]
        old = missed > self._config.max_age
        if old.any():
            self._keep(np.flatnonzero(~old))

    def _keep(self, rows: Rows) -> None:
        self._tracklets.keep(rows)
        self._filters.keep(rows)


def match_detections(pairs: Pairs, iou_threshold: float) -> tuple[Intp, Intp, Intp]:
    """The detections that feed tracks, those tracks, and the detections that start one.

    Where the pairs above the threshold are one to one they are taken as they are; else the
    assignment of greatest total IoU decides among *all* pairs, and its pairs below the
    threshold are refused. The two can differ: a pair of exactly the threshold is kept only by
    the second, and there pairs too weak to count can win places.

    Args:
        pairs: Detections by tracks.
        iou_threshold: Above 0.
    """
    over = pairs.ious > iou_threshold
    rows, cols = pairs.rows[over], pairs.cols[over]
    if len(rows) and np.bincount(rows).max() == 1 and np.bincount(cols).max() == 1:
        rows, cols = by_row(rows, cols)
        refused = rows[:0]
        assigned = rows
    else:
        assigned, cols, ious = assign_all(pairs)
        good = ious >= iou_threshold
        rows, cols, refused = assigned[good], cols[good], assigned[~good]
    alone = np.ones(pairs.shape[0], bool)
    alone[assigned] = False
    return rows, cols, np.concatenate((np.flatnonzero(alone), refused))
