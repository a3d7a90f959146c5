"""What a frame shows behind all that stands: lit ground, haze, sky and skyline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.rendering.camera import Camera
from detector.data.rendering.ground import Ground, row_texel
from detector.data.rendering.light import Light
from detector.data.rendering.shadows import CONTACT, SUN_SHADOW, Shade

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

SHIFT = 3
NEAR_M = 2.0
"""Nothing nearer to the camera is drawn."""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A scene without what stands in it.

    Attributes:
        ground: The painted ground.
        light: Sun and sky.
        shade: Where buildings and trees keep the sun off.
        skyline: `(K, 4)` azimuth, width, height as a slope, and grey of things on the horizon.
        sampling: Pixels drawn per pixel along each side.
    """

    ground: Ground
    light: Light
    shade: Shade
    skyline: F64
    sampling: int


def draw_backdrop(stage: Stage, camera: Camera, hulls: Sequence[tuple[F64, F64]]) -> U8:
    """Ground with shadows, haze and sky, `(H * sampling, W * sampling, 4)`; the last is 0.

    `hulls` are the sun shadow and the contact shade of each moving object, as ground polygons.
    """
    ground = stage.ground.warp(camera)
    shadow = np.ascontiguousarray(ground[..., 3])
    _shade_moving(shadow, camera, hulls, stage.light.shadow_softness_m)
    factor = cv2.LUT(cv2.merge([shadow] * 3), _light_left(stage.light)[None])
    image = cv2.multiply(cv2.cvtColor(ground, cv2.COLOR_BGRA2BGR), factor, scale=1 / 200)
    image = _air(np.asarray(image, np.uint8), camera, stage.light)
    width, height = camera.image_wh
    size = (width * stage.sampling, height * stage.sampling)
    still = cv2.merge([*cv2.split(image), np.zeros((height, width), np.uint8)])
    big = np.asarray(cv2.resize(still, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    _draw_skyline(big, stage, camera)
    return big


def _light_left(light: Light) -> U8:
    """`(256, 3)` light in 1/200 that each value of the shadow channel leaves."""
    share = np.minimum(np.arange(256) / SUN_SHADOW, 1.0)[:, None]
    deep = np.clip((np.arange(256) - SUN_SHADOW) / (255 - SUN_SHADOW), 0, 1)[:, None]
    factor = (1 - share * (1 - light.ambient)) * (1 - 0.6 * deep)
    return np.clip(factor * 200, 0, 255).astype(np.uint8)


def _shade_moving(
    shadow: U8, camera: Camera, hulls: Sequence[tuple[F64, F64]], softness_m: float
) -> None:
    """Adds the shadows of moving objects to a frame's shadow channel."""
    if not hulls:
        return
    mask = np.zeros_like(shadow)
    for which, value in ((0, SUN_SHADOW), (1, CONTACT)):
        polygons = [hull[which] for hull in hulls]
        every = np.concatenate(polygons)
        pixels, depth = camera.project(np.column_stack([every, np.zeros(len(every))]))
        fixed = np.round((pixels - 0.5) * 16).astype(np.int32)
        ends = np.cumsum([len(polygon) for polygon in polygons])[:-1]
        for part, far in zip(np.split(fixed, ends), np.split(depth, ends), strict=True):
            if far.min() > NEAR_M:
                cv2.fillConvexPoly(mask, part, value, cv2.LINE_AA, 4)
    texel = float(np.median(row_texel(camera)))
    sigma = softness_m / texel * 0.7
    if sigma > 0.4:
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), min(sigma, 6.0)), np.uint8)
    np.maximum(shadow, mask, out=shadow)


def _air(image: U8, camera: Camera, light: Light) -> U8:
    """Haze over the ground and the sky above it, row by row."""
    width, height = camera.image_wh
    rows = np.arange(height) + 0.5
    rays = camera.rays(np.column_stack([np.full(height, width / 2), rows]))
    unit = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    distance = np.where(unit[:, 2] < 0, camera.position[2] / np.maximum(-unit[:, 2], 1e-9), 1e9)
    thick = 1 - np.exp(-np.minimum(distance / light.haze_m, 50.0))
    thick = np.maximum(thick, np.clip((distance - 900) / 600, 0, 1))
    if thick.max() < 0.02:
        return image
    up = np.clip(unit[:, 2] * 3, 0, 1)[:, None]
    veil = light.haze * (1 - up) + light.sky * up
    last = int(np.flatnonzero(thick >= 0.02)[-1]) + 1
    part = image[:last].astype(np.float32)
    alpha = thick[:last, None, None].astype(np.float32)
    part = part * (1 - alpha) + veil[:last, None, :].astype(np.float32) * alpha
    image[:last] = np.clip(part, 0, 255).astype(np.uint8)
    return image


def _draw_skyline(canvas: U8, stage: Stage, camera: Camera) -> None:
    """Distant blocks and woods on the horizon: rows of azimuth, width, height, grey."""
    yaw = np.arctan2(camera.rotation[2, 0], camera.rotation[2, 1])
    top_row = camera.rays(np.array([[camera.image_wh[0] / 2, 0.0]]))[0]
    if top_row[2] / np.linalg.norm(top_row) < -0.12:
        return
    for azimuth, wide, high, grey in stage.skyline:
        if abs((azimuth - yaw + np.pi) % (2 * np.pi) - np.pi) > 1.0:
            continue
        angle = np.array([azimuth, azimuth + wide, azimuth + wide, azimuth])
        rise = np.array([-0.03, -0.03, high, high])
        way = np.column_stack([np.sin(angle), np.cos(angle), rise]) * 2000.0
        pixels, depth = camera.project(way + camera.position)
        if (depth < 10).any():
            continue
        colour = stage.light.haze * 0.68 + 0.32 * grey
        fixed = np.round((pixels * stage.sampling - 0.5) * (1 << SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(canvas, fixed, (*colour.tolist(), 0.0), cv2.LINE_8, SHIFT)
