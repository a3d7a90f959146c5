"""ByteTrack (Zhang et al., "Multi-object tracking by associating every detection box", 2022)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from detector.detections import Detections
from tracking.association import assign_below
from tracking.config import ByteTrackConfig
from tracking.kalman import AspectHeightFilters
from tracking.overlap import Intp, overlaps
from tracking.tracklets import Tracklets
from tracking.tracks import Float64Array, Tracks

_LEAST_SCORE = 0.1
_WEAK_LIMIT = 0.5
_UNCONFIRMED_LIMIT = 0.7
_DUPLICATE_LIMIT = 0.15
_BIRTH_MARGIN = 0.1


class _Match(NamedTuple):
    """Matched tracks and detections, and what both sides have left."""

    rows: Intp
    fed: Intp
    rows_left: Intp
    left: Intp


class ByteTrack:
    """Strong detections are associated first, weak ones with the tracks still unmatched.

    Runs as the reference does, quirks included: a score of exactly `track_thresh` is dropped;
    a new track is shown from its second frame (those of the first frame at once), and only if
    a strong detection confirms it there; one missed frame more than the buffer is bridged;
    sizes count whole pixels in the IoU. Ids are spent at birth, so false starts leave holes.
    """

    def __init__(self, config: ByteTrackConfig) -> None:
        self._config = config
        self._longest_gap = int(config.frame_rate / 30.0 * config.track_buffer)
        self._frame = 0
        # Rows: tracked ones, then lost ones, in the reference's order; its solver breaks ties
        # by that. Of the marks, `expired` stands for the reference's ever-growing list of
        # removed tracks: such a track goes when it is next missed.
        self._tracklets = Tracklets()
        self._filters = AspectHeightFilters()

    def update(self, detections: Detections) -> Tracks:
        """The tracks of the next frame."""
        self._frame += 1
        boxes = detections.boxes.astype(np.float64, copy=False)
        scores = detections.scores.astype(np.float64, copy=False)
        threshold = self._config.track_thresh
        strong = np.flatnonzero(scores > threshold)
        weak = np.flatnonzero((scores > _LEAST_SCORE) & (scores < threshold))

        pool, unconfirmed = self._predict()
        lost = self._tracklets.life["lost"].copy()
        places = self._filters.boxes()
        weights = scores if self._config.fuse_score else None

        first = _match(places, pool, boxes, strong, self._config.match_thresh, weights)
        waiting = first.rows_left[~lost[first.rows_left]]
        second = _match(places, waiting, boxes, weak, _WEAK_LIMIT, None)
        third = _match(places, unconfirmed, boxes, first.left, _UNCONFIRMED_LIMIT, weights)
        born = third.left[scores[third.left] >= threshold + _BIRTH_MARGIN]

        rows = np.concatenate((first.rows, second.rows, third.rows))
        fed = np.concatenate((first.fed, second.fed, third.fed))
        self._feed(rows, detections, fed)
        self._start(detections, born)
        self._tracklets.life["lost"][second.rows_left] = True
        return self._settle(lost, first.rows, second.rows_left, third.rows_left)

    def _predict(self) -> tuple[Intp, Intp]:
        """Moves all but the unconfirmed tracks, which wait at their first box; both sets."""
        life = self._tracklets.life
        pool = np.flatnonzero(life["confirmed"])
        self._filters.stop_growth(np.flatnonzero(life["lost"]))
        if len(pool) == len(life):
            self._filters.predict()
            return pool, pool[:0]
        self._filters.predict(pool)
        return pool, np.flatnonzero(~life["confirmed"])

    def _feed(self, rows: Intp, detections: Detections, fed: Intp) -> None:
        if not len(rows):
            return
        self._filters.update(rows, detections.boxes[fed].astype(np.float64, copy=False))
        self._tracklets.update(rows, self._frame, detections, fed)
        self._tracklets.life["confirmed"][rows] = True
        self._tracklets.life["lost"][rows] = False

    def _start(self, detections: Detections, born: Intp) -> None:
        if not len(born):
            return
        self._filters.append(detections.boxes[born].astype(np.float64, copy=False))
        self._tracklets.append(self._frame, detections, born)
        if self._frame == 1:
            self._tracklets.life["confirmed"] = True

    def _settle(self, was_lost: Intp, matched: Intp, missed: Intp, dead: Intp) -> Tracks:
        """Brings the rows into their new order, without those that end, and shows the frame."""
        life = self._tracklets.life
        in_lost = np.zeros(len(life), bool)
        in_lost[: len(was_lost)] = was_lost
        still_lost = in_lost & life["lost"]
        stays = ~in_lost & ~life["lost"]
        stays[dead] = False
        tracked = np.concatenate((np.flatnonzero(stays), matched[in_lost[matched]]))
        lost = np.concatenate((np.flatnonzero(still_lost), missed))
        # A track that expires in this frame is lost for one more; then it goes.
        lost = lost[~life["expired"][lost]]
        overdue = still_lost & (self._frame - life["last_frame"] > self._longest_gap)
        life["expired"] |= overdue

        boxes = self._filters.boxes()
        if len(lost):
            tracked, lost = self._without_duplicates(boxes, tracked, lost)
        shown = self._tracklets.tracks(tracked[life["confirmed"][tracked]], boxes)
        order = np.concatenate((tracked, lost))
        if len(order) != len(life) or (np.diff(order) != 1).any():
            self._tracklets.keep(order)
            self._filters.keep(order)
        return shown

    def _without_duplicates(
        self, boxes: Float64Array, tracked: Intp, lost: Intp
    ) -> tuple[Intp, Intp]:
        """Of a tracked and a lost track in one place, the one fed for longer stays."""
        pairs = overlaps(boxes[tracked], boxes[lost], plus_one=True)
        same = 1 - pairs.ious < _DUPLICATE_LIMIT
        if not same.any():
            return tracked, lost
        life = self._tracklets.life
        age = life["last_frame"] - life["first_frame"]
        rows, cols = pairs.rows[same], pairs.cols[same]
        older = age[tracked[rows]] > age[lost[cols]]
        return np.delete(tracked, rows[~older]), np.delete(lost, cols[older])


def _match(
    places: Float64Array,
    rows: Intp,
    boxes: Float64Array,
    candidates: Intp,
    limit: float,
    weights: Float64Array | None,
) -> _Match:
    """Assigns candidate detections to the tracks of these rows at a cost below the limit.

    Args:
        places: `(N, 4)`, of all tracks.
        rows: Of the tracks that take part.
        boxes: `(M, 4)`, of all detections.
        candidates: The detections that take part.
        limit: What a pair must cost less than.
        weights: `(M,)`, what the IoU is multiplied by; `None`: nothing.
    """
    if not len(rows) or not len(candidates):
        return _Match(rows[:0], candidates[:0], rows, candidates)
    pairs = overlaps(places[rows], boxes[candidates], plus_one=True)
    costs = 1 - pairs.ious
    if weights is not None:
        costs = 1 - (1 - costs) * weights[candidates][pairs.cols]
    row, col = assign_below(pairs, costs, limit)
    row_left, left = np.ones(len(rows), bool), np.ones(len(candidates), bool)
    row_left[row] = False
    left[col] = False
    return _Match(rows[row], candidates[col], rows[row_left], candidates[left])
