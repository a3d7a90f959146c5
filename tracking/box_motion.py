"""Camera motion from the boxes alone: a vote of tracks over where they would have to move."""

from __future__ import annotations

import numpy as np

from detector.detections import IntArray
from tracking.overlap import Intp
from tracking.tracks import Float64Array, Motion

_VOTERS = 150
"""More tracks make the vote no surer, only slower."""

_REACH = 0.15
"""Longest shift between two frames, in shares of the diagonal of what the boxes cover."""

_TOLERANCE = 0.25
"""How far from the common shift a track may end and still support it, in shares of its size."""

_LEAST_VOTERS = 3
_LEAST_GAIN = 2.0
_LEAST_SHARE = 0.4
_LEAST_FOR_TURN = 8
_ERROR = 0.1
"""Usual distance of a predicted track from its detection, in shares of its size."""

_USUAL_TURN = 0.01
"""Usual turn (rad) or zoom of the view between two frames."""

_PAYS = 6.0
"""What a part of the motion must raise the log likelihood by."""

_PEAKS = 8


def vote(tracks: Float64Array, detections: Float64Array) -> Motion:
    """The camera's motion that carries predicted tracks onto detections; else the identity.

    Each track may move to each detection of about its size. The shift that most tracks share is
    taken if clearly more tracks end on a detection than without any; then turn and zoom
    are fitted, where enough tracks agree. Objects that move on their own are outvoted as long as
    they are few, or predicted by their tracks.

    Args:
        tracks: `(N, 4)` xyxy, predicted for this frame.
        detections: `(M, 4)` xyxy.
    """
    if len(tracks) < _LEAST_VOTERS or len(detections) < _LEAST_VOTERS:
        return Motion.identity()
    ballot = _Ballot(tracks, detections)
    if not len(ballot.shifts):
        return Motion.identity()
    best, support = ballot.best_shift()
    still = ballot.support(np.zeros((1, 2)))[0]
    if support < max(_LEAST_VOTERS - 0.5, _LEAST_SHARE * ballot.voters):
        return Motion.identity()
    if support - still < max(_LEAST_GAIN, 0.15 * ballot.voters):
        best = np.zeros(2)
    return ballot.fit(best)


