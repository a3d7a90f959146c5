"""OC-SORT's filters: SORT's, with what was seen of each track."""

from __future__ import annotations

import numpy as np

from detector.detections import IntArray
from tracking.kalman import AreaRatioFilters, Rows, flat_boxes_are_nan
from tracking.overlap import Intp
from tracking.tracks import Float64Array

_TINY = 1e-6
_NEVER = -(10**12)


class ObservedFilters(AreaRatioFilters):
    """SORT's filters that are run anew over a gap once its end is seen.

    Attributes:
        last_seen: `(N, 5)`, box and score of the newest observation; -1 throughout where there
            is none. The box that a track starts from is no observation.
        heading: `(N, 2)`, direction of motion as (dy, dx), of unit length or zero.
    """

    def __init__(self, delta_t: int) -> None:
        super().__init__()
        self._delta_t = delta_t
        self.last_seen: Float64Array = np.zeros((0, 5))
        self.heading: Float64Array = np.zeros((0, 2))
        slots = max(delta_t, 1)
        # The observations of the last `delta_t` frames, each in the slot of its frame number.
        self._recent: Float64Array = np.zeros((0, slots, 5))
        self._recent_frame = np.zeros((0, slots), np.int64)
        # The newest measurement, its frame, and the state at the first miss after it.
        self._measured: Float64Array = np.zeros((0, 4))
        self._measured_frame = np.zeros(0, np.int64)
        self._frozen: Float64Array = np.zeros((6, 0, 4))
        self._is_frozen = np.zeros(0, bool)

    def measure(self, boxes: Float64Array) -> Float64Array:
        """Centre, area and ratio; a box without height has a huge ratio."""
        measured = super().measure(boxes)
        size = boxes[:, 2:] - boxes[:, :2]
        measured[:, 3] = size[:, 0] / (size[:, 1] + _TINY)
        return measured

    def append(self, boxes: Float64Array) -> None:
        """Starts a filter at each box, at rest and not yet seen, behind those that are there."""
        super().append(boxes)
        count, slots = len(boxes), self._recent.shape[1]
        never = np.full((count, slots), _NEVER)
        self.last_seen = np.concatenate((self.last_seen, np.full((count, 5), -1.0)))
        self.heading = np.concatenate((self.heading, np.zeros((count, 2))))
        self._recent = np.concatenate((self._recent, np.zeros((count, slots, 5))))
        self._recent_frame = np.concatenate((self._recent_frame, never))
        self._measured = np.concatenate((self._measured, np.zeros((count, 4))))
        self._measured_frame = np.concatenate((self._measured_frame, never[:, 0]))
        self._frozen = np.concatenate((self._frozen, np.zeros((6, count, 4))), axis=1)
        self._is_frozen = np.concatenate((self._is_frozen, np.zeros(count, bool)))

    def keep(self, rows: Rows) -> None:
        """Keeps these rows, in this order."""
        super().keep(rows)
        self.last_seen, self.heading = self.last_seen[rows], self.heading[rows]
        self._recent, self._recent_frame = self._recent[rows], self._recent_frame[rows]
        self._measured = self._measured[rows]
        self._measured_frame = self._measured_frame[rows]
        self._frozen, self._is_frozen = self._frozen[:, rows], self._is_frozen[rows]

    def earlier(self, rows: Rows, frame: int) -> Float64Array:
        """`(R, 5)`: the observations to take directions from, in this frame.

        The oldest of the last `delta_t` frames, or else the newest of all; -1 if there is none.
        """
        frames: IntArray = self._recent_frame[rows]
        recent = (frames >= frame - self._delta_t) & (frames < frame)
        oldest = np.where(recent, frames, np.iinfo(np.int64).max).argmin(axis=1)
        chosen = self._recent[rows, oldest]
        return np.where(recent.any(axis=1, keepdims=True), chosen, self.last_seen[rows])

    @flat_boxes_are_nan
    def observe(self, rows: Intp, seen: Float64Array, frame: int) -> None:
        """Corrects each of the rows by the `(R, 5)` box and score observed in this frame."""
        boxes = seen[:, :4]
        heading = _direction(self.earlier(rows, frame), boxes)
        known = self.last_seen[rows].sum(axis=1)[:, None] >= 0
        self.heading[rows] = np.where(known, heading, self.heading[rows])
        self.last_seen[rows] = seen
        slot = frame % self._recent.shape[1]
        self._recent[rows, slot] = seen
        self._recent_frame[rows, slot] = frame

        measured = self.measure(boxes)
        newest = measured.copy()
        again = self._is_frozen[rows]
        if again.any():
            newest[again] = self._rerun(rows[again], measured[again], frame)
        self._measured[rows] = newest
        self._measured_frame[rows] = frame
        self._is_frozen[rows] = False
        self.correct_by(rows, measured)

    def miss(self, rows: Intp) -> None:
        """Keeps the state of those that miss for the first time, for when they are found."""
        first = rows[(self._measured_frame[rows] != _NEVER) & ~self._is_frozen[rows]]
        self._frozen[:, first] = self.state[:, first]
        self._is_frozen[first] = True

    def _rerun(self, rows: Intp, found: Float64Array, frame: int) -> Float64Array:
        """Runs from the first miss to this frame, along a line; the last place on the line."""
        self.state[:, rows] = self._frozen[:, rows]
        gap = frame - self._measured_frame[rows]
        begin = _with_sides(self._measured[rows])
        change = (_with_sides(found) - begin) / gap[:, None]
        place = found.copy()
        for step in range(1, int(gap.max()) + 1):
            on = gap >= step
            line = begin[on] + step * change[on]
            place[on, :2] = line[:, :2]
            place[on, 2] = line[:, 2] * line[:, 3]
            place[on, 3] = line[:, 2] / line[:, 3]
            self.correct_by(rows[on], place[on])
            self.predict(rows[gap > step])
        return place


