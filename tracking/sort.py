"""SORT (Bewley et al., "Simple online and realtime tracking", 2016), as its reference runs."""

from __future__ import annotations

import numpy as np

from detector.detections import Detections
from tracking.association import assign_all
from tracking.config import SortConfig
from tracking.kalman import AreaRatioFilters, Rows
from tracking.matching import match_detections
from tracking.overlap import overlaps
from tracking.tracklets import Tracklets
from tracking.tracks import Motion, Tracks


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

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        """The tracks of the next frame, newest first."""
        self._frame += 1
        boxes = detections.boxes.astype(np.float64, copy=False)
        self._predict()
        pairs = overlaps(boxes, self._filters.boxes(), plus_one=False)
        match = match_detections(pairs, self._config.iou_threshold, assign_all)
        if len(match.fed):
            self._filters.update(match.rows, boxes[match.fed])
            self._tracklets.update(match.rows, self._frame, detections, match.fed)
        if len(match.left):
            self._filters.append(boxes[match.left])
            self._tracklets.append(self._frame, detections, match.left)
        shown = self._shown()
        self._drop_old()
        return shown

    def skip(self, frames: int) -> int:
        """Steps so many frames without detections at once if no track lives; 0 if one does."""
        if len(self._tracklets):
            return 0
        self._frame += frames
        return frames

    def _predict(self) -> None:
        self._filters.stop_shrinking()
        self._filters.predict()
        broken = np.isnan(self._filters.boxes().sum(axis=1))
        if broken.any():
            self._keep(np.flatnonzero(~broken))

    def _shown(self) -> Tracks:
        life = self._tracklets.life
        fed = life["last_frame"] == self._frame
        if self._frame > self._config.min_hits:
            fed &= life["hits_in_a_row"] >= self._config.min_hits
        return self._tracklets.tracks(fed.nonzero()[0][::-1], self._filters.boxes())

    def _drop_old(self) -> None:
        missed = self._frame - self._tracklets.life["last_frame"]
        old = missed > self._config.max_age
        if old.any():
            self._keep((~old).nonzero()[0])

    def _keep(self, rows: Rows) -> None:
        self._tracklets.keep(rows)
        self._filters.keep(rows)
