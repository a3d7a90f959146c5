"""The sheet shows each box in its class's colour and hatches the regions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from detector.data.annotations import LabelledImage
from detector.data.contact_sheet import CELL_WH, contact_cell, contact_sheet
from detector.data.drawing import class_colours
from detector.detections import Image

NAMES = ("car", "bus")


def record(
    wh: tuple[int, int], boxes: list[list[float]], ignore: list[list[float]]
) -> LabelledImage:
    ids = np.arange(len(boxes), dtype=np.int64)
    regions = np.array(ignore, np.float32).reshape(-1, 4)
    return LabelledImage(
        Path("a.jpg"), wh, np.array(boxes, np.float32).reshape(-1, 4), ids, regions
    )


def has(part: Image, colour: tuple[int, int, int]) -> bool:
    return bool((part == colour).all(-1).any())


def test_boxes_and_regions_are_drawn_where_they_are() -> None:
    pixels = np.full((600, 948, 3), 60, np.uint8)  # drawn at half its size
    cell = contact_cell(
        pixels,
        record((948, 600), [[100, 100, 200, 160], [600, 80, 700, 200]], [[0, 400, 200, 600]]),
        NAMES,
    )
    assert cell.shape == (CELL_WH[1], CELL_WH[0], 3)
    red, cyan = class_colours(2)
    assert cell[50, 75].tolist() == list(red)
    assert cell[40, 325].tolist() == list(cyan)
    assert has(cell[210:290, 10:90], (255, 255, 255))
    assert not has(cell[:200, :300], (255, 255, 255))
    assert not has(cell[150:], red)
    assert cell[150, 200].tolist() == [60, 60, 60]


@pytest.mark.parametrize("wh", [(1, 1), (3, 900), (2000, 2), (480, 320)])
def test_any_shape_fits_the_cell(wh: tuple[int, int]) -> None:
    pixels = np.full((wh[1], wh[0], 3), 90, np.uint8)
    cell = contact_cell(pixels, record(wh, [[0, 0, *wh]], [[0, 0, *wh]]), NAMES)
    assert cell.shape == (CELL_WH[1], CELL_WH[0], 3)
    assert has(cell, class_colours(2)[0])


@pytest.mark.parametrize(("cells", "shape"), [(1, (1, 1)), (4, (1, 4)), (5, (2, 4)), (9, (3, 4))])
def test_cells_stand_row_by_row_above_the_legend(cells: int, shape: tuple[int, int]) -> None:
    width, height = CELL_WH
    levels = [np.full((height, width, 3), 10 * (row + 1), np.uint8) for row in range(cells)]
    sheet = contact_sheet(levels, NAMES)
    assert sheet.shape[1] == shape[1] * width
    assert shape[0] * height < sheet.shape[0] < shape[0] * height + 40
    for row in range(cells):
        y, x = height * (row // 4), width * (row % 4)
        assert sheet[y, x, 0] == 10 * (row + 1)
    assert all(has(sheet[shape[0] * height :], colour) for colour in class_colours(2))


def test_a_legend_of_many_classes_is_broken_into_lines() -> None:
    cell = np.zeros((CELL_WH[1], CELL_WH[0], 3), np.uint8)
    names = [f"class number {row}" for row in range(40)]
    legend = contact_sheet([cell], names)[CELL_WH[1] :]
    assert len(legend) > 200
    assert len(set(class_colours(40))) == 40
    assert has(legend[-30:], class_colours(40)[39])


def test_no_cell() -> None:
    with pytest.raises(ValueError, match=r"^no image that could be drawn$"):
        contact_sheet([], NAMES)
