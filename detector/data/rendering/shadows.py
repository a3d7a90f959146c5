"""Shadows on the ground: of whole meshes, and of buildings and trees on a coarse grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.light import Light
from detector.data.rendering.mesh import Mesh

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

SUN_SHADOW = 190
"""Value of a full sun shadow in the ground's shadow channel; above it is contact shade."""
CONTACT = 255


@dataclass(frozen=True, slots=True, eq=False)
class Shade:
    """Where buildings and trees keep the sun off, on a grid of 1 m around the origin."""

    mask: U8

    def at(self, points: F64) -> F64:
        """Shade 0..1 at ground points `(N, 2)`; 0 beyond the grid."""
        half = self.mask.shape[0] // 2
        cell = np.floor(points).astype(np.int64) + half
        inside = ((cell >= 0) & (cell < 2 * half)).all(axis=1)
        found = np.zeros(len(points))
        found[inside] = self.mask[cell[inside, 1], cell[inside, 0]] / 255.0
        return found


def shade_map(polygons: Sequence[F64], reach_m: float) -> Shade:
    """The grid of shadow polygons `(N, 2)` or `(K, N, 2)`, out to `reach_m`."""
    half = int(reach_m) + 30
    mask = np.zeros((2 * half, 2 * half), np.uint8)
    for points in polygons:
        fixed = np.round((points + half - 0.5) * 16).astype(np.int32)
        cv2.fillPoly(mask, list(fixed) if fixed.ndim == 3 else [fixed], 255, cv2.LINE_8, 4)
    return Shade(np.asarray(cv2.blur(mask, (3, 3)), np.uint8))


def ground_shades(mesh: Mesh, scale: F64, heading: float, light: Light) -> tuple[F64, F64]:
    """What a mesh at the origin shades: its sun shadow and the ground under it, as polygons."""
    points = mesh.points * scale
    c, s = np.cos(heading), np.sin(heading)
    turned = points[:, :2] @ np.array([[c, s], [-s, c]])
    slope = light.sun[:2] / light.sun[2]
    cast = turned - points[:, 2:3] * slope
    under = turned[points[:, 2] < 1.0]
    return _hull(np.concatenate([cast, under])), _hull(under)


def _hull(points: F64) -> F64:
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float64)
