"""OC-SORT (Cao et al., "Observation-centric SORT", 2023), as its reference runs."""

from __future__ import annotations

import numpy as np

from detector.detections import Detections
from tracking.association import assign_all, assign_with_bonus
from tracking.config import OcSortConfig
from tracking.hit_streaks import HitStreaks
from tracking.matching import Match, match_detections
from tracking.observations import DirectionBonus, ObservedFilters
from tracking.overlap import Intp, Pairs, all_pairs, overlaps
from tracking.tracks import Float64Array, Motion, Tracks

_LEAST_SCORE = 0.1


class OcSort(HitStreaks[OcSortConfig, ObservedFilters]):
    """SORT that trusts what was seen more than what the filter supposes.

    The direction in which a track was last seen to move counts beside the overlap; detections
    left over are tried on the places where tracks were last seen; and a track found again has
    its filter run anew over the gap, along a straight line. It shows the detection's box, the
    filter's only for a track in its first frame. Quirks of the reference included: the box
    after a gap is used twice, and a first box is no observation.
    """

    def __init__(self, config: OcSortConfig) -> None:
        super().__init__(config, ObservedFilters(config.delta_t))

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        """The tracks of the next frame, newest first."""
        boxes = detections.boxes.astype(np.float64, copy=False)
        scores = detections.scores.astype(np.float64, copy=False)
        threshold = self._config.det_thresh
        strong = (scores > threshold).nonzero()[0]
        self._predict()

        places = self._filters.boxes()
        match = self._match_strong(np.c_[boxes, scores][strong], places)
        fed, rows = [strong[match.fed]], [match.rows]
        idle, left = match.idle, strong[match.left]
        if self._config.use_byte:
            weak = ((scores > _LEAST_SCORE) & (scores < threshold)).nonzero()[0]
            found, col, _, idle = self._match_rest(boxes, weak, places, idle)
            fed.append(found)
            rows.append(col)
        seen = self._filters.last_seen[:, :4]
        found, col, left, idle = self._match_rest(boxes, left, seen, idle)
        self._feed(detections, np.concatenate((*fed, found)), np.concatenate((*rows, col)))
        self._filters.miss(idle)
        self._start(detections, left)
        return self._finish(self._shown_boxes())

    def _match_strong(self, found: Float64Array, places: Float64Array) -> Match:
        """By the overlap with the predicted boxes and the direction of motion."""

        def assign(pairs: Pairs) -> tuple[Intp, Intp, Float64Array]:
            bonus = DirectionBonus(self._filters, found, self._config.inertia, self._frame)
            return assign_with_bonus(pairs, bonus)

        pairs = overlaps(found[:, :4], places, plus_one=False)
        return match_detections(pairs, self._config.iou_threshold, assign)

    def _match_rest(
        self, boxes: Float64Array, candidates: Intp, places: Float64Array, idle: Intp
    ) -> tuple[Intp, Intp, Intp, Intp]:
        """By the overlap of candidate detections with the places of idle tracks.

        Returns:
            Matched detections and tracks, and those of both sides that are left.
        """
        pairs = overlaps(boxes[candidates], places[idle], plus_one=False)
        if not pairs.ious.max(initial=0.0) > self._config.iou_threshold:
            return candidates[:0], idle[:0], candidates, idle
        if self._config.iou_threshold <= 0:
            pairs = all_pairs(pairs)
        rows, cols, ious = assign_all(pairs)
        refused = ious < self._config.iou_threshold
        rows, cols = rows[~refused], cols[~refused]
        left = np.sort(np.delete(candidates, rows))
        return candidates[rows], idle[cols], left, np.sort(np.delete(idle, cols))

    def _feed(self, detections: Detections, fed: Intp, rows: Intp) -> None:
        if len(fed):
            seen = np.c_[detections.boxes[fed], detections.scores[fed]].astype(np.float64)
            self._filters.observe(rows, seen, self._frame)
            self._tracklets.update(rows, self._frame, detections, fed)

    def _shown_boxes(self) -> Float64Array:
        """Those last seen; the filter's where the reference takes a track for never seen."""
        seen = self._filters.last_seen
        unseen = seen.sum(axis=1, keepdims=True) < 0
        return np.where(unseen, self._filters.boxes(), seen[:, :4])
