"""What the program found, drawn on the picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import Image
from pipeline.count_panel import draw_panel
from pipeline.frame import Counts
from pipeline.label_layout import place_labels
from pipeline.palette import Colours, id_colours
from pipeline.text import Face, face
from pipeline.trails import Trails
from tracking.tracks import Float64Array, Tracks

INK = (10, 10, 10)
EDGE_SHARE = 0.3
"""Brightness of the dark edge around a box, as part of the box's colour."""
SCORE_SHARE = 0.3
"""Brightness of the score as part of its ground, so that it is not read as part of the id."""
TINY_DIGITS = 1.8
"""Boxes whose longer side is below so many digit heights get their id alone."""
SUBPIXEL_BITS = 3
FAR_PX = 30_000
"""Boxes may reach far out of the frame; OpenCV takes 16-bit corners everywhere."""


def draw(
    image: Image,
    tracks: Tracks,
    counts: Counts,
    class_names: Sequence[str],
    *,
    time_s: float,
    trails: Trails | None = None,
) -> None:
    """Draws boxes, labels, trails and the count panel into `image`, in place.

    A label reads class, id and score; it shrinks to the id where it would hide other boxes
    and on tiny boxes. All sizes follow the frame's height. Nothing but `image` is changed.

    Args:
        image: `(H, W, 3)` uint8, RGB, writable; drawn on directly.
        tracks: What this frame shows; boxes may lie outside the frame.
        counts: For the panel, indexed as `class_names`.
        class_names: Indexed by class id.
        time_s: Of the frame, for the panel.
        trails: The tracks' past positions; none are drawn without.
    """
    size = face(digit_px(image.shape[0]))
    tracks = tracks[_in_view(tracks.boxes, image)]
    if len(tracks):
        colours = id_colours(tracks.ids)
        if trails is not None:
            _draw_trails(image, tracks, trails.points(tracks), colours)
        boxes = np.clip(tracks.boxes, -FAR_PX, FAR_PX)
        _draw_boxes(image, boxes, colours)
        _draw_labels(image, tracks, boxes, colours, class_names, size)
    draw_panel(image, counts, class_names, time_s, size)


def digit_px(frame_h: int) -> int:
    """Height of digits for a frame: 8 px up to 800 lines, then 1 % of the frame's height."""
    return max(round(frame_h / 100), 8)


def line_px(frame_h: int) -> int:
    """Width of lines for a frame: 1 px up to 1049 lines, then 2 px, 3 px at 4K."""
    return max(round(frame_h / 700), 1)


def _in_view(boxes: Float64Array, image: Image) -> NDArray[np.bool_]:
    height, width = image.shape[:2]
    x1, y1, x2, y2 = boxes.T
    seen: NDArray[np.bool_] = (x2 > 0) & (y2 > 0) & (x1 < width) & (y1 < height)
    return seen


def _draw_boxes(image: Image, boxes: Float64Array, colours: Colours) -> None:
    """Boxes with crisp lines on whole pixels, and a dark edge for bright ground."""
    line = line_px(image.shape[0])
    out = line // 2 + 1
    corners = np.rint(boxes).astype(np.int64).tolist()
    edges = (colours * EDGE_SHARE).astype(np.uint8).tolist()
    for (x1, y1, x2, y2), colour, edge in zip(corners, colours.tolist(), edges, strict=True):
        cv2.rectangle(image, (x1 - out, y1 - out), (x2 + out, y2 + out), edge, 1)
        cv2.rectangle(image, (x1, y1), (x2, y2), colour, line)


def _draw_trails(image: Image, tracks: Tracks, points: Float64Array, colours: Colours) -> None:
    """Trails that fade with age, outside the tracks' own boxes.

    Each short segment has one colour, mixed with the ground at its middle: as good to the eye
    as blending every pixel, at a tenth of the time.
    """
    steps = points.shape[1] - 1
    start, end = points[:, :-1], points[:, 1:]
    low, high = tracks.boxes[:, None, :2], tracks.boxes[:, None, 2:]
    hidden = ((end >= low) & (end <= high)).all(axis=2)
    start = np.where(((start >= low) & (start <= high)).all(axis=2)[..., None], _exit(start, end, low, high), start)
    rows, ages = np.nonzero(~hidden & (np.abs(end - start).max(axis=2) > 0.5))
    start, end = start[rows, ages], end[rows, ages]
    limit = np.array([image.shape[1] - 1, image.shape[0] - 1])
    x, y = np.clip((start + end) / 2, 0, limit).astype(np.intp).T
    strength = 0.9 * (1.0 - (ages[:, None] + 0.5) / max(steps, 1))
    mixed = image[y, x] * (1.0 - strength) + colours[rows] * strength
    scale = 1 << SUBPIXEL_BITS
    fixed = np.rint(np.clip(np.stack([start, end], 1), -FAR_PX, FAR_PX) * scale).astype(np.int64)
    line = line_px(image.shape[0])
    widths = np.where(ages < 0.6 * steps, max(line, 2), (line + 1) // 2).tolist()
    for (a, b), colour, width in zip(fixed.tolist(), mixed.tolist(), widths, strict=True):
        cv2.line(image, a, b, colour, width, cv2.LINE_AA, SUBPIXEL_BITS)


def _draw_labels(
    image: Image,
    tracks: Tracks,
    boxes: Float64Array,
    colours: Colours,
    class_names: Sequence[str],
    size: Face,
) -> None:
    room = 2 * size.pad_px
    short = [str(track_id) for track_id in tracks.ids.tolist()]
    long = [f"{class_names[c]} {i}" for c, i in zip(tracks.classes.tolist(), short, strict=True)]
    scores = [f"{score:.0%}" for score in tracks.scores.tolist()]
    short_w = np.array([size.width(text) for text in short]) + room
    long_w = np.array([size.width(a) + size.width(b) for a, b in zip(long, scores, strict=True)])
    tiny = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) < TINY_DIGITS * size.ascent_px
    long_w = np.where(tiny, 0, long_w + 2 * room)
    height, width = image.shape[:2]
    place = place_labels(boxes, long_w, short_w, size.line_h, (width, height))
    widths = np.where(place.short, short_w, long_w).tolist()
    rows = zip(place.corners.tolist(), widths, place.short.tolist(), colours.tolist(), strict=True)
    for row, ((left, top), w, is_short, colour) in enumerate(rows):
        right, bottom = left + w - 1, top + size.line_h - 1
        cv2.rectangle(image, (left, top), (right, bottom), colour, cv2.FILLED)
        start = left + size.pad_px
        if is_short:
            size.put(image, short[row], (start, top), INK)
        else:
            size.put(image, long[row], (start, top), INK)
            start += size.width(long[row]) + room
            size.put(image, scores[row], (start, top), [SCORE_SHARE * c for c in colour])
