"""What the program found, drawn on the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.detections import Image
from pipeline.count_panel import draw_panel
from pipeline.frame import Counts
from pipeline.label_layout import UNPLACED, place_labels
from pipeline.palette import Colours, id_colours
from pipeline.text import Face, face
from pipeline.trails import Trails, outside
from tracking.tracks import Float64Array, Tracks

INK = (10, 10, 10)
SCORE_SHARE = 0.3
"""Brightness of the score as part of its ground, so that it is not read as part of the id."""
EDGE_SHARE = 0.3
"""Brightness of the dark edge around a box, as part of the box's colour."""
TINY_DIGITS = 1.8
"""Boxes whose longer side is below so many digit heights get their id alone."""
SUBPIXEL_BITS = 3
FAR_PX = 30_000
"""Boxes may reach far out of the frame; OpenCV takes 16-bit corners everywhere."""


@dataclass(slots=True)
class Memory:
    """What a frame's drawing needs from the frames before; it forgets ids that are not seen.

    Attributes:
        trails: Where the tracks were.
        places: By track id, where its label stood, so that labels do not hop.
    """

    trails: Trails = field(default_factory=Trails)
    places: dict[int, int] = field(default_factory=dict)


def draw(
    image: Image,
    tracks: Tracks,
    counts: Counts,
    class_names: Sequence[str],
    *,
    time_s: float,
    memory: Memory | None = None,
) -> None:
    """Draws boxes, labels, trails and the count panel into `image`, in place.

    A label reads class, id and score; it shrinks to the id where it would hide other boxes
    and on tiny boxes. All sizes follow the frame's height. Only `image` and `memory` change.

    Args:
        image: `(H, W, 3)` uint8, RGB, writable; drawn on directly.
        tracks: What this frame shows; boxes may lie outside the frame.
        counts: For the panel, indexed as `class_names`.
        class_names: Indexed by class id.
        time_s: Of the frame; shown in the panel, and the trails' clock.
        memory: The same for all frames of a video, in order; without it the frame stands
            alone and has no trails.
    """
    memory = memory or Memory()
    memory.trails.add(time_s, tracks)
    size = face(digit_px(image.shape[0]))
    tracks = tracks[_in_view(tracks.boxes, image)]
    if len(tracks):
        colours = id_colours(tracks.ids)
        boxes = np.clip(tracks.boxes, -FAR_PX, FAR_PX)
        _draw_trails(image, boxes, memory.trails.points(tracks), colours)
        _draw_boxes(image, boxes, colours)
        texts = _Texts(tracks, class_names, size)
        before = [memory.places.get(track_id, UNPLACED) for track_id in tracks.ids.tolist()]
        choices = texts.draw(image, boxes, colours, np.array(before, np.int64))
        memory.places = dict(zip(tracks.ids.tolist(), choices.tolist(), strict=True))
    draw_panel(image, counts, class_names, time_s, size)


def digit_px(frame_h: int) -> int:
    """Height of digits for a frame: 8 px up to 850 lines, then 1 % of the frame's height."""
    return max(round(frame_h / 100), 8)


def line_px(frame_h: int) -> int:
    """Width of lines for a frame: 1 px up to 1050 lines, then 2 px, 3 px at 4K."""
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


def _draw_trails(image: Image, boxes: Float64Array, points: Float64Array, colours: Colours) -> None:
    """Trails that fade with age, outside the tracks' own boxes.

    Each short segment has one colour, mixed with the ground at its middle: as good to the eye
    as blending every pixel, at a tenth of the time.
    """
    height, width = image.shape[:2]
    steps = points.shape[1] - 1
    rows, ages, start, end = outside(np.clip(points, -FAR_PX, FAR_PX), boxes)
    x, y = np.clip((start + end) / 2, 0, [width - 1, height - 1]).astype(np.intp).T
    strength = 0.9 * (1.0 - (ages[:, None] + 0.5) / max(steps, 1))
    mixed = image[y, x] * (1.0 - strength) + colours[rows] * strength
    fixed = np.rint(np.hstack([start, end]) * (1 << SUBPIXEL_BITS)).astype(np.int64)
    line = line_px(height)
    widths = np.where(ages < 0.6 * steps, max(line, 2), (line + 1) // 2)
    segments = zip(fixed.tolist(), mixed.tolist(), widths.tolist(), strict=True)
    for (x1, y1, x2, y2), colour, wide in segments:
        cv2.line(image, (x1, y1), (x2, y2), colour, wide, cv2.LINE_AA, SUBPIXEL_BITS)


class _Texts:
    """The labels of one frame, in their long and their short form."""

    def __init__(self, tracks: Tracks, class_names: Sequence[str], size: Face) -> None:
        self._size = size
        self._ids = [str(track_id) for track_id in tracks.ids.tolist()]
        named = zip(tracks.classes.tolist(), self._ids, strict=True)
        self._names = [f"{class_names[class_id]} {track_id}" for class_id, track_id in named]
        self._scores = [f"{score:.0%}" for score in tracks.scores.tolist()]

    def draw(
        self, image: Image, boxes: Float64Array, colours: Colours, before: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Draws the labels near their boxes and gives where each stands."""
        size = self._size
        widths = self._widths(boxes)
        image_wh = (image.shape[1], image.shape[0])
        place = place_labels(boxes, widths, size.line_h, image_wh, before)
        wide = np.where(place.short, widths[:, 1], widths[:, 0])
        rects = np.column_stack([place.corners, place.corners[:, 0] + wide - 1]).tolist()
        short = place.short.tolist()
        for row, ((left, top, right), colour) in enumerate(
            zip(rects, colours.tolist(), strict=True)
        ):
            corner = (right, top + size.line_h - 1)
            cv2.rectangle(image, (left, top), corner, colour, cv2.FILLED)
            start = left + size.pad_px
            if short[row]:
                size.put(image, self._ids[row], (start, top), INK)
                continue
            size.put(image, self._names[row], (start, top), INK)
            start += size.width(self._names[row]) + 2 * size.pad_px
            faint = [SCORE_SHARE * part for part in colour]
            size.put(image, self._scores[row], (start, top), faint)
        return place.choices

    def _widths(self, boxes: Float64Array) -> NDArray[np.int64]:
        """`(N, 2)` of the long and the short form; tiny boxes have no long one."""
        size, pad = self._size, self._size.pad_px
        both = zip(self._names, self._scores, strict=True)
        long = np.array([size.width(name) + size.width(score) + 4 * pad for name, score in both])
        short = [size.width(track_id) + 2 * pad for track_id in self._ids]
        tiny = (boxes[:, 2:] - boxes[:, :2]).max(axis=1) < TINY_DIGITS * size.ascent_px
        return np.column_stack([np.where(tiny, 0, long), short])
