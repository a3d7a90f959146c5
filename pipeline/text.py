"""Small text on pictures, sized in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2

from detector.detections import Image

FONT = cv2.FONT_HERSHEY_SIMPLEX
DIGIT_PX_AT_SCALE_1 = 21
"""Measured, in OpenCV 4's stroke font and in OpenCV 5's outline font alike."""


@dataclass(frozen=True, slots=True)
class Face:
    """A text size.

    Attributes:
        scale: OpenCV's font scale.
        ascent_px: Height of digits above the line.
        pad_px: Room around text on a ground.
    """

    scale: float
    ascent_px: int
    pad_px: int

    @property
    def line_h(self) -> int:
        """Height of a line of text with room around it."""
        return self.ascent_px + 2 * self.pad_px

    def width(self, text: str) -> int:
        """Width of a text in pixels."""
        return _width(text, self.scale)

    def put(
        self, image: Image, text: str, corner: tuple[int, int], colour: Sequence[float]
    ) -> None:
        """Draws a line of text in place; `corner` is left and top of the line with its room."""
        x, y = corner
        base = (x, y + self.pad_px + self.ascent_px)
        cv2.putText(image, text, base, FONT, self.scale, colour, 1, cv2.LINE_AA)


@lru_cache(maxsize=16)
def face(digit_px: int) -> Face:
    """The face whose digits are about `digit_px` high."""
    return Face(digit_px / DIGIT_PX_AT_SCALE_1, digit_px, max(round(0.3 * digit_px), 2))


@lru_cache(maxsize=8192)
def _width(text: str, scale: float) -> int:
    (width, _), _ = cv2.getTextSize(text, FONT, scale, 1)
    return int(width)
