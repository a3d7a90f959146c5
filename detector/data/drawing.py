"""Labels drawn on images, captions and legends: what the project's sheets are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import cv2
import numpy as np

from detector.detections import FloatArray, Image, IntArray

Colour: TypeAlias = tuple[int, int, int]
"""RGB."""

INK: Colour = (235, 235, 235)
REGION: Colour = (255, 255, 255)
LINE_PX = 20
"""Height of a line of text."""

_HATCH_PX = 12


def class_colours(count: int) -> list[Colour]:
    """Colours, the hues spread evenly."""
    hsv = np.array([[[round(180 * row / count), 190, 255] for row in range(count)]], np.uint8)
    rgb = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return [(int(r), int(g), int(b)) for r, g, b in rgb[0]]


def draw_boxes(
    view: Image, boxes: FloatArray, class_ids: IntArray, colours: Sequence[Colour]
) -> None:
    """Draws on `view` the outline of each box, one pixel wide, in its class's colour."""
    for box, class_id in zip(_rounded(boxes), class_ids.tolist(), strict=True):
        cv2.rectangle(view, box[:2], box[2:], colours[class_id], 1)


def hatch(view: Image, regions: FloatArray) -> None:
    """Draws ignore regions on `view`, hatched in white."""
    for x1, y1, x2, y2 in _rounded(regions):
        part = view[max(y1, 0) : y2, max(x1, 0) : x2]
        height, width = part.shape[:2]
        for start in range(0, height + width, _HATCH_PX):
            cv2.line(part, (start, 0), (start - height, height), REGION, 1)
        cv2.rectangle(view, (x1, y1), (x2, y2), REGION, 1)


def write(image: Image, text: str, place: tuple[int, int], colour: Colour = INK) -> None:
    """Writes a line; `place` is the left end of its base line. Only ASCII can be shown."""
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(image, plain, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)


def class_legend(class_names: Sequence[str], width: int) -> Image:
    """The classes in their colours and the sign of ignore regions; see `legend`."""
    entries = [*zip(class_names, class_colours(len(class_names)), strict=True)]
    return legend([*entries, ("ignore region (hatched)", REGION)], width)


def legend(entries: Sequence[tuple[str, Colour]], width: int) -> Image:
    """What colours stand for, `width` pixels wide, in as many lines as needed."""
    places = []
    x, y = 4, LINE_PX - 6
    for name, _ in entries:
        step = 36 + 8 * len(name)
        if x + step > width and x > 4:
            x, y = 4, y + LINE_PX
        places.append((x, y))
        x += step
    picture = np.zeros((y + 6, width, 3), np.uint8)
    for (name, colour), (x, y) in zip(entries, places, strict=True):
        picture[y - 9 : y + 1, x : x + 10] = colour
        write(picture, name, (x + 15, y))
    return picture


def grid(cells: Sequence[Image], columns: int) -> Image:
    """Cells of one size, row by row; black where a row ends early."""
    height, width = cells[0].shape[:2]
    columns = min(columns, len(cells))
    sheet = np.zeros((-(-len(cells) // columns) * height, columns * width, 3), np.uint8)
    for at, cell in enumerate(cells):
        y, x = height * (at // columns), width * (at % columns)
        sheet[y : y + height, x : x + width] = cell
    return sheet


def _rounded(boxes: FloatArray) -> list[list[int]]:
    corners: list[list[int]] = boxes.round().astype(int).tolist()
    return corners
