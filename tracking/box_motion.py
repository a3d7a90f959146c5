"""Camera motion from the boxes alone: a vote of tracks over where they would have to move."""

from __future__ import annotations

import numpy as np

from tracking.overlap import Intp
from tracking.tracks import Float64Array, Motion
from tracking.view_fit import fit_view

_VOTERS = 100
"""More tracks make the vote no surer, only slower."""

_LEAST_VOTERS = 3

_REACH = 0.15
"""Longest shift between two frames, in shares of the diagonal of what the boxes cover."""

_TOLERANCE = 0.5
"""Farther than this from the common shift a track does not support it, in shares of its size."""

_MOST_GROWTH = 1.6

_STILL = 0.8
"""With this share of the tracks on detections as they are, no shift is looked for."""

_LEAST_SHARE = 0.25
_LEAST_GAIN = 2.0
_GAIN_SHARE = 0.15
_ABOUT_AS_GOOD = 0.93
_PEAKS = 6


def vote(tracks: Float64Array, detections: Float64Array) -> Motion:
    """The camera's motion that carries predicted tracks onto detections; else the identity.

    Each track may move to each detection of about its size. The shift that most tracks share is
    taken if clearly more tracks end on a detection with it than without any, and of two that
    are about as good (rows of parked cars) the smaller. Then shift, turn and zoom are fitted as
    far as the tracks call for them. Objects that move on their own are outvoted as long as they
    are few, or are predicted by their tracks.

    Args:
        tracks: `(N, 4)` xyxy, predicted for this frame.
        detections: `(M, 4)` xyxy.
    """
    if len(tracks) < _LEAST_VOTERS or len(detections) < _LEAST_VOTERS:
        return Motion.identity()
    if len(tracks) > _VOTERS:
        tracks = tracks[np.linspace(0, len(tracks) - 1, _VOTERS).astype(np.intp)]
    shift = np.zeros(2)
    tolerance = _TOLERANCE * np.sqrt(_size(tracks).prod(axis=1))
    near = _Ballot(tracks, detections, tolerance, tolerance)
    if near.support(shift) < _STILL * len(tracks):
        corners = np.concatenate((tracks, detections))
        covered = corners[:, 2:].max(axis=0) - corners[:, :2].min(axis=0)
        reach = np.full(len(tracks), _REACH * float(np.hypot(*covered)))
        wide = _Ballot(tracks, detections, tolerance, np.maximum(reach, tolerance))
        shift = wide.common_shift()
        near = wide
    rows = near.pairs(shift)
    if len(rows) < _LEAST_VOTERS:
        return Motion.identity()
    source = _centre(tracks)[near.track[rows]]
    target = _centre(detections)[near.detection[rows]]
    return Motion(fit_view(source, target, near.tolerance[rows], shift))


class _Ballot:
    """The shifts that each track could make, by ascending track.

    Attributes:
        track: `(P,)`.
        detection: `(P,)`.
        shifts: `(P, 2)`, from the one to the other.
        tolerance: `(P,)`, how far from a shift these may be to support it.
    """

    def __init__(
        self,
        tracks: Float64Array,
        detections: Float64Array,
        tolerance: Float64Array,
        reach: Float64Array,
    ) -> None:
        source, target = _centre(tracks), _centre(detections)
        track, detection = _within(source[:, 0], target[:, 0], reach)
        shifts = target[detection] - source[track]
        # Along x the run of neighbours has done it.
        close = np.flatnonzero(np.abs(shifts[:, 1]) <= reach[track])
        growth = np.log(_size(detections))[detection[close]] - np.log(_size(tracks))[track[close]]
        close = close[np.abs(growth).max(axis=1, initial=0.0) < np.log(_MOST_GROWTH)]
        self.track, self.detection, self.shifts = track[close], detection[close], shifts[close]
        self.tolerance = tolerance[self.track]
        self._starts = np.flatnonzero(np.diff(self.track, prepend=-1))

    def support(self, shift: Float64Array) -> float:
        """How many tracks a shift takes to a detection; a near miss counts in part."""
        if not len(self.track):
            return 0.0
        return float(np.maximum.reduceat(self._closeness(shift), self._starts).sum())

    def pairs(self, shift: Float64Array) -> Intp:
        """For each track that a shift takes near a detection, its pair with the nearest."""
        closeness = self._closeness(shift)
        order = np.lexsort((closeness, self.track))
        nearest = order[np.append(self._starts[1:], len(order)) - 1] if len(order) else order
        return nearest[closeness[nearest] > 0]

    def common_shift(self) -> Float64Array:
        """The shift that most tracks share, zero unless it is clearly better than that."""
        still, voters = np.zeros(2), len(self._starts)
        if voters < _LEAST_VOTERS:
            return still
        shifts = np.stack([self._mean_near(self._mean_near(peak)) for peak in self._peaks()])
        supports = np.array([self.support(shift) for shift in shifts])
        good = np.flatnonzero(supports >= _ABOUT_AS_GOOD * supports.max())
        best = good[np.argmin(np.hypot(shifts[good, 0], shifts[good, 1]))]
        gain = supports[best] - self.support(still)
        sure = supports[best] >= max(_LEAST_VOTERS - 0.5, _LEAST_SHARE * voters)
        better = gain >= max(_LEAST_GAIN, _GAIN_SHARE * voters)
        return shifts[best] if sure and better else still

    def _peaks(self) -> Float64Array:
        """`(K, 2)` shifts around which those of many tracks gather."""
        cell = float(np.median(self.tolerance)) / 2
        at = np.rint(self.shifts / cell).astype(np.int64)
        low = at.min(axis=0) - 1
        at -= low
        shape = (int(at[:, 0].max()) + 2, int(at[:, 1].max()) + 2)
        table = np.bincount(at[:, 0] * shape[1] + at[:, 1], minlength=shape[0] * shape[1])
        table = table.reshape(shape)
        rows = table.copy()
        rows[1:] += table[:-1]
        rows[:-1] += table[1:]
        around = rows.copy()
        around[:, 1:] += rows[:, :-1]
        around[:, :-1] += rows[:, 1:]
        count = min(_PEAKS, around.size)
        top = np.argpartition(around, around.size - count, axis=None)[-count:]
        peaks = np.stack(np.unravel_index(top, shape), axis=1) + low
        return np.asarray(peaks * cell)

    def _mean_near(self, shift: Float64Array) -> Float64Array:
        weight = self._closeness(shift)
        total = weight.sum()
        return np.asarray(weight @ self.shifts / total) if total > 0 else shift

    def _closeness(self, shift: Float64Array) -> Float64Array:
        """For each pair, 1 if the shift is its own, falling to 0 at the tolerance."""
        away = self.shifts - shift
        away *= away
        return np.asarray(np.maximum(1 - (away[:, 0] + away[:, 1]) / self.tolerance**2, 0))


def _within(source: Float64Array, target: Float64Array, reach: Float64Array) -> tuple[Intp, Intp]:
    """Pairs of numbers no farther apart than each source's reach, by ascending source."""
    order = np.argsort(target)
    in_order = target[order]
    begin = np.searchsorted(in_order, source - reach, "left")
    count = np.searchsorted(in_order, source + reach, "right") - begin
    owner = np.repeat(np.arange(len(source)), count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count - begin, count)
    return owner, order[place]


def _centre(boxes: Float64Array) -> Float64Array:
    return (boxes[:, :2] + boxes[:, 2:]) / 2


def _size(boxes: Float64Array) -> Float64Array:
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
