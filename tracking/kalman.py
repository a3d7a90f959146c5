"""The Kalman filters of all tracks at once.

The transition couples each position only with its own velocity, and the initial, process and
measurement noises are diagonal. The covariance therefore stays a set of independent 2x2 blocks,
one for each coordinate, and the filter of a track is four filters of two numbers: exactly, not
approximately. `state[i, n, c]` is, for coordinate `c` of track `n`, the position (`i` = 0), the
velocity (1) and the block: `p11` (2), `p12` (3), `p21` (4), `p22` (5).

Each sum and product is rounded in the order of the reference's matrix arithmetic, which leaves
`p12` and `p21` a last digit apart: the numbers are the same to the bit. Where boxes lie on whole
pixels, several assignments are often equally good, and the last digit chooses among them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from detector.detections import IntArray
from tracking.tracks import Float64Array

Rows: TypeAlias = "IntArray | NDArray[np.intp]"

flat_boxes_are_nan = np.errstate(divide="ignore", invalid="ignore")


class Filters(ABC):
    """Constant-velocity filters, one row for each track; a subclass says what they measure.

    Attributes:
        state: `(6, N, 4)` float64, see the module.
    """

    def __init__(self) -> None:
        self.state: Float64Array = np.zeros((6, 0, 4))

    def __len__(self) -> int:
        return int(self.state.shape[1])

    @abstractmethod
    def measure(self, boxes: Float64Array) -> Float64Array:
        """`(N, 4)` coordinates that the filters hold, of `(N, 4)` xyxy boxes."""

    @abstractmethod
    def boxes(self) -> Float64Array:
        """`(N, 4)` xyxy boxes of the present state; NaN where the state is no box."""

    @abstractmethod
    def initial_variance(self, position: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Variances of position and velocity at birth; they broadcast to `(N, 4)`."""

    @abstractmethod
    def process_noise(self, position: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Variances that a step adds, from the position before it."""

    @abstractmethod
    def measurement_noise(self, position: Float64Array) -> Float64Array:
        """Variances of a measurement, from the predicted position."""

    @abstractmethod
    def correct(
        self, block: Float64Array, noise: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
        """Gains of position and velocity for a measurement; changes the `(4, N, 4)` block."""

    @flat_boxes_are_nan
    def append(self, boxes: Float64Array) -> None:
        """Starts a filter at each box, at rest, behind the rows that are there."""
        born = np.zeros((6, len(boxes), 4))
        born[0] = self.measure(boxes)
        born[2], born[5] = self.initial_variance(born[0])
        self.state = np.concatenate((self.state, born), axis=1)

    def keep(self, rows: Rows) -> None:
        """Keeps these rows, in this order."""
        self.state = self.state[:, rows]

    @flat_boxes_are_nan
    def predict(self, rows: Rows | None = None) -> None:
        """Moves the filters one frame on: all of them, or the rows given."""
        state = self.state if rows is None else self.state[:, rows]
        position, velocity = state[:2]
        position_noise, velocity_noise = self.process_noise(position)
        position += velocity
        step(state[2:])
        state[2] += position_noise
        state[5] += velocity_noise
        if rows is not None:
            self.state[:, rows] = state

    @flat_boxes_are_nan
    def update(self, rows: Rows, boxes: Float64Array) -> None:
        """Corrects each of the rows by the box measured for it.

        A row whose box has no finite measurement becomes NaN as a whole, as it does in the
        matrix product that this stands for.
        """
        self.correct_by(rows, self.measure(boxes))

    def correct_by(self, rows: Rows, measured: Float64Array) -> None:
        """As `update`, by the `(R, 4)` coordinates measured."""
        state = self.state[:, rows]
        position, velocity = state[:2]
        residual = measured - position
        gain, velocity_gain = self.correct(state[2:], self.measurement_noise(position))
        position += gain * residual
        velocity += velocity_gain * residual
        if not np.isfinite(residual.sum()):
            state[:, ~np.isfinite(residual).all(axis=1)] = np.nan
        self.state[:, rows] = state


def step(block: Float64Array) -> None:
    """Moves the `(4, ...)` covariances `p11, p12, p21, p22` one frame on, without noise."""
    p11, p12, p21, p22 = block
    p11 += p21
    p12 += p22
    p11 += p12
    p21 += p22


class AreaRatioFilters(Filters):
    """SORT's filters: centre x, centre y, area, width / height; the ratio does not move.

    The noises are in fixed pixel units, whatever the size of the object.
    """

    _INITIAL = (np.array([10.0, 10.0, 10.0, 10.0]), np.array([1e4, 1e4, 1e4, 0.0]))
    _PROCESS = (np.array([1.0, 1.0, 1.0, 1.0]), np.array([0.01, 0.01, 0.0001, 0.0]))
    _MEASUREMENT = np.array([1.0, 1.0, 10.0, 10.0])

    def measure(self, boxes: Float64Array) -> Float64Array:
        """Centre, area and ratio; a box without height has no finite ratio."""
        size = boxes[:, 2:] - boxes[:, :2]
        measured = np.empty((len(boxes), 4))
        measured[:, :2] = boxes[:, :2] + size / 2
        measured[:, 2] = size[:, 0] * size[:, 1]
        measured[:, 3] = size[:, 0] / size[:, 1]
        return measured

    @flat_boxes_are_nan
    def boxes(self) -> Float64Array:
        """Boxes of the present state; NaN where area times ratio is not positive."""
        centre, area, ratio = self.state[0, :, :2], self.state[0, :, 2], self.state[0, :, 3]
        half = np.empty((len(self), 2))
        width = np.sqrt(area * ratio)
        half[:, 0] = width / 2
        half[:, 1] = area / width / 2
        return np.concatenate((centre - half, centre + half), axis=1)

    def initial_variance(self, position: Float64Array) -> tuple[Float64Array, Float64Array]:
        """SORT's constants."""
        return self._INITIAL

    def process_noise(self, position: Float64Array) -> tuple[Float64Array, Float64Array]:
        """SORT's constants."""
        return self._PROCESS

    def measurement_noise(self, position: Float64Array) -> Float64Array:
        """SORT's constants."""
        return self._MEASUREMENT

    def correct(
        self, block: Float64Array, noise: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
        """By the inverse, and in Joseph's form, `(I - KH) P (I - KH)' + K R K'`."""
        p11, p12, p21, p22 = block
        inverse = 1 / (p11 + noise)
        gain, velocity_gain = p11 * inverse, p21 * inverse
        kept = 1 - gain
        p21 -= velocity_gain * p11
        p22 -= velocity_gain * p12
        p11 *= kept
        p12 *= kept
        p12 -= p11 * velocity_gain
        p11 *= kept
        p22 -= p21 * velocity_gain
        p21 *= kept
        position_noise, velocity_noise = gain * noise, velocity_gain * noise
        p11 += position_noise * gain
        p12 += position_noise * velocity_gain
        p21 += velocity_noise * gain
        p22 += velocity_noise * velocity_gain
        return gain, velocity_gain

    def stop_shrinking(self) -> None:
        """Stops the change of those areas that the next step would take to zero or below."""
        area, change = self.state[0, :, 2], self.state[1, :, 2]
        change[area + change <= 0] = 0.0


class CholeskyFilters(Filters):
    """Filters that are corrected as DeepSORT, ByteTrack and BoT-SORT do it."""

    @abstractmethod
    def stop_growth(self, rows: Rows) -> None:
        """Stops the change of these rows' sizes."""

    def correct(
        self, block: Float64Array, noise: Float64Array
    ) -> tuple[Float64Array, Float64Array]:
        """By Cholesky's factor, and as `P - K S K'`."""
        p11, p12, p21, p22 = block
        variance = p11 + noise
        inverse = 1 / np.sqrt(variance)
        gain, velocity_gain = p11 * inverse * inverse, p21 * inverse * inverse
        spread, velocity_spread = variance * gain, variance * velocity_gain
        p11 -= gain * spread
        p12 -= gain * velocity_spread
        p21 -= velocity_gain * spread
        p22 -= velocity_gain * velocity_spread
        return gain, velocity_gain


class AspectHeightFilters(CholeskyFilters):
    """ByteTrack's filters: centre x, centre y, width / height, height.

    The noises grow with the height of the object, except for the ratio's.
    """

    _POSITION_WEIGHT = np.array([1 / 20, 1 / 20, 0.0, 1 / 20])
    _VELOCITY_WEIGHT = np.array([1 / 160, 1 / 160, 0.0, 1 / 160])
    _RATIO = np.array([0.0, 0.0, 1.0, 0.0])

    def measure(self, boxes: Float64Array) -> Float64Array:
        """Centre, ratio and height; a box without height has no finite ratio."""
        size = boxes[:, 2:] - boxes[:, :2]
        measured = np.empty((len(boxes), 4))
        measured[:, :2] = boxes[:, :2] + size / 2
        measured[:, 2] = size[:, 0] / size[:, 1]
        measured[:, 3] = size[:, 1]
        return measured

    @flat_boxes_are_nan
    def boxes(self) -> Float64Array:
        """Boxes of the present state; NaN where the ratio is not finite."""
        size = self.state[0, :, 2:].copy()
        size[:, 0] *= size[:, 1]
        corner = self.state[0, :, :2] - size / 2
        return np.concatenate((corner, corner + size), axis=1)

    def initial_variance(self, position: Float64Array) -> tuple[Float64Array, Float64Array]:
        """Wide at birth: twice the usual deviation of position, ten times that of velocity."""
        height = position[:, 3:]
        deviation = height * (2 * self._POSITION_WEIGHT) + 1e-2 * self._RATIO
        velocity_deviation = height * (10 * self._VELOCITY_WEIGHT) + 1e-5 * self._RATIO
        return deviation * deviation, velocity_deviation * velocity_deviation

    def process_noise(self, position: Float64Array) -> tuple[Float64Array, Float64Array]:
        """From the height before the step."""
        height = position[:, 3:]
        deviation = height * self._POSITION_WEIGHT + 1e-2 * self._RATIO
        velocity_deviation = height * self._VELOCITY_WEIGHT + 1e-5 * self._RATIO
        return deviation * deviation, velocity_deviation * velocity_deviation

    def measurement_noise(self, position: Float64Array) -> Float64Array:
        """From the predicted height."""
        deviation: Float64Array = position[:, 3:] * self._POSITION_WEIGHT + 1e-1 * self._RATIO
        return deviation * deviation

    def stop_growth(self, rows: Rows) -> None:
        """Stops the change of these rows' heights; the widths follow by the ratio's."""
        self.state[1, rows, 3] = 0.0
