"""Which images are worst, and what their pictures show."""

from __future__ import annotations

import numpy as np
import pytest

from detector.detections import Image
from detector.evaluation.worst import (
    FALSE_COLOUR,
    FOUND_COLOUR,
    LONGEST_SIDE_PX,
    MISSED_COLOUR,
    REGION_COLOUR,
    draw_errors,
    image_errors,
    worst_images,
)
from tests.detector.evaluation.scenes import found, labelled

A, B, C, D = ([x, 40, x + 20, 60] for x in (10, 60, 110, 160))


def test_verdicts_on_objects_and_detections() -> None:
    truth = [labelled([A, B], [0, 1], ignore=[[150, 30, 200, 90]]), labelled([])]
    # Order of rows, not of scores: too weak, wrong class, ignored, found, invented.
    detections = [found([A, B, D, A, C], [0.2, 0.3, 0.9, 0.5, 0.8]), found([], [])]
    first, second = image_errors(truth, detections)
    assert first.is_found.tolist() == [True, False]
    assert first.is_false.tolist() == [False, True, False, False, True]
    assert first.is_hit.tolist() == [False, False, False, True, False]
    assert (first.missed, first.false, second.missed, second.false) == (1, 2, 0, 0)
    assert image_errors(truth, detections, score=0.6)[0].missed == 2
    assert image_errors([labelled([A])], [found([[10, 40, 22, 60]], [0.9])], iou=0.61)[0].false == 1


def test_the_worst_come_first_and_good_ones_never() -> None:
    truth = [labelled([A]), labelled([A, B, C]), labelled([A]), labelled([A])]
    detections = [found([A], [0.9]), found([], []), found([B], [0.9]), found([], [])]
    assert [e.index for e in worst_images(truth, detections, 9)] == [1, 2, 3]
    assert [e.index for e in worst_images(truth, detections, 1)] == [1]


def corner_colours(picture: Image, scale: float = 1) -> list[tuple[int, ...]]:
    places = [(box[0] * scale, box[3] * scale) for box in (A, B, C, D)]
    return [tuple(picture[round(y), round(x)].tolist()) for x, y in places]


def test_picture() -> None:
    truth = labelled([A, B], ignore=[D])
    detections = found([A, C, D], [0.9, 0.8, 0.9])
    (errors,) = image_errors([truth], [detections])
    pixels = np.zeros((100, 200, 3), np.uint8)
    picture = draw_errors(pixels, truth, detections, errors, ("car",))
    expected = [FOUND_COLOUR, MISSED_COLOUR, FALSE_COLOUR, REGION_COLOUR]
    assert corner_colours(picture) == expected
    assert not pixels.any()


@pytest.mark.parametrize("width", [3200, 4800])
def test_large_images_are_made_smaller(width: int) -> None:
    scaled = [[side * width / 200 for side in box] for box in (A, B)]
    truth, detections = labelled(scaled), found(scaled[:1], [0.9])
    (errors,) = image_errors([truth], [detections])
    pixels = np.zeros((width // 2, width, 3), np.uint8)
    picture = draw_errors(pixels, truth, detections, errors, ("car",))
    assert picture.shape == (LONGEST_SIDE_PX // 2, LONGEST_SIDE_PX, 3)
    assert corner_colours(picture, LONGEST_SIDE_PX / 200)[:2] == [FOUND_COLOUR, MISSED_COLOUR]
