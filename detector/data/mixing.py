"""Views mixed from several images: two over each other, and pasted objects."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.augment import PADDING, Float32Array, View
from detector.detections import Image

TRIED_PLACES = 40
"""Random places looked at for a pasted object; it is left out if none is free."""

SMALLEST_PASTED_PX = 6.0
"""Least shorter side of a pasted object."""

LARGEST_ZOOM = 2.0
"""Most that a pasted object is enlarged: beyond, it is a blur."""

EDGE_SHARE = 0.12
"""Width of a pasted object's soft edge, as a share of its longer side."""

TOUCHED_SHARE = 0.1
"""An object covered by others to more than this share is not pasted: it would bring their parts."""


@dataclass(frozen=True, slots=True, eq=False)
class Cutout:
    """An object with some of its surroundings.

    Attributes:
        image: `(H, W, 3)` uint8 RGB.
        box: `(4,)` float32 xyxy of the object in `image`.
        class_id: Of the object.
        scale: By which its image would be resized if a view were cut from it.
    """

    image: Image
    box: Float32Array
    class_id: int
    scale: float


def mixup(one: View, two: View, share: float) -> View:
    """Both views over each other, `share` of the first, with the labels of both (Zhang et al.).

    Both have the same size.
    """
    image = cv2.addWeighted(one.image, share, two.image, 1 - share, 0)
    return View(
        image.astype(np.uint8, copy=False),
        np.concatenate((one.boxes, two.boxes)),
        np.concatenate((one.class_ids, two.class_ids)),
        np.concatenate((one.ignore, two.ignore)),
    )


def free_standing(boxes: Float32Array, ignore: Float32Array) -> NDArray[np.bool_]:
    """Which boxes hardly anything covers, neither another box nor an ignore region: `(N,)`."""
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    covered = _overlaps(boxes, boxes)
    np.fill_diagonal(covered, 0)
    covered = np.concatenate((covered, _overlaps(boxes, ignore)), 1)
    return np.asarray(covered.max(1, initial=0) <= TOUCHED_SHARE * areas, np.bool_)


def cut_out(view: View, row: int, scale: float) -> Cutout:
    """Object `row` of the view with as much around it as its soft edge takes."""
    box = view.boxes[row]
    edge = EDGE_SHARE * (box[2:] - box[:2]).max()
    height, width = view.image.shape[:2]
    x1, y1 = np.maximum(np.floor(box[:2] - edge), 0).astype(int)
    x2, y2 = np.minimum(np.ceil(box[2:] + edge), (width, height)).astype(int)
    shift = np.array((x1, y1, x1, y1), np.float32)
    return Cutout(view.image[y1:y2, x1:x2], box - shift, int(view.class_ids[row]), scale)


def paste(view: View, cutouts: list[Cutout], rng: np.random.Generator) -> View:
    """The view with the objects at random places that no object or ignore region touches.

    An object gets the size of those of its class in the view, give or take a quarter; where there
    are none, that which its image would have. It fades into the view around its box. One that
    would be tiny or for which no free place is found is left out.
    """
    image = view.image.copy()
    boxes, class_ids = view.boxes, view.class_ids
    for cutout in cutouts:
        scale = _fitting_scale(cutout, view) * float(np.exp(rng.uniform(-0.22, 0.22)))
        scale = min(scale, LARGEST_ZOOM)
        patch, box = _resized(cutout, scale)
        place = _free_place(patch, image, np.concatenate((boxes, view.ignore)), rng)
        if place is None or (box[2:] - box[:2]).min() < SMALLEST_PASTED_PX:
            continue
        x, y = place
        _blend(image[y : y + patch.shape[0], x : x + patch.shape[1]], patch, box)
        boxes = np.concatenate((boxes, (box + np.array((x, y, x, y), np.float32))[None]))
        class_ids = np.append(class_ids, cutout.class_id)
    return View(image, boxes, class_ids, view.ignore)


def _fitting_scale(cutout: Cutout, view: View) -> float:
    alike = view.boxes[view.class_ids == cutout.class_id]
    if not len(alike):
        return cutout.scale
    sides = np.sqrt((alike[:, 2:] - alike[:, :2]).prod(1))
    own = np.sqrt((cutout.box[2:] - cutout.box[:2]).prod())
    return float(np.median(sides) / own)


def _resized(cutout: Cutout, scale: float) -> tuple[Image, Float32Array]:
    height, width = cutout.image.shape[:2]
    wh = (max(round(width * scale), 1), max(round(height * scale), 1))
    shrinks = wh[0] < width and wh[1] < height
    patch = cv2.resize(
        cutout.image, wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    )
    factor = np.array((wh[0] / width, wh[1] / height) * 2, np.float32)
    return patch.astype(np.uint8, copy=False), cutout.box * factor


def _free_place(
    patch: Image, image: Image, taken: Float32Array, rng: np.random.Generator
) -> tuple[int, int] | None:
    """Upper left corner, such that the patch overlaps none of `taken` and no padding."""
    size = np.array(patch.shape[1::-1])
    room = np.array(image.shape[1::-1]) - size
    if (room < 0).any():
        return None
    low = rng.integers(0, room + 1, (TRIED_PLACES, 2))
    places = np.concatenate((low, low + size), 1).astype(np.float32)
    corners_x, corners_y = (
        np.stack((low[:, axis], low[:, axis] + size[axis] - 1)) for axis in (0, 1)
    )
    padded = (image[corners_y[:, None], corners_x[None]] == PADDING).all(-1).any((0, 1))
    free = np.flatnonzero((_overlaps(places, taken).max(1, initial=0) == 0) & ~padded)
    if not len(free):
        return None
    x, y = low[free[0]].tolist()
    return x, y


def _blend(under: Image, patch: Image, box: Float32Array) -> None:
    """Draws the patch over `under`: opaque inside the box, fading out towards its own border."""
    height, width = patch.shape[:2]
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    edge = max(EDGE_SHARE * float((box[2:] - box[:2]).max()), 1.0)
    outside_x = np.maximum(np.maximum(box[0] - x, x - box[2]), 0)
    outside_y = np.maximum(np.maximum(box[1] - y, y - box[3]), 0)
    alpha = np.clip(1 - np.hypot(outside_x[None], outside_y[:, None]) / edge, 0, 1)[..., None]
    under[:] = np.round(patch * alpha + under * (1 - alpha)).astype(np.uint8)


def _overlaps(boxes: Float32Array, others: Float32Array) -> Float32Array:
    """Area shared by each pair: `(N, M)`."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray(np.maximum(high - low, 0).prod(2), np.float32)
