"""Where a frame is cut: pure geometry, in integer pixels."""

from __future__ import annotations

from math import ceil

import numpy as np

from detector.detections import IntArray


def tile_grid(image_wh: tuple[int, int], tile_wh: tuple[int, int], overlap_px: int) -> IntArray:
    """Tiles that cover an image, row by row.

    The last tile of a row or column is moved back inside, so all have one size; a side of the
    image that is shorter than the tile's is covered by one tile of the image's own length.

    Args:
        image_wh: Width and height of the image.
        tile_wh: Width and height of a tile.
        overlap_px: Least that neighbouring tiles share, in both directions.

    Returns:
        `(T, 4)` int64, `x1, y1, x2, y2` in pixels; T is at least 1.

    Raises:
        ValueError: If a side is not positive, or `overlap_px` is negative or not smaller than
            a tile side along which the image is cut.

    >>> tile_grid((100, 60), (60, 60), 20).tolist()
    [[0, 0, 60, 60], [40, 0, 100, 60]]
    """
    if min(*image_wh, *tile_wh) < 1:
        raise ValueError(f"image {image_wh} and tile {tile_wh} must have sides of at least 1 px")
    cut = [tile for image, tile in zip(image_wh, tile_wh, strict=True) if tile < image]
    if overlap_px < 0 or overlap_px >= min(cut, default=overlap_px + 1):
        raise ValueError(f"overlap_px {overlap_px}: must be 0 or more and less than {tile_wh}")
    wh = np.minimum(image_wh, tile_wh)
    starts_x = _starts(image_wh[0], int(wh[0]), overlap_px)
    starts_y = _starts(image_wh[1], int(wh[1]), overlap_px)
    top_left = np.stack(np.meshgrid(starts_x, starts_y), axis=-1).reshape(-1, 2)
    return np.concatenate([top_left, top_left + wh], axis=1)


def choose_tile_wh(
    image_wh: tuple[int, int], tile_px: int, overlap_px: int, stride: int
) -> tuple[int, int]:
    """The smallest tile that covers an image in as few tiles as tiles of `tile_px` would.

    A 1920x1080 frame and tiles of at most 1536 px make two tiles of 1120x1080, not two of
    1536x1536, which would cost 2.3 times the frame's pixels.

    Args:
        image_wh: Width and height of the image.
        tile_px: Longest side of a tile, a multiple of `stride`.
        overlap_px: Least that neighbouring tiles share.
        stride: A side along which the image is cut is a multiple of this; one along which it
            fits has the image's length.

    Returns:
        Width and height in pixels, none above `tile_px`.

    >>> choose_tile_wh((1920, 1080), 1536, 307, 32)
    (1120, 1080)
    >>> choose_tile_wh((1280, 720), 1536, 307, 32)
    (1280, 720)
    """
    if tile_px % stride:
        raise ValueError(f"tile_px {tile_px} must be a multiple of the network's stride {stride}")
    width, height = (_tile_side(side, tile_px, overlap_px, stride) for side in image_wh)
    return width, height


def _tile_side(side: int, tile_px: int, overlap_px: int, stride: int) -> int:
    if side <= tile_px:
        return side
    count = ceil((side - overlap_px) / (tile_px - overlap_px))
    return ceil((side + (count - 1) * overlap_px) / count / stride) * stride


def _starts(side: int, tile: int, overlap_px: int) -> IntArray:
    if tile >= side:
        return np.zeros(1, np.int64)
    count = ceil((side - overlap_px) / (tile - overlap_px))
    return np.minimum(np.arange(count, dtype=np.int64) * (tile - overlap_px), side - tile)
