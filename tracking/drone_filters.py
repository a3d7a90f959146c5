"""The drone mode's filters: BoT-SORT's, in true time and under a moving camera."""

from __future__ import annotations

import numpy as np

from tracking.kalman import Rows
from tracking.kalman_xywh import WidthHeightFilters
from tracking.tracks import Float64Array

STEPS_PER_S = 30.0
"""The filter's noises were tuned at this frame rate."""


class DroneFilters(WidthHeightFilters):
    """BoT-SORT's filters, moved by any length of time, and with the view.

    Velocities and noises are those of a step of 1/30 s, for which they were tuned.
    """

    def advance(self, steps: float) -> None:
        """Moves all filters by a time in steps of 1/30 s; noise gathers in proportion to it."""
        position, velocity, p11, p12, p21, p22 = self.state
        position_noise, velocity_noise = self.process_noise(position)
        smallest = position[:, 2:] / 2  # a long step must not turn a box inside out
        position += steps * velocity
        np.maximum(position[:, 2:], smallest, out=position[:, 2:])
        p11 += steps * (p12 + p21 + steps * p22 + position_noise)
        p12 += steps * p22
        p21 += steps * p22
        p22 += steps * velocity_noise

    def move(self, matrix: Float64Array) -> None:
        """Carries all filters along with the view, by its `(2, 3)` affine motion.

        Centres and their velocities turn; widths and heights only grow with the scale, since
        boxes stay upright. The variances of x and y mix as the turn says; what they would share
        is left out, so that each coordinate stays a filter of its own.
        """
        turn = matrix[:, :2]
        scale = float(np.sqrt(abs(np.linalg.det(turn))))
        self.state[:2, :, :2] = self.state[:2, :, :2] @ turn.T
        self.state[0, :, :2] += matrix[:, 2]
        self.state[:2, :, 2:] *= scale
        self.state[2:, :, :2] = self.state[2:, :, :2] @ (turn * turn).T
        self.state[2:, :, 2:] *= scale * scale

    def deviations(self) -> Float64Array:
        """`(N, 2)` standard deviations, in x and y, of a detection from the predicted centre."""
        noise = self.measurement_noise(self.state[0])
        return np.asarray(np.sqrt(self.state[2] + noise)[:, :2])

    def jump(self, rows: Rows, boxes: Float64Array, steps: float) -> None:
        """Takes these rows, whose speed is not known yet, to their boxes at the speed it takes."""
        away = self.measure(boxes)[:, :2] - self.state[0, rows, :2]
        self.state[0, rows, :2] += away
        self.state[1, rows, :2] += away / steps
