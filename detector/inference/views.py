"""What a network sees of a tile, and where that lies in the tile."""

from __future__ import annotations

from math import ceil

from torch import Tensor
from torch.nn import functional as F

from detector.config import View

GREY = 0.447
"""Fills the right and lower border of a view, as in the published code."""


def look(images: Tensor, view: View, stride: int) -> Tensor:
    """What a view shows of images.

    Args:
        images: `(B, 3, H, W)` in 0..1 or uint8, with sides that are multiples of `stride`.
        view: Whether they are mirrored, and how they are scaled.
        stride: The result's sides are multiples of this too.

    Returns:
        `(B, 3, h, w)`: bilinear, to the scaled size rounded down, then padded on the right and
        below.
    """
    if view.flip:
        images = images.flip(3)
    if view.scale == 1.0:
        return images
    scaled = [side * view.scale for side in images.shape[2:]]
    height, width = (max(1, int(side)) for side in scaled)
    padded_h, padded_w = (ceil(side / stride) * stride for side in scaled)
    images = F.interpolate(images, (height, width), mode="bilinear", align_corners=False)
    grey = GREY if images.is_floating_point() else round(255 * GREY)
    return F.pad(images, (0, padded_w - width, 0, padded_h - height), value=grey)


def in_image(boxes: Tensor, flipped: Tensor, scale: float, width_px: int) -> Tensor:
    """Boxes that views show, in pixels of the image: the inverse of `look`.

    Args:
        boxes: `(N, 4)` `x1, y1, x2, y2` in pixels of the view.
        flipped: `(N,)`, whether the view of each is mirrored.
        scale: Of the views.
        width_px: Of the image.

    Returns:
        `(N, 4)`.
    """
    boxes = boxes / scale
    mirrored = boxes[:, [2, 1, 0, 3]] * boxes.new_tensor([-1, 1, -1, 1])
    mirrored += boxes.new_tensor([width_px, 0, width_px, 0])
    return mirrored.where(flipped[:, None], boxes)
