"""What SORT and OC-SORT share: when a track moves, is shown, and ends."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np

from detector.detections import Detections
from tracking.config import OcSortConfig, SortConfig
from tracking.kalman import AreaRatioFilters, Rows
from tracking.overlap import Intp
from tracking.tracklets import Tracklets
from tracking.tracks import Float64Array, Tracks

C = TypeVar("C", bound=SortConfig | OcSortConfig)
F = TypeVar("F", bound=AreaRatioFilters)


class HitStreaks(Generic[C, F]):
    """Tracks that are shown while they are fed in every frame; a subclass feeds them."""

    def __init__(self, config: C, filters: F) -> None:
        self._config = config
        self._frame = 0
        self._tracklets = Tracklets()
        self._filters = filters

    def skip(self, frames: int) -> int:
        """Steps so many frames without detections at once if no track lives; 0 if one does."""
        if len(self._tracklets):
            return 0
        self._frame += frames
        return frames

    def _predict(self) -> None:
        """Steps to the next frame, and ends tracks whose state is no box there."""
        self._frame += 1
        self._filters.stop_shrinking()
        self._filters.predict()
        broken = np.isnan(self._filters.boxes().sum(axis=1))
        if broken.any():
            self._keep((~broken).nonzero()[0])

    def _start(self, detections: Detections, born: Intp) -> None:
        if len(born):
            self._filters.append(detections.boxes[born].astype(np.float64, copy=False))
            self._tracklets.append(self._frame, detections, born)

    def _finish(self, boxes: Float64Array) -> Tracks:
        """What the frame shows of all boxes, newest first; ends tracks missed for too long."""
        life = self._tracklets.life
        missed = self._frame - life["last_frame"]
        fed = missed == 0
        if self._frame > self._config.min_hits:
            fed &= life["hits_in_a_row"] >= self._config.min_hits
        shown = self._tracklets.tracks(fed.nonzero()[0][::-1], boxes)
        old = missed > self._config.max_age
        if old.any():
            self._keep((~old).nonzero()[0])
        return shown

    def _keep(self, rows: Rows) -> None:
        self._tracklets.keep(rows)
        self._filters.keep(rows)
