"""Rotated, shifted, sheared and zoomed views, and the published mosaic that ends in one."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.augment import PADDING, Float32Array, View, clip, resized
from detector.data.views_config import AugmentConfig
from detector.detections import Image

Matrix = NDArray[np.float64]
"""`(3, 3)`, from homogeneous x and y of one view to those of another, in pixels."""


def distorts(config: AugmentConfig) -> bool:
    """Whether any distortion is switched on."""
    return any((config.rotation, config.translation, config.shear, config.perspective, config.zoom))


def draw_distortion(
    in_px: int, out_px: int, config: AugmentConfig, rng: np.random.Generator
) -> Matrix:
    """A random distortion that keeps the middle of a square of `in_px` near that of `out_px`.

    From right to left: centred, in perspective, rotated and zoomed, sheared, shifted.
    """
    depth_x, depth_y, angle, zoom, shear_x, shear_y, right, down = rng.random(8) * 2 - 1
    centred = np.array([[1, 0, -in_px / 2], [0, 1, -in_px / 2], [0, 0, 1]])
    perspective = np.eye(3)
    perspective[2, :2] = np.array((depth_x, depth_y)) * config.perspective / in_px
    radians, scale = math.radians(angle * config.rotation), 1 + zoom * config.zoom
    cosine, sine = scale * math.cos(radians), scale * math.sin(radians)
    turned = np.array([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])
    tilt_x, tilt_y = (math.tan(math.radians(s * config.shear)) for s in (shear_x, shear_y))
    sheared = np.array([[1, tilt_x, 0], [tilt_y, 1, 0], [0, 0, 1]])
    to = (np.array((right, down)) * config.translation + 0.5) * out_px
    shifted = np.array([[1, 0, to[0]], [0, 1, to[1]], [0, 0, 1]])
    return np.asarray(shifted @ sheared @ turned @ perspective @ centred, np.float64)


def distort(view: View, matrix: Matrix, out_px: int) -> View:
    """The view under `matrix`, a square of `out_px`; where nothing is seen it is grey.

    A box becomes the box around its four moved corners. It stays if more than 2 pixels of each
    side are visible, the one less than 20 times the other, and more than a tenth of its area;
    else it joins the ignore regions.
    """
    # OpenCV counts from the centre of the first pixel, boxes from its corner.
    half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    pixels = np.linalg.inv(half) @ matrix @ half
    image = cv2.warpPerspective(
        view.image, pixels, (out_px, out_px), borderValue=(PADDING, PADDING, PADDING)
    )
    moved = View(
        image.astype(np.uint8, copy=False),
        move_boxes(view.boxes, matrix),
        view.class_ids,
        move_boxes(view.ignore, matrix),
    )
    return clip(moved, kept_in_distortion)


def move_boxes(boxes: Float32Array, matrix: Matrix) -> Float32Array:
    """The boxes around the four moved corners of each: `(N, 4)` float32 xyxy."""
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2).astype(np.float64)
    moved = corners @ matrix[:, :2].T + matrix[:, 2]
    moved = moved[..., :2] / moved[..., 2:]
    return np.concatenate((moved.min(1), moved.max(1)), 1).astype(np.float32)


def kept_in_distortion(sides: Float32Array, shares: Float32Array) -> NDArray[np.bool_]:
    """The published rule."""
    shorter, longer = sides.min(1), sides.max(1)
    kept = (shorter > 2) & (longer < 20 * shorter) & (shares > 0.1)
    return np.asarray(kept, np.bool_)


def fit(view: View, out_px: int) -> View:
    """The view with its long side at `out_px`, its sides' ratio kept to a pixel."""
    height, width = view.image.shape[:2]
    ratio = out_px / max(height, width)
    wh = (max(round(width * ratio), 1), max(round(height * ratio), 1))
    return resized(view, wh, cv2.INTER_LINEAR)


def published_mosaic(views: list[View], canvas_px: int, meeting: tuple[int, int]) -> View:
    """Four views on a square canvas, each with a corner at `meeting`, cut at the border."""
    x, y = meeting
    parts = []
    image = np.full((canvas_px, canvas_px, 3), PADDING, np.uint8)
    for number, view in enumerate(views):
        height, width = view.image.shape[:2]
        left, top = x - width * (number % 2 == 0), y - height * (number < 2)
        parts.append(_place(view, image, left, top))
    return View(
        image,
        np.concatenate([part.boxes for part in parts]),
        np.concatenate([part.class_ids for part in parts]),
        np.concatenate([part.ignore for part in parts]),
    )


def centred(view: View, canvas_px: int) -> View:
    """The view in the middle of a grey square canvas."""
    height, width = view.image.shape[:2]
    image = np.full((canvas_px, canvas_px, 3), PADDING, np.uint8)
    return _place(view, image, (canvas_px - width) // 2, (canvas_px - height) // 2)


def _place(view: View, canvas: Image, left: int, top: int) -> View:
    """Draws the view there on the canvas; its labels, cut at the canvas's border."""
    height, width = view.image.shape[:2]
    side = canvas.shape[0]
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + width, side), min(top + height, side)
    canvas[y1:y2, x1:x2] = view.image[y1 - top : y2 - top, x1 - left : x2 - left]
    shift = np.array((left, top) * 2, np.float32)
    moved = View(canvas, view.boxes + shift, view.class_ids, view.ignore + shift)
    return clip(moved, _visible)


def _visible(sides: Float32Array, shares: Float32Array) -> NDArray[np.bool_]:
    return np.ones(len(sides), np.bool_)
