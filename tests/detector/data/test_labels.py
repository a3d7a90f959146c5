"""Rows of a format become one record: clipped, mapped, regions apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from detector.data.classes import DROPPED, IGNORED
from detector.data.labels import LabelRows, labelled

PATH = Path("a.jpg")


def rows(boxes: list[list[float]], ids: list[int], codes: list[int] | None = None) -> LabelRows:
    marks = np.array(codes or [], np.int8)
    return LabelRows(
        (100, 50), np.array(boxes, float), np.array(ids, np.int64), str, marks, marks + 10
    )


def test_clipped_mapped_and_regions_apart() -> None:
    found = labelled(
        PATH,
        rows(
            [
                [-5, -5, 10, 10],  # class 0 becomes 3, cut
                [90, 40, 200, 60],  # class 1 is dropped
                [20, 20, 30, 30],  # class 2 is ignored
                [95, 45, 300, 300],  # a region of the data set, cut
                [100, 10, 120, 20],  # class 0, right of the image
                [10, 10, 10, 20],  # class 0, no width
                [-9, 10, 0, 20],  # a region outside
                [40, 10, 60, 20],  # class 0
            ],
            [0, 1, 2, IGNORED, 0, 0, IGNORED, 0],
            [0, 1, 2, 3, 4, 5, 6, 7],
        ),
        np.array([3, DROPPED, IGNORED]),
        "north",
    )
    assert found.boxes.tolist() == [[0, 0, 10, 10], [40, 10, 60, 20]]
    assert found.class_ids.tolist() == [3, 3]
    assert found.ignore.tolist() == [[20, 20, 30, 30], [95, 45, 100, 50]]
    assert found.truncation.tolist() == [0, 7]
    assert found.occlusion.tolist() == [10, 17]
    assert (found.image_wh, found.sequence) == ((100, 50), "north")


def test_no_row() -> None:
    found = labelled(
        PATH, LabelRows((9, 9), np.zeros((0, 4)), np.zeros(0, np.int64), str), np.zeros(0, np.int64)
    )
    assert (found.boxes.shape, found.ignore.shape, found.sequence) == ((0, 4), (0, 4), "")


def test_a_format_without_codes_stays_without() -> None:
    found = labelled(PATH, rows([[0, 0, 9, 9]], [0]), np.array([0]))
    assert (len(found), found.truncation.shape, found.occlusion.shape) == (1, (0,), (0,))


def test_a_box_that_is_nothing_in_float32_is_left_out() -> None:
    found = labelled(PATH, rows([[50, 10, 50 + 1e-9, 20]], [0]), np.array([0]))
    assert len(found) == 0
