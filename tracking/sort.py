"""SORT (Bewley et al., "Simple online and realtime tracking", 2016), as its reference runs."""

from __future__ import annotations

import numpy as np

from detector.detections import Detections
from tracking.association import assign_all
from tracking.config import SortConfig
from tracking.hit_streaks import HitStreaks
from tracking.kalman import AreaRatioFilters
from tracking.matching import match_detections
from tracking.overlap import overlaps
from tracking.tracks import Motion, Tracks


class Sort(HitStreaks[SortConfig, AreaRatioFilters]):
    """Motion and overlap only; every detection counts, whatever its score.

    A track is shown in the first `min_hits` frames, later from its `min_hits`-th update in a
    row; a miss makes it silent again until then. It bridges `max_age` missed frames. Boxes are
    the filter's after the update. Ids are spent at birth, so false starts leave holes. A track
    that starts at a box without area shows a box of NaN, as in the reference, and ends.
    """

    def __init__(self, config: SortConfig) -> None:
        super().__init__(config, AreaRatioFilters())

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        """The tracks of the next frame, newest first."""
        boxes = detections.boxes.astype(np.float64, copy=False)
        self._predict()
        pairs = overlaps(boxes, self._filters.boxes(), plus_one=False)
        match = match_detections(pairs, self._config.iou_threshold, assign_all)
        if len(match.fed):
            self._filters.update(match.rows, boxes[match.fed])
            self._tracklets.update(match.rows, self._frame, detections, match.fed)
        self._start(detections, match.left)
        return self._finish(self._filters.boxes())
