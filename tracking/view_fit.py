"""The view's motion between points seen before and now, with as few parts as will do."""

from __future__ import annotations

import numpy as np

from tracking.tracks import Float64Array

_LEAST_FOR_TURN = 8
_ERROR = 0.4
"""Usual distance of a predicted track from its detection, in shares of the tolerance."""

_LEAST_ERROR_PX = 0.5

_USUAL_TURN = 0.01
"""Usual turn (rad) or zoom of the view between two frames."""

_PAYS = 6.0
"""What a part of the motion must raise the log likelihood by."""

_ROUNDS = 5


def fit_view(
    source: Float64Array, target: Float64Array, tolerance: Float64Array, shift: Float64Array
) -> Float64Array:
    """`(2, 3)`: the identity, a shift, or a shift with turn and zoom; each only if it pays.

    Errors have long tails (Cauchy), so a few wrong pairs weigh little. Turn and zoom are held
    near zero, as views seldom turn: far from the points they would move all else a long way.

    Args:
        source: `(N, 2)`.
        target: `(N, 2)`, where those points are now.
        tolerance: `(N,)`, how far off a point may be in px.
        shift: `(2,)`, near which to begin.
    """
    scale = np.maximum(_ERROR * tolerance, _LEAST_ERROR_PX)
    best = np.eye(2, 3)
    least = _cost(best, source, target, scale)
    for turns in (False, True):
        if turns and len(source) < _LEAST_FOR_TURN:
            break
        matrix = _fit(np.c_[np.eye(2), shift], source, target, scale, turns=turns)
        cost = _cost(matrix, source, target, scale)
        if least - cost > _PAYS:
            best, least = matrix, cost
    return best


def _errors(
    matrix: Float64Array, source: Float64Array, target: Float64Array, scale: Float64Array
) -> Float64Array:
    """Squared distances after the motion, in shares of each point's own usual error."""
    away = target - source @ matrix[:, :2].T - matrix[:, 2]
    return np.asarray((away**2).sum(axis=1) / scale**2)


def _cost(
    matrix: Float64Array, source: Float64Array, target: Float64Array, scale: Float64Array
) -> float:
    return float(np.log1p(_errors(matrix, source, target, scale)).sum())


def _fit(
    matrix: Float64Array,
    source: Float64Array,
    target: Float64Array,
    scale: Float64Array,
    *,
    turns: bool,
) -> Float64Array:
    """The motion near `matrix` that costs least, by reweighted least squares."""
    for _ in range(_ROUNDS):
        weight = 1 / (1 + _errors(matrix, source, target, scale)) / scale**2
        total = weight.sum()
        middle, aim = weight @ source / total, weight @ target / total
        zoom, turn = 0.0, 0.0
        if turns:
            p, q = source - middle, target - aim
            # The second term is one more observation: of no turn and no zoom.
            spread = float(weight @ (p**2).sum(axis=1)) + _USUAL_TURN**-2
            zoom = float(weight @ (p * (q - p)).sum(axis=1)) / spread
            turn = float(weight @ (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0])) / spread
        linear = np.array([[1 + zoom, -turn], [turn, 1 + zoom]])
        matrix = np.c_[linear, aim - linear @ middle]
    return matrix
