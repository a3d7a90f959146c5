"""Anchors from box sizes."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.training.anchors import best_possible_recall, fit_anchors


def sizes(count: int = 300) -> NDArray[np.float64]:
    """Three kinds of objects: 10 x 10, 20 x 40 and 80 x 60 pixels, each within a tenth."""
    rng = np.random.default_rng(0)
    kinds = np.array([[10.0, 10.0], [20.0, 40.0], [80.0, 60.0]])
    return kinds[np.arange(count) % 3] * rng.uniform(0.9, 1.1, (count, 2))


@pytest.mark.parametrize(
    ("boxes", "recall"),
    [
        ([[10.0, 20.0]], 1.0),
        ([[30.0, 20.0]], 0.0),  # exactly three times as wide
        ([[29.0, 20.0]], 1.0),
        ([[10.0, 60.0]], 0.0),
        ([[10.0, 20.0], [10.0, 7.0], [3.0, 20.0], [40.0, 20.0]], 0.5),
        ([[29.0, 59.0], [100.0, 100.0]], 1.0),  # the second anchor takes the other
    ],
)
def test_recall_by_hand(boxes: list[list[float]], recall: float) -> None:
    anchors = np.array([[10.0, 20.0], [100.0, 100.0]])
    assert best_possible_recall(anchors, np.array(boxes), 3.0) == recall


def test_anchors_find_the_kinds_and_rise_in_area() -> None:
    found = fit_anchors(sizes(), 3, 3.0, np.random.default_rng(0))
    np.testing.assert_allclose(found, [[10, 10], [20, 40], [80, 60]], rtol=0.05)
    six = fit_anchors(sizes(), 6, 3.0, np.random.default_rng(0))
    assert six.shape == (6, 2)
    assert (np.diff(six.prod(1)) > 0).all()
    assert best_possible_recall(six, sizes(), 3.0) == 1


def test_mutation_mends_a_poor_start() -> None:
    # One long box of 1001 draws the mean of its group away from the many.
    boxes = np.vstack([sizes(999), [[400.0, 10.0], [11.0, 300.0]]])
    found = fit_anchors(boxes, 2, 3.0, np.random.default_rng(1))
    assert best_possible_recall(found, boxes, 3.0) > 0.99


def test_the_same_seed_gives_the_same_anchors() -> None:
    one, two = (fit_anchors(sizes(), 4, 3.0, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one, two)


@pytest.mark.parametrize(
    ("boxes", "fault"),
    [
        (np.zeros((0, 2)), "anchors: 2 need boxes of as many sizes; there are 0"),
        (np.full((50, 2), 9.0), "anchors: 2 need boxes of as many sizes; there are 1"),
        (
            np.array([[9.0, 1.0], [9.0, 2.0], [9.0, 3.0]]),
            "anchors: all boxes have one width or one height",
        ),
    ],
)
def test_boxes_that_form_no_groups_are_named(boxes: NDArray[np.float64], fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{fault}$"):
        fit_anchors(boxes, 2, 3.0, np.random.default_rng(0))
