from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tracking.reference import Array, _ByteTrack, _SortTrack
from tracking.kalman import AreaRatioFilters, AspectHeightFilters, Filters


def _walk(seed: int) -> list[Array | None]:
    """A box per frame, `None` where it is missed."""
    rng = np.random.default_rng(seed)
    box = np.array([50.0, 80.0, 90.0, 110.0]) + rng.normal(0, 5, 4)
    velocity = rng.normal(0, 3, 2)
    boxes: list[Array | None] = []
    for frame in range(40):
        box = box + np.tile(velocity, 2) + rng.normal(0, 1, 4)
        boxes.append(None if frame and rng.random() < 0.25 else box.copy())
    return boxes


def _blocks(covariance: NDArray[Any], size: int) -> Array:
    """`(4, 4)`: p11, p12, p21, p22 of each coordinate, out of a dense covariance."""
    dense = np.zeros((8, 8))
    dense[:size, :size] = covariance
    position, velocity = np.arange(4), np.arange(4, 8)
    sides = (position, velocity)
    return np.array([dense[row, column] for row in sides for column in sides])


def _outside_blocks(covariance: NDArray[Any]) -> float:
    rest = np.array(covariance)
    size = len(rest)
    for a in range(size):
        rest[a, a] = 0
        if a + 4 < size:
            rest[a, a + 4] = rest[a + 4, a] = 0
    return float(np.abs(rest).max())


@pytest.mark.parametrize("seed", range(5))
def test_sort_filter_equals_the_dense_one(seed: int) -> None:
    first, *rest = _walk(seed)
    assert first is not None
    dense = _SortTrack(1, first)
    ours = AreaRatioFilters()
    ours.append(first[None])
    for box in rest:
        ours.stop_shrinking()
        ours.predict()
        dense.predict()
        if box is not None:
            ours.update(np.array([0]), box[None])
            dense.update(box)
        # To the bit: the last digit decides between assignments that are equally good.
        np.testing.assert_array_equal(ours.boxes()[0], dense.box())
        np.testing.assert_array_equal(ours.state[2:, 0], _blocks(dense.kf.P, 7))
        assert _outside_blocks(dense.kf.P) == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_bytetrack_filter_equals_the_dense_one(seed: int) -> None:
    first, *rest = _walk(seed)
    assert first is not None
    dense = _ByteTrack(first, 0.9)
    dense.activate(1, 1)
    ours = AspectHeightFilters()
    ours.append(first[None])
    for box in rest:
        if dense.state != "tracked":
            ours.stop_growth(np.array([0]))
        ours.predict()
        dense.predict()
        if box is None:
            dense.state = "lost"
        else:
            ours.update(np.array([0]), box[None])
            dense.update(box, 0.9, 1)
        np.testing.assert_array_equal(ours.boxes()[0], dense.box())
        np.testing.assert_array_equal(ours.state[2:, 0], _blocks(dense.covariance, 8))
        assert _outside_blocks(dense.covariance) == 0.0


def test_one_step_worked_by_hand() -> None:
    filters = AreaRatioFilters()
    filters.append(np.array([[0.0, 0.0, 10.0, 10.0]]))
    filters.predict()
    # x: p11 = 10 + 10^4 + 1, p12 = 10^4, p22 = 10^4 + 0.01
    assert filters.state[2:, 0, 0].tolist() == [10011.0, 10000.0, 10000.0, 10000.01]
    filters.update(np.array([0]), np.array([[3.0, 0.0, 13.0, 10.0]]))
    # S = 10012, residual = 3
    assert filters.state[0, 0, 0] == pytest.approx(5 + 3 * 10011 / 10012)
    assert filters.state[1, 0, 0] == pytest.approx(3 * 10000 / 10012)
    assert filters.state[2:, 0, 0] == pytest.approx(
        [10011 - 10011**2 / 10012, *[10000 - 10011 * 10000 / 10012] * 2, 10000.01 - 1e8 / 10012]
    )


@pytest.mark.parametrize("filters", [AreaRatioFilters(), AspectHeightFilters()])
def test_rows_are_independent(filters: Filters) -> None:
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, 100, (6, 2))
    boxes = np.c_[corners, corners + rng.uniform(5, 50, (6, 2))]
    filters.append(boxes)
    np.testing.assert_allclose(filters.boxes(), boxes, atol=1e-12)
    before = filters.state.copy()
    filters.predict(np.array([1, 4]))
    filters.update(np.array([4]), boxes[4:5] + 2)
    untouched = [0, 2, 3, 5]
    np.testing.assert_array_equal(filters.state[:, untouched], before[:, untouched])
    assert (filters.state[2, [1, 4]] != before[2, [1, 4]]).all()
    kept = filters.state[:, [5, 1]].copy()
    filters.keep(np.array([5, 1]))
    np.testing.assert_array_equal(filters.state, kept)
    assert len(filters) == 2


def test_a_box_without_area_has_no_sort_state() -> None:
    filters = AreaRatioFilters()
    filters.append(np.array([[5.0, 5.0, 5.0, 9.0], [5.0, 5.0, 9.0, 5.0], [0.0, 0.0, 2.0, 2.0]]))
    assert np.isnan(filters.boxes()).any(axis=1).tolist() == [True, True, False]


def test_an_area_stops_shrinking_before_zero() -> None:
    filters = AreaRatioFilters()
    filters.append(np.array([[0.0, 0.0, 10.0, 10.0]] * 2))
    filters.state[1, :, 2] = [-100.0, -99.0]
    filters.stop_shrinking()
    assert filters.state[1, :, 2].tolist() == [0.0, -99.0]
