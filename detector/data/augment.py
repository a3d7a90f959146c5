"""Training views: cut out of images, scaled, turned and put together, with their boxes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import Image, IntArray

Float32Array = NDArray[np.float32]

PADDING = 114
"""Grey level outside the image, as in YOLOv5."""

SMALLEST_PX = 3.0
"""A box that a window leaves with a side below this joins the ignore regions."""

SMALLEST_SHARE = 0.35
"""A box that a window cuts down to less than this share joins the ignore regions."""

Kept = Callable[[Float32Array, Float32Array], NDArray[np.bool_]]
"""Which boxes are still learned, from their visible sides `(N, 2)` and visible shares `(N,)`."""

_ROTATIONS = {
    1: cv2.ROTATE_90_COUNTERCLOCKWISE,
    2: cv2.ROTATE_180,
    3: cv2.ROTATE_90_CLOCKWISE,
}


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A training image.

    Attributes:
        image: `(H, W, 3)` uint8 RGB.
        boxes: `(N, 4)` float32 xyxy in pixels.
        class_ids: `(N,)` int64.
        ignore: `(K, 4)` float32 xyxy, where nothing is learned.
    """

    image: Image
    boxes: Float32Array
    class_ids: IntArray
    ignore: Float32Array


def cut_view(view: View, out_wh: tuple[int, int], scale: float, rng: np.random.Generator) -> View:
    """A window of `view`, resized by `scale` to `out_wh`; most windows hold an object.

    Boxes that the window cuts to a small rest, or that become tiny, join the ignore regions.
    """
    height, width = view.image.shape[:2]
    window = np.array(out_wh, np.float64) / scale
    centre = rng.random(2) * (width, height)
    if len(view.boxes) and rng.random() < 0.8:
        box = view.boxes[rng.integers(len(view.boxes))]
        centre = (box[:2] + box[2:]) / 2 + (rng.random(2) - 0.5) * window * 0.9
    # Keep the window inside the image as far as the image is large enough.
    room = np.maximum(np.array((width, height)) - window, 0)
    low = np.clip(centre - window / 2, 0, room)
    low -= np.where(window > (width, height), rng.random(2) * (window - (width, height)), 0)
    image = _resize_window(view.image, low, out_wh, scale)
    shift = np.tile(low, 2)
    boxes, ignore = (view.boxes - shift) * scale, (view.ignore - shift) * scale
    cut = View(image, boxes.astype(np.float32), view.class_ids, ignore.astype(np.float32))
    return clip(cut, kept_in_window)


def _resize_window(
    image: Image, low: NDArray[np.float64], out_wh: tuple[int, int], scale: float
) -> Image:
    """Crop first, so that the cost follows the window and not the image."""
    size = np.array((image.shape[1], image.shape[0]))
    high = low + np.array(out_wh) / scale
    x1, y1 = first = np.maximum(np.floor(low).astype(int) - 1, 0)
    x2, y2 = last = np.minimum(np.ceil(high).astype(int) + 1, size)
    crop: cv2.typing.MatLike = image[y1:y2, x1:x2]
    shrunk = np.ones(2)
    if scale < 0.75:
        # Linear interpolation alone would skip pixels.
        area = np.maximum(np.round((last - first) * scale).astype(int), 1)
        shrunk = area / (last - first)
        crop = cv2.resize(crop, area.tolist(), interpolation=cv2.INTER_AREA)
    zoom = scale / shrunk
    # OpenCV counts from the centre of the first pixel, boxes from its corner.
    shift = (first - low) * scale + (zoom - 1) / 2
    matrix = np.column_stack((np.diag(zoom), shift))
    out = cv2.warpAffine(
        crop, matrix, out_wh, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    ).astype(np.uint8, copy=False)
    (left, top), (right, bottom) = np.round(np.array((-low, size - low)) * scale).astype(int)
    out[: max(top, 0)] = out[bottom:] = PADDING
    out[:, : max(left, 0)] = out[:, right:] = PADDING
    return out


