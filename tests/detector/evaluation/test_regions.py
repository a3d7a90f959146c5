"""The covered share of a box, beside counting pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from detector.evaluation.matching import all_truth
from detector.evaluation.regions import covered_shares, in_regions
from tests.detector.evaluation.scenes import Box, boxes, labelled


@given(boxes(6), boxes(5))
def test_equals_counting_pixels(some: list[Box], regions: list[Box]) -> None:
    pixels = np.zeros((40, 40), bool)
    for x1, y1, x2, y2 in regions:
        pixels[int(y1) : int(y2), int(x1) : int(x2)] = True
    expected = [pixels[int(y1) : int(y2), int(x1) : int(x2)].mean() for x1, y1, x2, y2 in some]
    table = np.array(regions, np.float32).reshape(-1, 4)
    shares = covered_shares(np.array(some).reshape(-1, 4), table)
    assert shares.tolist() == expected


def test_between_pixels_and_beyond_the_regions() -> None:
    region = np.array([[10, 10, 20, 20]], np.float32)
    some = np.array([[0, 0, 5, 5], [15.5, 0, 99, 99], [12, 12, 13, 13], [18, 9.5, 22, 10.5]])
    expected = [0, 45 / (83.5 * 99), 1, 0.25]
    assert covered_shares(some, region).tolist() == pytest.approx(expected)
    assert covered_shares(np.array([[12.0, 12, 12, 15]]), region).tolist() == [0]


def test_each_image_has_its_own_regions() -> None:
    box, region = [0, 0, 10, 10], [[0, 0, 5, 10]]
    truth = [labelled([box, box]), labelled([box], ignore=region), labelled([]), labelled([box])]
    objects = all_truth(truth)
    assert in_regions(objects, truth).tolist() == [False, False, True, False]
    assert in_regions(objects[objects.images != 1], truth).tolist() == [False] * 3