def _with_sides(measured: Float64Array) -> Float64Array:
    """Centre, width and height, of centre, area and ratio."""
    area, ratio = measured[:, 2], measured[:, 3]
    sides = np.stack((np.sqrt(area * ratio), np.sqrt(area / ratio)), axis=1)
    return np.concatenate((measured[:, :2], sides), axis=1)


def _centres(boxes: Float64Array) -> Float64Array:
    return (boxes[:, :2] + boxes[:, 2:4]) / 2.0


def _direction(first: Float64Array, second: Float64Array) -> Float64Array:
    """`(N, 2)`: from box to box, as (dy, dx), of unit length but for a tiny loss."""
    step = (_centres(second) - _centres(first))[:, ::-1]
    length = np.sqrt(step[:, 0] ** 2 + step[:, 1] ** 2) + _TINY
    return np.asarray(step / length[:, None])


class DirectionBonus:
    """What an assignment gains where a detection lies in the direction of a track's motion."""

    def __init__(
        self, filters: ObservedFilters, detections: Float64Array, inertia: float, frame: int
    ) -> None:
        """Takes `(N, 5)` boxes and scores of the detections, and all tracks of the filters."""
        origins = filters.earlier(np.arange(len(filters)), frame)
        self._from = _centres(origins)
        self._known = np.where(origins[:, 4] < 0, 0.0, 1.0)
        self._heading = filters.heading
        self._to = _centres(detections)
        self._scores = detections[:, 4]
        self._inertia = inertia
        self.limit = float(np.abs(self._scores).max(initial=0.0) * abs(inertia)) / 2

    def table(self, rows: Intp, cols: Intp) -> Float64Array:
        """`(R, C)`: for these detections by these tracks."""
        return self._of(rows[None, :], cols[:, None]).T

    def at(self, rows: Intp, cols: Intp) -> Float64Array:
        """`(P,)`: for pairs of a detection and a track."""
        return self._of(rows, cols)

    def _of(self, rows: Intp, cols: Intp) -> Float64Array:
        dx = self._to[rows, 0] - self._from[cols, 0]
        dy = self._to[rows, 1] - self._from[cols, 1]
        length = np.sqrt(dx**2 + dy**2) + _TINY
        cosine = self._heading[cols, 1] * (dx / length) + self._heading[cols, 0] * (dy / length)
        angle = np.arccos(np.clip(cosine, -1, 1))
        closeness = (np.pi / 2.0 - np.abs(angle)) / np.pi
        gain = (self._known[cols] * closeness) * self._inertia * self._scores[rows]
        return np.asarray(gain)
