"""The pinhole camera of a rendered flight and the path that it flies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """A pinhole camera over the ground plane z = 0; metres, x east, y north, z up.

    Attributes:
        position: `(3,)` its centre.
        rotation: `(3, 3)` rows right, down and forward in world axes.
        focal_px: Focal length.
        image_wh: Width and height in pixels; the principal point is the middle.
    """

    position: F64
    rotation: F64
    focal_px: float
    image_wh: tuple[int, int]

    def project(self, points: F64) -> tuple[F64, F64]:
        """Pixels `(N, 2)` and depths `(N,)` in metres of world points `(N, 3)`."""
        seen = (points - self.position) @ self.rotation.T
        depth = seen[:, 2]
        safe = np.where(np.abs(depth) < 1e-6, 1e-6, depth)
        return seen[:, :2] * (self.focal_px / safe)[:, None] + self._middle, depth

    def ground_homography(self) -> F64:
        """`(3, 3)`, takes ground points `(x, y, 1)` to pixels."""
        axes = np.column_stack(
            [self.rotation[:, 0], self.rotation[:, 1], -self.rotation @ self.position]
        )
        u0, v0 = self._middle
        intrinsic = np.array([[self.focal_px, 0, u0], [0, self.focal_px, v0], [0, 0, 1.0]])
        homography = intrinsic @ axes
        return np.asarray(homography, np.float64)

    def rays(self, pixels: F64) -> F64:
        """World directions `(N, 3)` of pixels, with a forward part of 1."""
        plane = (pixels - self._middle) / self.focal_px
        seen = np.column_stack([plane, np.ones(len(plane))])
        return np.asarray(seen @ self.rotation, np.float64)

    def ground_points(self, pixels: F64, reach_m: float) -> F64:
        """Ground points `(N, 2)` under pixels; those farther or above the horizon at `reach_m`."""
        rays = self.rays(pixels)
        flat = np.maximum(np.hypot(rays[:, 0], rays[:, 1]), 1e-9)
        reach = reach_m / flat
        with np.errstate(divide="ignore"):
            hit = np.where(rays[:, 2] < 0, self.position[2] / np.maximum(-rays[:, 2], 1e-9), reach)
        scale = np.minimum(hit, reach)
        return np.asarray(self.position[:2] + rays[:, :2] * scale[:, None], np.float64)

    @property
    def _middle(self) -> F64:
        return np.array([self.image_wh[0] / 2, self.image_wh[1] / 2])


def look(yaw: float, pitch: float, roll: float) -> F64:
    """Rotation `(3, 3)` of a camera that looks north at yaw 0 and down at pitch pi / 2.

    Angles in radians; yaw turns to the east, pitch is below the horizon.
    """
    forward = np.array([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
    level = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
    under = np.cross(forward, level)
    right = np.cos(roll) * level + np.sin(roll) * under
    down = np.cos(roll) * under - np.sin(roll) * level
    return np.stack([right, down, forward])


@dataclass(frozen=True, slots=True, eq=False)
class CameraPath:
    """Where the camera is at any time: slow swings around a start, with shake.

    Each of the seven values x, y, z, yaw, pitch, roll and log focal length is its start plus
    sines; `swing` and `shake` are `(7, K)` amplitudes with angular speeds and phases beside them.
    """

    start: F64
    amplitude: F64
    speed: F64
    phase: F64
    image_wh: tuple[int, int]

    def at(self, time_s: float) -> Camera:
        """The camera at a time; the path never leaves the sum of its amplitudes."""
        waves = np.sin(self.speed * time_s + self.phase) - np.sin(self.phase)
        x, y, z, yaw, pitch, roll, log_focal = self.start + (self.amplitude * waves).sum(axis=1)
        rotation = look(yaw, min(pitch, np.pi / 2), roll)
        return Camera(np.array([x, y, z]), rotation, float(np.exp(log_focal)), self.image_wh)


def draw_path(
    rng: np.random.Generator, start: F64, image_wh: tuple[int, int], *, lively: float
) -> CameraPath:
    """A path from a start `(7,)`; `lively` scales its travel, pan and zoom (0 hovers, 1 flies)."""
    altitude = start[2]
    travel = lively * rng.uniform(0.1, 1.0) * min(45.0, 0.6 * altitude)
    heading = rng.uniform(0, 2 * np.pi)
    span = np.array(
        [
            travel * np.sin(heading),
            travel * np.cos(heading),
            lively * rng.uniform(0, 0.04) * altitude,
            lively * rng.uniform(0, 0.25),
            lively * rng.uniform(0, 0.03),
            0.004,
            lively * rng.uniform(0, 0.08),
        ]
    )
    shake = np.array([0.02, 0.02, 0.02, 0.0008, 0.0008, 0.0008, 0.0]) * rng.uniform(0.2, 1.5)
    amplitude = np.column_stack([span, shake, shake * 0.5])
    speed = np.column_stack(
        [
            rng.uniform(0.08, 0.22, 7),
            rng.uniform(4, 9, 7),
            rng.uniform(12, 22, 7),
        ]
    )
    phase = np.column_stack([rng.uniform(-0.6, 0.6, 7), rng.uniform(0, 6.28, (7, 2))])
    return CameraPath(start, amplitude, speed, phase, image_wh)
