"""The small table of counts in the corner of a picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2

from detector.detections import Image
from pipeline.frame import Counts
from pipeline.text import Face

WHITE = (255, 255, 255)
GREY = (190, 190, 190)
GROUND_SHARE = 0.35
"""How much of the picture shines through."""
LARGEST_SHARE = 0.5
"""Part of the frame's width and height that the panel may take."""


def draw_panel(
    image: Image, counts: Counts, class_names: Sequence[str], time_s: float, face: Face
) -> None:
    """Draws time and, for each class seen so far, objects in view and in total, in place.

    Frames that are too small for the panel stay as they are.
    """
    rows = [(clock(time_s), "now", "total")]
    rows += [
        (name, str(now), str(total))
        for name, now, total in zip(class_names, counts.visible, counts.unique, strict=True)
        if total
    ]
    gap = 2 * face.pad_px + face.ascent_px
    widths = [max(face.width(row[column]) for row in rows) for column in range(3)]
    line_h = face.line_h + face.pad_px
    width = sum(widths) + 4 * gap
    height = len(rows) * line_h + gap
    left = top = face.ascent_px
    frame_h, frame_w = image.shape[:2]
    if left + width > LARGEST_SHARE * frame_w or top + height > LARGEST_SHARE * frame_h:
        return
    ground = image[top : top + height, left : left + width]
    ground[:] = cv2.convertScaleAbs(ground, alpha=GROUND_SHARE)
    for line, row in enumerate(rows):
        y = top + gap // 2 + line * line_h
        x = left + gap
        for column, text in enumerate(row):
            indent = widths[column] - face.width(text) if column else 0
            face.put(image, text, (x + indent, y), WHITE if line else GREY)
            x += widths[column] + gap


def clock(time_s: float) -> str:
    """Video time as minutes and seconds, with hours from the first full one.

    >>> clock(75.04), clock(3600.0), clock(-0.5)
    ('01:15.0', '1:00:00.0', '-00:00.5')
    """
    tenths = round(abs(time_s) * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    text = f"{minutes:02}:{tenths // 10:02}.{tenths % 10}"
    return ("-" if time_s < 0 and tenths else "") + (f"{hours}:{text}" if hours else text)
