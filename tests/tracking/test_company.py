"""What tracks out of sight take over from those in sight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking.company import shared_correction
from tracking.tracks import Float64Array


def row(*centres: float, size: float = 10.0) -> Float64Array:
    """Squares side by side along x."""
    x = np.array(centres, float)
    return np.stack((x, 0 * x, 0 * x + size, 0 * x + size), axis=1)


def same(right: float, faster: float, count: int) -> Float64Array:
    """A correction by `right` px, and by `faster` px a step, of as many tracks."""
    return np.array([[[right, 0.0]] * count, [[faster, 0.0]] * count])


def test_a_correction_that_all_share_is_taken_whole() -> None:
    change = shared_correction(row(5, 500), row(0, 50, 100), same(0.5, 0.2, 3))
    np.testing.assert_allclose(change, same(0.5, 0.2, 2))


@pytest.mark.parametrize("seen", [0, 1, 2])
def test_two_in_sight_are_too_few(seen: int) -> None:
    change = shared_correction(row(5, 7), row(*range(seen)), same(0.5, 0.2, seen))
    np.testing.assert_array_equal(change, np.zeros((2, 2, 2)))


def test_of_none_there_is_nothing() -> None:
    assert shared_correction(row(), row(0, 1, 2), same(1, 1, 3)).shape == (2, 0, 2)


def test_near_tracks_count_more() -> None:
    # 0, 7 and 17 sizes away: weights of 1/9, 1/100 and 1/400.
    corrections = np.zeros((2, 3, 2))
    corrections[1, :, 0] = 1, 2, 4
    change = shared_correction(row(0), row(0, 70, 170), corrections)
    weights = np.array([1 / 9, 1 / 100, 1 / 400])
    assert change[1, 0, 0] == pytest.approx(weights @ [1, 2, 4] / weights.sum())


def test_a_swerve_counts_for_little() -> None:
    # Ten times the usual correction of 1 px: a weight of 1/101 against 1/2.
    corrections = same(0.0, 0.0, 4)
    corrections[0, :, 0] = 1, 1, 1, 10
    corrections[1, :, 0] = 0, 0, 0, 1
    change = shared_correction(row(0), row(0, 0, 0, 0), corrections)
    assert change[1, 0, 0] == pytest.approx((1 / 101) / (3 / 2 + 1 / 101))


@given(st.integers(0, 1000), st.floats(0.1, 10), st.floats(-1e4, 1e4))
def test_size_and_place_of_the_picture_do_not_matter(seed: int, zoom: float, shift: float) -> None:
    rng = np.random.default_rng(seed)
    boxes = np.c_[rng.uniform(0, 900, (12, 2)), rng.uniform(10, 40, (12, 2))]
    corrections = rng.normal(0, 2, (2, 8, 2))
    moved = boxes * zoom + np.array([shift, shift, 0, 0])
    change = shared_correction(boxes[:4], boxes[4:], corrections)
    other = shared_correction(moved[:4], moved[4:], corrections * zoom)
    np.testing.assert_allclose(other, change * zoom, rtol=1e-5, atol=1e-6)


def test_many_in_sight_are_as_good_as_all() -> None:
    places = np.tile(row(0, 40, 80), (400, 1))
    change = shared_correction(row(0, 40), places, same(0.5, 0.2, len(places)))
    np.testing.assert_allclose(change, same(0.5, 0.2, 2))
