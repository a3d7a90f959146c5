"""BoT-SORT's filters, whose states a camera's motion can turn."""

from __future__ import annotations

import numpy as np

from tracking.kalman import CholeskyFilters, Rows, flat_boxes_are_nan, step
from tracking.tracks import Float64Array

_POSITION_WEIGHT = 1 / 20
_VELOCITY_WEIGHT = 1 / 160
_OTHER = np.array([1, 0, 3, 2])
"""The other coordinate of each one's pair."""
_FIRST = np.array([0, 0, 2, 2])
"""The first coordinate of each one's pair."""


class WidthHeightFilters(CholeskyFilters):
    """BoT-SORT's filters: centre x, centre y, width, height; the noises grow with the size.

    A warp that turns or shears couples x with y, and width with height. From the first such
    warp on, `cross` holds what couples them, and the filter of a track is two filters of four
    numbers: still exact.

    Attributes:
        cross: `(4, N, 4)`, the covariances `p11`, `p12`, `p21`, `p22` of each coordinate with
            the other one of its pair; `None` while all are zero.
    """

    def __init__(self) -> None:
        super().__init__()
        self.cross: Float64Array | None = None

    def measure(self, boxes: Float64Array) -> Float64Array:
        """Centre, width and height."""
        size = boxes[:, 2:] - boxes[:, :2]
        return np.concatenate((boxes[:, :2] + size / 2, size), axis=1)

    @flat_boxes_are_nan
    def boxes(self) -> Float64Array:
        """Boxes of the present state."""
        size = self.state[0, :, 2:]
        corner = self.state[0, :, :2] - size / 2
        return np.concatenate((corner, corner + size), axis=1)

    def initial_variance(self, position: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Wide at birth: twice the usual deviation of position, ten times that of velocity."""
        size = _twice(position[:, 2:])
        return (2 * _POSITION_WEIGHT * size) ** 2, (10 * _VELOCITY_WEIGHT * size) ** 2

    def process_noise(self, position: Float64Array) -> tuple[Float64Array, Float64Array]:
        """From the size before the step."""
        size = _twice(position[:, 2:])
        return (_POSITION_WEIGHT * size) ** 2, (_VELOCITY_WEIGHT * size) ** 2

    def measurement_noise(self, position: Float64Array) -> Float64Array:
        """From the predicted size."""
        size = _twice(position[:, 2:])
        noise: Float64Array = (_POSITION_WEIGHT * size) ** 2
        return noise

    def stop_growth(self, rows: Rows) -> None:
        """Stops the change of these rows' sizes."""
        self.state[1, rows, 2:] = 0.0

    def append(self, boxes: Float64Array) -> None:
        """Starts a filter at each box, at rest, behind the rows that are there."""
        super().append(boxes)
        if self.cross is not None:
            self.cross = np.concatenate((self.cross, np.zeros((4, len(boxes), 4))), axis=1)

    def keep(self, rows: Rows) -> None:
        """Keeps these rows, in this order."""
        super().keep(rows)
        if self.cross is not None:
            self.cross = self.cross[:, rows]

    @flat_boxes_are_nan
    def warp(self, matrix: Float64Array, rows: Rows | None = None) -> None:
        """Maps the filters by a `(2, 3)` affine motion of the view: all, or the rows given.

        As in the reference, width and height turn like a point does.
        """
        state = self.state if rows is None else self.state[:, rows]
        turn = matrix[:, :2]
        if turn[0, 1] == 0 == turn[1, 0]:
            self._scale(state, np.tile(turn.diagonal(), 2), rows)
        else:
            self._turn(state, turn, rows)
        state[0, :, :2] += matrix[:, 2]
        if rows is not None:
            self.state[:, rows] = state

    def _scale(self, state: Float64Array, scale: Float64Array, rows: Rows | None) -> None:
        state *= scale
        state[2:] *= scale
        if self.cross is not None:
            self.cross[:, _all(rows)] *= scale * scale[_OTHER]

    def _turn(self, state: Float64Array, turn: Float64Array, rows: Rows | None) -> None:
        if self.cross is None:
            self.cross = np.zeros((4, len(self), 4))
        cross = self.cross[:, _all(rows)]
        # Of each pair of coordinates a, b: aa, ab, ba, bb.
        pairs = np.stack((state[2:], cross), axis=-1).reshape(4, -1, 2, 2, 2)
        pairs[:, :, :, 1] = pairs[:, :, :, 1, ::-1]
        turned = (pairs.reshape(-1, 4) @ np.kron(turn, turn).T).reshape(pairs.shape)
        turned[:, :, :, 1] = turned[:, :, :, 1, ::-1]
        turned = turned.reshape(*cross.shape, 2)
        state[2:] = turned[..., 0]
        self.cross[:, _all(rows)] = turned[..., 1]
        means = state[:2].reshape(-1, 2)
        state[:2] = (means @ turn.T).reshape(state[:2].shape)

    @flat_boxes_are_nan
    def predict(self, rows: Rows | None = None) -> None:
        """Moves the filters one frame on: all of them, or the rows given."""
        super().predict(rows)
        if self.cross is not None:
            cross = self.cross[:, _all(rows)]
            step(cross)
            self.cross[:, _all(rows)] = cross

    @flat_boxes_are_nan
    def update(self, rows: Rows, boxes: Float64Array) -> None:
        """Corrects each of the rows by the box measured for it."""
        if self.cross is None:
            super().update(rows, boxes)
            return
        state, cross = self.state[:, rows], self.cross[:, rows]
        residual = self.measure(boxes) - state[0]
        variance = state[2] + self.measurement_noise(state[0])
        shared = cross[0][:, _FIRST]
        determinant = variance * variance[:, _OTHER] - shared * shared
        inverse, inverse_cross = variance[:, _OTHER] / determinant, -shared / determinant
        # Gains of a coordinate's position and velocity by its own residual and by the other's.
        own = state[2::2] * inverse + cross[::2] * inverse_cross
        other = state[2::2] * inverse_cross + cross[::2] * inverse[:, _OTHER]
        state[:2] += own * residual + other * residual[:, _OTHER]
        # K S K', with K S = P H'.
        before, before_cross = state[2::2].copy(), cross[::2].copy()
        for row, column in ((0, 0), (0, 1), (1, 1)):
            right, right_cross = before[column], before_cross[column]
            left, left_other = own[row], other[row]
            state[2 + 2 * row + column] -= left * right + left_other * right_cross
            cross[2 * row + column] -= left * right_cross[:, _OTHER] + left_other * right[:, _OTHER]
        # What rounding leaves between a covariance and its mirror image would grow without end.
        state[4], cross[2] = state[3], cross[1][:, _OTHER]
        cross[::3] = cross[::3, :, _FIRST]
        self.state[:, rows], self.cross[:, rows] = state, cross


def _twice(size: Float64Array) -> Float64Array:
    return np.concatenate((size, size), axis=1)


def _all(rows: Rows | None) -> Rows | slice:
    return slice(None) if rows is None else rows