def kept_in_window(sides: Float32Array, shares: Float32Array) -> NDArray[np.bool_]:
    """The rule of `cut_view`."""
    return (shares >= SMALLEST_SHARE) & (sides >= SMALLEST_PX).all(1)


def clip(view: View, kept: Kept) -> View:
    """The view with its boxes cut at its border.

    A box of which something is visible that is not `kept` joins the ignore regions; boxes and
    regions outside go.
    """
    height, width = view.image.shape[:2]
    limit = np.array((width, height, width, height), np.float32)
    clipped = np.clip(view.boxes, 0, limit)
    sides = clipped[:, 2:] - clipped[:, :2]
    shares = sides.prod(1) / np.maximum((view.boxes[:, 2:] - view.boxes[:, :2]).prod(1), 1e-6)
    inside = (sides > 0).all(1)
    learned = inside & kept(sides, shares)
    regions = np.clip(np.concatenate((view.ignore, clipped[inside & ~learned])), 0, limit)
    regions = regions[((regions[:, 2:] - regions[:, :2]) > 0).all(1)]
    return View(view.image, clipped[learned], view.class_ids[learned], regions)


def mosaic(views: list[View], out_px: int, split: tuple[int, int]) -> View:
    """Four views in one, meeting at `split`; each already has its quadrant's size."""
    x, y = split
    offsets = ((0, 0), (x, 0), (0, y), (x, y))
    image = np.empty((out_px, out_px, 3), np.uint8)
    for view, (left, top) in zip(views, offsets, strict=True):
        image[top : top + view.image.shape[0], left : left + view.image.shape[1]] = view.image
    shifts = [np.array((left, top, left, top), np.float32) for left, top in offsets]
    return View(
        image,
        np.concatenate([view.boxes + s for view, s in zip(views, shifts, strict=True)]),
        np.concatenate([view.class_ids for view in views]),
        np.concatenate([view.ignore + s for view, s in zip(views, shifts, strict=True)]),
    )


def quadrants(out_px: int, split: tuple[int, int]) -> list[tuple[int, int]]:
    """Width and height of the four parts of a mosaic, row by row."""
    x, y = split
    return [(x, y), (out_px - x, y), (x, out_px - y), (out_px - x, out_px - y)]


def turn(view: View, quarters: int, *, mirrored: bool) -> View:
    """The view turned anticlockwise by quarter turns, then mirrored left to right."""
    image: cv2.typing.MatLike = view.image
    boxes, ignore = view.boxes, view.ignore
    if quarters % 4:
        image = cv2.rotate(image, _ROTATIONS[quarters % 4])
    width = view.image.shape[1]
    for _ in range(quarters % 4):
        boxes, ignore = (
            np.stack((b[:, 1], width - b[:, 2], b[:, 3], width - b[:, 0]), 1)
            for b in (boxes, ignore)
        )
        width = view.image.shape[0] + view.image.shape[1] - width
    if mirrored:
        image = cv2.flip(image, 1)
        boxes, ignore = (
            np.stack((width - b[:, 2], b[:, 1], width - b[:, 0], b[:, 3]), 1)
            for b in (boxes, ignore)
        )
    return View(image.astype(np.uint8, copy=False), boxes, view.class_ids, ignore)


def squash(view: View, out_wh: tuple[int, int]) -> View:
    """The view in another size, its sides scaled one by one.

    Made flatter, a view from straight above resembles an oblique one.
    """
    return resized(view, out_wh, cv2.INTER_AREA)


def resized(view: View, out_wh: tuple[int, int], interpolation: int) -> View:
    """The view at another width and height, resampled as OpenCV's constant says."""
    height, width = view.image.shape[:2]
    factor = np.array((out_wh[0] / width, out_wh[1] / height) * 2, np.float32)
    image = cv2.resize(view.image, out_wh, interpolation=interpolation)
    return View(
        image.astype(np.uint8, copy=False),
        view.boxes * factor,
        view.class_ids,
        view.ignore * factor,
    )
