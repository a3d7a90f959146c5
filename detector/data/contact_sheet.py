"""A picture of many labelled images side by side, to see whether the labels fit."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from detector.data.annotations import LabelledImage
from detector.data.drawing import (
    LINE_PX,
    class_colours,
    class_legend,
    draw_boxes,
    grid,
    hatch,
    write,
)
from detector.detections import Image

CELL_WH = (480, 320)
"""Of one image on the sheet."""

COLUMNS = 4

_GAP_PX = 6


def contact_cell(pixels: Image, record: LabelledImage, class_names: Sequence[str]) -> Image:
    """One image of a sheet: boxes in their class's colour, ignore regions hatched in white.

    Args:
        pixels: `(H, W, 3)` RGB.
        record: Its labels.
        class_names: What its class ids index.

    Returns:
        `(320, 480, 3)` RGB, the image as large as fits above its file's name.
    """
    room_w, room_h = CELL_WH[0] - _GAP_PX, CELL_WH[1] - LINE_PX
    scale = min(room_w / pixels.shape[1], room_h / pixels.shape[0])
    width, height = (max(1, round(side * scale)) for side in pixels.shape[1::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    view = np.asarray(cv2.resize(pixels, (width, height), interpolation=how), np.uint8)
    hatch(view, record.ignore * scale)
    draw_boxes(view, record.boxes * scale, record.class_ids, class_colours(len(class_names)))
    cell = np.zeros((CELL_WH[1], CELL_WH[0], 3), np.uint8)
    cell[:height, :width] = view
    write(cell, f"{record.path.name[-40:]}  {len(record)} boxes", (4, height + LINE_PX - 6))
    return cell


def contact_sheet(cells: Sequence[Image], class_names: Sequence[str]) -> Image:
    """The cells, row by row, above a legend of the classes; RGB.

    Raises:
        ValueError: If there is no cell.
    """
    if not cells:
        raise ValueError("no image that could be drawn")
    sheet = grid(cells, COLUMNS)
    return np.concatenate((sheet, class_legend(class_names, sheet.shape[1])))
