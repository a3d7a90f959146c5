"""A picture of many labelled images side by side, to see whether the labels fit."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detector.data.annotations import Float32Array, LabelledImage
from detector.detections import Image

CELL_WH = (480, 320)
"""Of one image on the sheet."""

COLUMNS = 4

_CAPTION_PX = 20
_GAP_PX = 6
_INK = (235, 235, 235)
_REGION = (255, 255, 255)
_HATCH_PX = 12


def class_colours(count: int) -> list[tuple[int, int, int]]:
    """RGB colours, the hues spread evenly."""
    hsv = np.array([[[round(180 * row / count), 190, 255] for row in range(count)]], np.uint8)
    rgb = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return [(int(r), int(g), int(b)) for r, g, b in rgb[0]]


def contact_cell(pixels: Image, record: LabelledImage, class_names: Sequence[str]) -> Image:
    """One image of a sheet: boxes in their class's colour, ignore regions hatched in white.

    Args:
        pixels: `(H, W, 3)` RGB.
        record: Its labels.
        class_names: What its class ids index.

    Returns:
        `(320, 480, 3)` RGB, the image as large as fits above its file's name.
    """
    room_w, room_h = CELL_WH[0] - _GAP_PX, CELL_WH[1] - _CAPTION_PX
    scale = min(room_w / pixels.shape[1], room_h / pixels.shape[0])
    width, height = (max(1, round(side * scale)) for side in pixels.shape[1::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    view = np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)
    for x1, y1, x2, y2 in _rounded(record.ignore * scale):
        _hatch(view, x1, y1, x2, y2)
    colours = class_colours(len(class_names))
    for box, class_id in zip(_rounded(record.boxes * scale), record.class_ids, strict=True):
        cv2.rectangle(view, box[:2], box[2:], colours[class_id], 1)
    cell = np.zeros((CELL_WH[1], CELL_WH[0], 3), np.uint8)
    cell[:height, :width] = view
    caption = f"{record.path.name[-40:]}  {len(record)} boxes"
    _write(cell, caption, (4, height + _CAPTION_PX - 6), _INK)
    return cell


def _rounded(boxes: Float32Array) -> list[list[int]]:
    corners: list[list[int]] = boxes.round().astype(int).tolist()
    return corners


def contact_sheet(cells: Sequence[Image], class_names: Sequence[str]) -> Image:
    """The cells, row by row, above a legend of the classes; RGB.

    Raises:
        ValueError: If there is no cell.
    """
    if not cells:
        raise ValueError("no image that could be drawn")
    width, height = CELL_WH
    columns = min(COLUMNS, len(cells))
    rows = -(-len(cells) // columns)
    legend = _legend(class_names, width * columns)
    sheet = np.zeros((rows * height + len(legend), width * columns, 3), np.uint8)
    for at, cell in enumerate(cells):
        y, x = height * (at // columns), width * (at % columns)
        sheet[y : y + height, x : x + width] = cell
    sheet[rows * height :] = legend
    return sheet


def _legend(class_names: Sequence[str], width: int) -> Image:
    entries = [*zip(class_names, class_colours(len(class_names)), strict=True)]
    entries.append(("ignore region (hatched)", _REGION))
    places = []
    x, y = 4, _CAPTION_PX - 6
    for name, _ in entries:
        step = 24 + 8 * len(name)
        if x + step > width and x > 4:
            x, y = 4, y + _CAPTION_PX
        places.append((x, y))
        x += step
    legend = np.zeros((y + 6, width, 3), np.uint8)
    for (name, colour), place in zip(entries, places, strict=True):
        _write(legend, name, place, colour)
    return legend


def _hatch(view: Image, x1: int, y1: int, x2: int, y2: int) -> None:
    part = view[y1:y2, x1:x2]
    height, width = part.shape[:2]
    for start in range(0, height + width, _HATCH_PX):
        cv2.line(part, (start, 0), (start - height, height), _REGION, 1)
    cv2.rectangle(view, (x1, y1), (x2, y2), _REGION, 1)


def _write(image: Image, text: str, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
    plain = text.encode("ascii", "replace").decode()
    cv2.putText(image, plain, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
