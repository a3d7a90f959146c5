"""The painted ground of a scene: textures of rising coarseness that frames are warped from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.camera import Camera
from detector.data.rendering.canvas import Canvas, Level, LevelFrame
from detector.data.rendering.shapes import Cover, Shape

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

REACH_M = 1600.0
"""Nothing farther is painted; beyond it lies haze."""
LEVEL_STEP = 1.8
"""Ratio of texel sizes between two levels."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """The levels, finest first, and the finest ground resolution that each serves."""

    levels: tuple[Level, ...]

    def warp(self, camera: Camera) -> U8:
        """The ground in a camera's frame, `(H, W, 4)`; without light, sky or haze."""
        width, height = camera.image_wh
        rows = row_texel(camera)
        sizes = np.array([level.texel_m for level in self.levels])
        chosen = np.clip(np.searchsorted(sizes, rows * 1.05, side="right") - 1, 0, len(sizes) - 1)
        out = np.zeros((height, width, 4), np.uint8)
        to_pixels = camera.ground_homography()
        cuts = np.flatnonzero(np.diff(chosen)) + 1
        for first, last in zip([0, *cuts], [*cuts, height], strict=True):
            level = self.levels[chosen[first]]
            shift = np.array([[1, 0, -0.5], [0, 1, -0.5 - float(first)], [0, 0, 1]])
            matrix = shift @ to_pixels @ level.to_world()
            out[first:last] = cv2.warpPerspective(
                level.texture,
                matrix,
                (width, int(last - first)),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REFLECT,
            )
        return out


def row_texel(camera: Camera) -> F64:
    """`(H,)` ground metres per pixel at each row's middle, stretched where the view is flat."""
    width, height = camera.image_wh
    rows = np.arange(height) + 0.5
    pixels = np.column_stack([np.full(height, width / 2), rows])
    rays = camera.rays(pixels)
    sine = np.maximum(-rays[:, 2] / np.linalg.norm(rays, axis=1), 1e-3)
    depth = camera.position[2] / np.maximum(-rays[:, 2], 1e-9)
    depth = np.where(rays[:, 2] < 0, np.minimum(depth, REACH_M), REACH_M)
    return np.asarray(depth / camera.focal_px / sine**0.5, np.float64)


def plan_levels(cameras: Sequence[Camera], budget_px: int) -> list[LevelFrame]:
    """Where the levels lie so that every camera sees ground at its own resolution."""
    points, texels = [], []
    for camera in cameras:
        width, height = camera.image_wh
        rows = row_texel(camera)
        y = np.linspace(0.5, height - 0.5, 25)
        x = np.linspace(-8, width + 8, 3)
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        points.append(camera.ground_points(grid, REACH_M))
        texels.append(np.repeat(rows[np.clip(y.astype(int), 0, height - 1)], 3))
    where, size = np.concatenate(points), np.concatenate(texels)
    finest = float(size.min()) * 0.95
    frames = _frames(where, size, finest)
    total = sum(frame.size[0] * frame.size[1] for frame in frames)
    if total > budget_px:
        frames = _frames(where, size, finest * (total / budget_px) ** 0.5)
    return frames


def _frames(where: F64, size: F64, finest: float) -> list[LevelFrame]:
    frames = []
    count = int(np.ceil(np.log(max(float(size.max()) / finest, 1.01)) / np.log(LEVEL_STEP)))
    for k in range(max(count, 1)):
        texel = finest * LEVEL_STEP**k
        near = size <= texel * LEVEL_STEP * 1.3 if k + 1 < count else np.ones(len(size), bool)
        served = near & ((size >= texel * 0.8) if k else True)
        if not served.any():
            continue
        low = where[served].min(axis=0) - 6 * texel
        high = where[served].max(axis=0) + 6 * texel
        wide = np.maximum(np.ceil((high - low) / texel).astype(int), 8)
        shrink = max(1.0, float(wide.max()) / 6000.0)
        frames.append(
            LevelFrame(low, texel * shrink, (int(wide[0] / shrink), int(wide[1] / shrink)))
        )
    return frames


def paint(
    frames: Sequence[LevelFrame],
    base: Cover,
    shapes: Sequence[Shape],
    *,
    turn: float,
    softness_m: float,
) -> Ground:
    """The ground of a scene.

    Args:
        frames: The levels' places, finest first.
        base: Cover where no shape lies.
        shapes: Painted in order.
        turn: Rotation of the noise, radians.
        softness_m: Blur of shadow edges.
    """
    levels = []
    low, high = _extents(shapes)
    for frame in frames:
        canvas = Canvas(frame, base)
        for k in np.flatnonzero(frame.sees(low, high)):
            canvas.draw(shapes[int(k)])
        levels.append(canvas.finish(turn, softness_m))
    return Ground(tuple(sorted(levels, key=lambda level: level.texel_m)))


def _extents(shapes: Sequence[Shape]) -> tuple[F64, F64]:
    """Lowest and highest x and y `(N, 2)` of each shape with its width."""
    if not shapes:
        return np.zeros((0, 2)), np.zeros((0, 2))
    flat = [shape.points.reshape(-1, 2) for shape in shapes]
    first = np.cumsum([0] + [len(points) for points in flat[:-1]])
    every = np.concatenate(flat)
    margin = np.array([[shape.width_m] for shape in shapes])
    return (
        np.asarray(np.minimum.reduceat(every, first, axis=0) - margin, np.float64),
        np.asarray(np.maximum.reduceat(every, first, axis=0) + margin, np.float64),
    )
