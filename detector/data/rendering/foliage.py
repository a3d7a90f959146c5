"""Pastes plants into a frame."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.backdrop import NEAR_M, Stage
from detector.data.rendering.camera import Camera
from detector.data.rendering.plants import SPRITE_PX

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Leaves:
    """A placed plant: sprite, place, crown height and radius in metres, trunk colour."""

    sprite: U8
    at: F64
    crown_m: float
    radius_m: float
    trunk: F64
    turned: bool


def draw_leaves(canvas: U8, stage: Stage, camera: Camera, leaf: Leaves) -> None:
    """Draws one plant over what is behind it."""
    ends = np.array([[*leaf.at, 0.0], [*leaf.at, leaf.crown_m]])
    pixels, depth = camera.project(ends)
    if depth.min() < NEAR_M + leaf.radius_m:
        return
    size = leaf.radius_m * camera.focal_px / depth[1] * stage.sampling
    u, v = pixels[1] * stage.sampling
    height, width = canvas.shape[:2]
    reach = size * 1.45
    if size < 0.8 or u < -reach or v < -reach or u > width + reach or v > height + reach * 3:
        return
    air = float(np.exp(-depth[1] / stage.light.haze_m))
    lean = pixels[1] - pixels[0]
    trunk = leaf.trunk * stage.light.ambient * 1.1
    _draw_trunk(canvas, pixels * stage.sampling, size, trunk * air + stage.light.haze * (1 - air))
    angle = np.arctan2(lean[0], -lean[1]) if leaf.turned else 0.0
    _stamp(canvas, leaf.sprite, (u, v, size, float(angle)), air, stage.light.haze)


def _draw_trunk(canvas: U8, pixels: F64, size: float, colour: F64) -> None:
    ends = np.round(pixels * 8).astype(int)
    thick = max(1, round(size * 0.11))
    cv2.line(
        canvas,
        ends[0].tolist(),
        ends[1].tolist(),
        (*colour.tolist(), 0.0),
        thick,
        cv2.LINE_8,
        3,
    )


def _stamp(
    canvas: U8, sprite: U8, where: tuple[float, float, float, float], air: float, haze: F64
) -> None:
    """Pastes a sprite with its middle at `(u, v)`, its unit `size` pixels, turned by an angle."""
    u, v, size, angle = where
    reach = size * 1.45 * (1.42 if angle else 1.0)
    height, width = canvas.shape[:2]
    x0, y0 = max(int(u - reach), 0), max(int(v - reach), 0)
    x1, y1 = min(int(u + reach) + 1, width), min(int(v + reach) + 1, height)
    if x1 <= x0 or y1 <= y0:
        return
    scale = size * 2.9 / SPRITE_PX
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    half = SPRITE_PX / 2
    matrix = np.array([[c, -s, u - x0 - c * half + s * half], [s, c, v - y0 - s * half - c * half]])
    flags = cv2.INTER_NEAREST if scale > 0.7 else cv2.INTER_LINEAR
    if scale < 0.35:
        small = max(8, int(SPRITE_PX * scale * 1.5))
        shrink = small / SPRITE_PX
        sprite = np.asarray(
            cv2.resize(sprite, (small, small), interpolation=cv2.INTER_AREA), np.uint8
        )
        matrix[:, :2] /= shrink
    turned = cv2.warpAffine(sprite, matrix, (x1 - x0, y1 - y0), flags=flags)
    mask = cv2.threshold(cv2.extractChannel(turned, 3), 110, 255, cv2.THRESH_BINARY)[1]
    if air < 0.97:
        veil = np.empty_like(turned)
        veil[:] = (*haze.tolist(), 0)
        turned = cv2.addWeighted(turned, air, veil, 1 - air, 0)
    turned[..., 3] = 0
    cv2.copyTo(turned, mask, canvas[y0:y1, x0:x1])
