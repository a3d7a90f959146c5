from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.count_panel import draw_panel
from pipeline.frame import Counts
from pipeline.text import face

NAMES = ("car", "truck", "bus")


def panel(counts: Counts, wh: tuple[int, int] = (640, 480)) -> NDArray[np.bool_]:
    image = np.full((wh[1], wh[0], 3), 200, np.uint8)
    draw_panel(image, counts, NAMES, 12.3, face(8))
    mask: NDArray[np.bool_] = np.any(image != 200, axis=2)
    return mask


def extent(changed: NDArray[np.bool_]) -> tuple[int, int]:
    rows, columns = np.nonzero(changed)
    return int(columns.max() - columns.min()) + 1, int(rows.max() - rows.min()) + 1


def test_one_more_line_for_each_class_seen() -> None:
    heights = [
        extent(panel(Counts((0, 0, 0), unique)))[1]
        for unique in ((0, 0, 0), (0, 1, 0), (3, 1, 0), (3, 1, 2))
    ]
    steps = np.diff(heights)
    assert steps.min() == steps.max() > 8


def test_in_the_top_left_corner_and_translucent() -> None:
    changed = panel(Counts((1, 0, 0), (1, 0, 0)))
    assert not changed[240:].any()
    assert not changed[:, 320:].any()
    image = np.full((480, 640, 3), 200, np.uint8)
    image[:, ::2] = 100
    draw_panel(image, Counts((1, 0, 0), (1, 0, 0)), NAMES, 0.0, face(8))
    assert image[10, 10].tolist() == [35] * 3
    assert image[10, 11].tolist() == [70] * 3


def test_left_out_of_small_frames() -> None:
    assert not panel(Counts((1, 0, 0), (1, 0, 0)), (100, 60)).any()
    assert not panel(Counts((1, 0, 0), (1, 0, 0)), (1, 1)).any()
