from __future__ import annotations

import numpy as np
import pytest

from tests.tracking.reference import Array
from tests.tracking.reference_botsort import BotTrack
from tests.tracking.scenes import camera
from tracking.kalman_xywh import WidthHeightFilters

PAIR = np.array([1, 0, 3, 2])


def _dense(filters: WidthHeightFilters, row: int) -> Array:
    """The covariance of one filter as `(8, 8)`."""
    dense = np.zeros((8, 8))
    at = np.arange(4)
    for block in range(4):
        rows, cols = 4 * (block // 2) + at, 4 * (block % 2)
        dense[rows, cols + at] = filters.state[2 + block, row]
        if filters.cross is not None:
            dense[rows, cols + PAIR] = filters.cross[block, row]
    return dense


def _walk(kind: str, seed: int, frames: int) -> tuple[WidthHeightFilters, list[BotTrack]]:
    """Three filters under the same moving camera as their slow twins."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 500, (3, 2))
    boxes = np.c_[corners, corners + rng.uniform(20, 80, (3, 2))]
    filters, slow = WidthHeightFilters(), [BotTrack(box, 0.9) for box in boxes]
    filters.append(boxes)
    for number, track in enumerate(slow):
        track.activate(number, 1)
    for motion in camera(kind, frames, seed):
        filters.predict()
        filters.warp(motion.matrix)
        for track in slow:
            track.predict()
            track.warp(motion.matrix)
        rows = np.flatnonzero(rng.random(3) < 0.7)
        seen = boxes[rows] + rng.normal(0, 2, (len(rows), 4))
        filters.update(rows, seen)
        for row, box in zip(rows, seen, strict=True):
            slow[row].update(box, 0.9, 1)
    return filters, slow


@pytest.mark.parametrize("kind", ["shifted", "scaled"])
def test_to_the_bit_where_nothing_turns(kind: str) -> None:
    filters, slow = _walk(kind, 0, 40)
    assert filters.cross is None
    for row, track in enumerate(slow):
        np.testing.assert_array_equal(filters.state[:2, row].ravel(), track.mean)
        np.testing.assert_array_equal(_dense(filters, row), track.covariance)
        np.testing.assert_array_equal(filters.boxes()[row], track.box())


@pytest.mark.parametrize("kind", ["turned", "sheared"])
@pytest.mark.parametrize("frames", [3, 1000])
def test_exact_where_it_turns_however_long(kind: str, frames: int) -> None:
    """What rounding leaves of asymmetry must not grow; unchecked it is 100 px after 80 frames."""
    filters, slow = _walk(kind, 1, frames)
    for row, track in enumerate(slow):
        np.testing.assert_allclose(filters.state[:2, row].ravel(), track.mean, atol=1e-9)
        np.testing.assert_allclose(_dense(filters, row), track.covariance, atol=1e-9)
    assert filters.cross is not None


def test_only_the_rows_given_are_warped() -> None:
    filters, _ = _walk("turned", 2, 5)
    before, cross = filters.state.copy(), np.array(filters.cross)
    filters.warp(np.array([[0.9, 0.1, 5], [-0.1, 0.9, 6]]), np.array([1]))
    assert filters.cross is not None
    np.testing.assert_array_equal(filters.state[:, [0, 2]], before[:, [0, 2]])
    np.testing.assert_array_equal(filters.cross[:, [0, 2]], cross[:, [0, 2]])
    assert (filters.state[:, 1] != before[:, 1]).all()
    x, y = before[0, 1, :2]
    assert filters.state[0, 1, :2] == pytest.approx([0.9 * x + 0.1 * y + 5, 0.9 * y - 0.1 * x + 6])


def test_rows_come_and_go_with_their_coupling() -> None:
    filters, _ = _walk("turned", 3, 5)
    kept, cross = filters.state[:, [2, 0]].copy(), np.array(filters.cross)[:, [2, 0]]
    filters.keep(np.array([2, 0]))
    filters.append(np.array([[0.0, 0.0, 10.0, 20.0]]))
    assert filters.cross is not None
    np.testing.assert_array_equal(filters.state[:, :2], kept)
    np.testing.assert_array_equal(filters.cross[:, :2], cross)
    assert not filters.cross[:, 2].any()
    assert filters.boxes()[2].tolist() == [0, 0, 10, 20]
    assert filters.state[2, 2].tolist() == pytest.approx([1, 4, 1, 4])  # (2 / 20 * size) squared


def test_sizes_stop_growing() -> None:
    filters, _ = _walk("shifted", 4, 5)
    speed = filters.state[1].copy()
    filters.stop_growth(np.array([1]))
    assert filters.state[1, 1].tolist() == [*speed[1, :2], 0, 0]
    np.testing.assert_array_equal(filters.state[1, [0, 2]], speed[[0, 2]])
