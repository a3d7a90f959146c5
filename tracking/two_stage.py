"""The association that ByteTrack brought and BoT-SORT kept: strong detections, then weak ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from detector.detections import Detections
from tracking.association import Split, assign_below, split
from tracking.kalman import CholeskyFilters
from tracking.overlap import Intp, Pairs, overlaps
from tracking.tracklets import Tracklets
from tracking.tracks import Float64Array, Motion, Tracks

_WEAK_LIMIT = 0.5
_UNCONFIRMED_LIMIT = 0.7
_DUPLICATE_LIMIT = 0.15

F = TypeVar("F", bound=CholeskyFilters)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What one tracker of this kind does otherwise than another.

    Attributes:
        strong_above: Detections above it take part in the first association.
        weak: Detections between these two, bounds excluded, take part in the second.
        birth: Least score that starts a track.
        match_limit: What a pair of the first association must cost less than.
        longest_gap: Frames that a lost track is kept.
        fuse_score: Whether the score is part of the cost.
        show_unconfirmed: Whether a track is shown before its second detection.
    """

    strong_above: float
    weak: tuple[float, float]
    birth: float
    match_limit: float
    longest_gap: int
    fuse_score: bool
    show_unconfirmed: bool


class TwoStageTracker(Generic[F]):
    """Runs as the references do; a subclass gives the rules and the filters."""

    def __init__(self, rules: Rules, filters: F) -> None:
        self._rules = rules
        self._frame = 0
        # Rows: tracked ones, then lost ones, in the reference's order; its solver breaks ties
        # by that. Of the marks, `expired` stands for the reference's ever-growing list of
        # removed tracks: such a track goes when it is next missed.
        self._tracklets = Tracklets()
        self._filters = filters

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        """The tracks of the next frame."""
        self._frame += 1
        boxes = detections.boxes.astype(np.float64, copy=False)
        scores = detections.scores.astype(np.float64, copy=False)
        rules = self._rules
        strong = (scores > rules.strong_above).nonzero()[0]
        weak = ((scores > rules.weak[0]) & (scores < rules.weak[1])).nonzero()[0]

        pool, unconfirmed = self._predict()
        if motion is not None:
            self._move(motion)
        lost = self._tracklets.life["lost"].copy()
        pairs = overlaps(self._filters.boxes(), boxes, plus_one=True)
        costs = 1 - pairs.ious
        fused = 1 - (1 - costs) * scores[pairs.cols] if rules.fuse_score else costs

        first = _match(pairs, fused, pool, strong, rules.match_limit)
        waiting = first.rows_left[~lost[first.rows_left]]
        second = _match(pairs, costs, waiting, weak, _WEAK_LIMIT)
        third = _match(pairs, fused, unconfirmed, first.left, _UNCONFIRMED_LIMIT)
        born = third.left[scores[third.left] >= rules.birth]

        rows = np.concatenate((first.rows, second.rows, third.rows))
        fed = np.concatenate((first.fed, second.fed, third.fed))
        self._feed(rows, detections, fed)
        self._start(detections, born)
        self._tracklets.life["lost"][second.rows_left] = True
        return self._settle(lost, first.rows, second.rows_left, third.rows_left)

    def skip(self, frames: int) -> int:
        """Steps so many frames without detections at once if no track lives; 0 if one does."""
        if len(self._tracklets):
            return 0
        self._frame += frames
        return frames

    def _move(self, motion: Motion) -> None:
        """Lets all tracks follow the camera; those of a tracker without that stay."""

    def _predict(self) -> tuple[Intp, Intp]:
        """Moves all but the unconfirmed tracks, which wait at their first box; both sets."""
        life = self._tracklets.life
        pool = life["confirmed"].nonzero()[0]
        self._filters.stop_growth(life["lost"].nonzero()[0])
        if len(pool) == len(life):
            self._filters.predict()
            return pool, pool[:0]
        self._filters.predict(pool)
        return pool, (~life["confirmed"]).nonzero()[0]

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
        tracked = np.concatenate((stays.nonzero()[0], matched[in_lost[matched]]))
        lost = np.concatenate((still_lost.nonzero()[0], missed))
        # A track that expires in this frame is lost for one more; then it goes.
        lost = lost[~life["expired"][lost]]
        overdue = still_lost & (self._frame - life["last_frame"] > self._rules.longest_gap)
        life["expired"] |= overdue

        boxes = self._filters.boxes()
        if len(lost):
            tracked, lost = self._without_duplicates(boxes, tracked, lost)
        visible = tracked
        if not self._rules.show_unconfirmed:
            visible = tracked[life["confirmed"][tracked]]
        shown = self._tracklets.tracks(visible, boxes)
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


def _match(pairs: Pairs, costs: Float64Array, rows: Intp, candidates: Intp, limit: float) -> Split:
    """Assigns candidate detections to the tracks of these rows at a cost below the limit.

    Args:
        pairs: All tracks by all detections.
        costs: `(P,)`, one for each pair.
        rows: Of the tracks that take part.
        candidates: The detections that take part.
        limit: What a pair must cost less than.
    """
    if not len(rows) or not len(candidates):
        return Split(rows[:0], candidates[:0], rows, candidates)
    row = _places(rows, pairs.shape[0])[pairs.rows]
    col = _places(candidates, pairs.shape[1])[pairs.cols]
    some = np.minimum(row, col) >= 0
    shape = (len(rows), len(candidates))
    some_pairs = Pairs(shape, row[some], col[some], pairs.ious[some])
    return split(rows, candidates, assign_below(some_pairs, costs[some], limit))


def _places(some: Intp, count: int) -> Intp:
    """Where in `some` each of `count` numbers is; -1 for those that are not."""
    place = np.full(count, -1)
    place[some] = np.arange(len(some))
    return place