class _Ballot:
    """The shifts that each track could make."""

    def __init__(self, tracks: Float64Array, detections: Float64Array) -> None:
        if len(tracks) > _VOTERS:
            tracks = tracks[np.linspace(0, len(tracks) - 1, _VOTERS).astype(np.intp)]
        corners = np.concatenate((tracks, detections))
        span = corners[:, 2:].max(axis=0) - corners[:, :2].min(axis=0)
        reach = _REACH * np.hypot(*span)
        self._from, from_wh = _centres(tracks)
        self._to, to_wh = _centres(detections)
        shifts = self._to[None] - self._from[:, None]
        ratio = np.abs(np.log(from_wh[:, None] / to_wh[None])).max(axis=2)
        possible = (ratio < np.log(1.6)) & (np.abs(shifts).max(axis=2) < reach)
        self.track, self.detection = np.nonzero(possible)
        self.shifts = shifts[possible]
        self.voters = len(np.unique(self.track))
        self.tolerance = np.maximum(_TOLERANCE * np.sqrt(from_wh.prod(axis=1)), 1.5)[self.track]

    def best_shift(self) -> tuple[Float64Array, float]:
        """The shift that most tracks support, the smaller one of two as good, and its support."""
        cell = float(np.median(self.tolerance))
        at = np.rint(self.shifts / cell).astype(np.int64)
        low = at.min(axis=0) - 1
        shape = at.max(axis=0) - low + 2
        table = np.zeros(shape)
        # A track counts once in a cell, however many detections lie there.
        at -= low
        flat = np.unique(
            np.ravel_multi_index((self.track, at[:, 0], at[:, 1]), (self.track.max() + 1, *shape))
        )
        np.add.at(table.reshape(-1), flat % table.size, 1.0)
        around = table.copy()
        around[1:] += table[:-1]
        around[:-1] += table[1:]
        wide = around.copy()
        wide[:, 1:] += around[:, :-1]
        wide[:, :-1] += around[:, 1:]
        top = np.argsort(wide, axis=None)[::-1][:_PEAKS]
        peaks = np.stack(np.unravel_index(top, table.shape), axis=1) + low
        peaks = np.concatenate((peaks * cell, np.zeros((1, 2))))
        for _ in range(3):
            peaks = self._towards_mean(peaks)
        support = self.support(peaks)
        good = np.flatnonzero(support > 0.93 * support.max())
        best = good[np.argmin(np.hypot(*peaks[good].T))]
        return peaks[best], float(support[best])

    def support(self, peaks: Float64Array) -> Float64Array:
        """For each shift, how many tracks it takes to a detection; a near miss counts in part."""
        closeness = self._closeness(peaks)
        best = np.zeros((len(peaks), int(self.track.max()) + 1))
        np.maximum.at(best, (slice(None), self.track), closeness)
        return best.sum(axis=1)

    def _closeness(self, peaks: Float64Array) -> Float64Array:
        distance = ((self.shifts[None] - peaks[:, None]) ** 2).sum(axis=2) / self.tolerance**2
        return np.maximum(1 - distance / 4, 0)

    def _towards_mean(self, peaks: Float64Array) -> Float64Array:
        weight = self._closeness(peaks)
        total = weight.sum(axis=1, keepdims=True)
        mean = weight @ self.shifts / np.maximum(total, 1e-9)
        return np.where(total > 0, mean, peaks)

    def fit(self, shift: Float64Array) -> Motion:
        """The motion near a shift that the pairs it makes call for; each part only if it pays."""
        rows = self._pairs(shift)
        if len(rows) < _LEAST_VOTERS:
            return Motion.identity()
        source = self._from[self.track[rows]]
        target = self._to[self.detection[rows]]
        scale = _ERROR / _TOLERANCE * self.tolerance[rows]
        best, cost = np.eye(2, 3), _cost(np.eye(2, 3), source, target, scale)
        for turns in (False, True):
            if turns and len(rows) < _LEAST_FOR_TURN:
                continue
            matrix = _fit(np.c_[np.eye(2), shift], source, target, scale, turns=turns)
            found = _cost(matrix, source, target, scale)
            if cost - found > _PAYS:
                best, cost = matrix, found
        return Motion(best)

    def _pairs(self, shift: Float64Array) -> Intp:
        """For each track the nearest detection after the shift, if that is near."""
        closeness = self._closeness(shift[None])[0]
        order = np.argsort(closeness, kind="stable")
        nearest = np.full(int(self.track.max()) + 1, -1, np.intp)
        nearest[self.track[order]] = order
        nearest = nearest[nearest >= 0]
        return nearest[closeness[nearest] > 0]


def _centres(boxes: Float64Array) -> tuple[Float64Array, Float64Array]:
    wh = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
    return (boxes[:, :2] + boxes[:, 2:]) / 2, wh


def _errors(
    matrix: Float64Array, source: Float64Array, target: Float64Array, scale: Float64Array
) -> Float64Array:
    """Squared distances after the motion, in shares of each pair's own usual error."""
    distance = target - source @ matrix[:, :2].T - matrix[:, 2]
    return np.asarray((distance**2).sum(axis=1) / scale**2)


def _cost(
    matrix: Float64Array, source: Float64Array, target: Float64Array, scale: Float64Array
) -> float:
    """Minus the log likelihood of the errors, whose tails are long (Cauchy)."""
    return float(np.log1p(_errors(matrix, source, target, scale)).sum())


def _fit(
    matrix: Float64Array,
    source: Float64Array,
    target: Float64Array,
    scale: Float64Array,
    *,
    turns: bool,
) -> Float64Array:
    """The shift, or shift, turn and zoom, near `matrix` that cost least."""
    for _ in range(5):
        weight = 1 / (1 + _errors(matrix, source, target, scale)) / scale**2
        middle, aim = weight @ source / weight.sum(), weight @ target / weight.sum()
        zoom, turn = 0.0, 0.0
        if turns:
            p, q = source - middle, target - aim
            # One more observation says that the view neither turned nor grew.
            spread = float(weight @ (p**2).sum(axis=1)) + _USUAL_TURN**-2
            zoom = float(weight @ (p * (q - p)).sum(axis=1)) / spread
            turn = float(weight @ (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0])) / spread
        linear = np.array([[1 + zoom, -turn], [turn, 1 + zoom]])
        matrix = np.c_[linear, aim - linear @ middle]
    return matrix
