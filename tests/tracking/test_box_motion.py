"""The vote of boxes over the camera's motion, and what must not fool it."""

from __future__ import annotations

import numpy as np
import pytest

from tracking.box_motion import vote
from tracking.tracks import Float64Array, Motion


def scene(seed: int, count: int = 30) -> Float64Array:
    """Boxes of 15 to 40 px anywhere in full HD."""
    rng = np.random.default_rng(seed)
    start = rng.uniform((0, 0), (1880, 1040), (count, 2))
    return np.asarray(np.c_[start, start + rng.uniform(15, 40, (count, 2))])


def seen(
    boxes: Float64Array, matrix: Float64Array, seed: int, jitter: float = 0.05
) -> Float64Array:
    """The same after a motion of the view, each edge off by a share of the box's size."""
    rng = np.random.default_rng(seed)
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    moved = np.concatenate((centre - half, centre + half), axis=1)
    return np.asarray(moved + jitter * size * rng.normal(size=size.shape))


def shift(right: float, down: float) -> Float64Array:
    return np.array([[1.0, 0, right], [0, 1, down]])


def turned(degrees: float, zoom: float, right: float, down: float) -> Float64Array:
    """About the middle of full HD."""
    angle, middle = np.deg2rad(degrees), np.array([960.0, 540.0])
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(np.c_[linear, middle - linear @ middle + (right, down)])


def error_px(found: Motion, true: Float64Array, boxes: Float64Array) -> float:
    """The median distance of the boxes' centres after both motions."""
    away = found.matrix - true
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return float(np.median(np.linalg.norm(centre @ away[:, :2].T + away[:, 2], axis=1)))


def is_identity(motion: Motion) -> bool:
    return bool((motion.matrix == np.eye(2, 3)).all())


@pytest.mark.parametrize("seed", range(10))
def test_the_shift_that_most_boxes_make_is_found(seed: int) -> None:
    boxes = scene(seed)
    rng = np.random.default_rng(seed)
    true = shift(*rng.normal(0, 60, 2))
    kept = rng.random(len(boxes)) < 0.8
    detections = np.concatenate((seen(boxes, true, seed)[kept], scene(seed + 100, 6)))
    assert error_px(vote(boxes, rng.permutation(detections)), true, boxes) < 2.0


@pytest.mark.parametrize("seed", range(5))
def test_turn_and_zoom_are_found_where_many_agree(seed: int) -> None:
    boxes = scene(seed, 60)
    true = turned(1.0, 1.01, 25, -15)
    assert error_px(vote(boxes, seen(boxes, true, seed)), true, boxes) < 1.5


@pytest.mark.parametrize("seed", range(10))
def test_a_still_view_is_the_identity(seed: int) -> None:
    boxes = scene(seed)
    assert is_identity(vote(boxes, seen(boxes, np.eye(2, 3), seed)))


@pytest.mark.parametrize("seed", range(10))
def test_a_few_that_move_together_do_not_move_the_view(seed: int) -> None:
    boxes = scene(seed)
    detections = seen(boxes, np.eye(2, 3), seed)
    detections[:9] += 30  # of 30 boxes
    found = vote(boxes, detections)
    assert error_px(found, np.eye(2, 3), boxes) < 0.5


def row_of_cars(count: int) -> Float64Array:
    left = 100 + 30.0 * np.arange(count)
    return np.asarray(np.c_[left, np.full(count, 200.0), left + 20, np.full(count, 240.0)])


def test_a_row_of_parked_cars_stays_where_it_is() -> None:
    # Shifted by a place, nine of ten lie on a car again.
    cars = row_of_cars(10)
    assert is_identity(vote(cars, cars[1:]))
    assert is_identity(vote(cars[1:], cars))


@pytest.mark.parametrize("right", [-12.0, 8.0, 13.0])
def test_a_row_of_parked_cars_moves_by_the_shorter_way(right: float) -> None:
    cars = row_of_cars(12)
    moved = vote(cars, cars + np.array([right, 0, right, 0]))
    assert moved.matrix[0, 2] == pytest.approx(right, abs=0.5)


@pytest.mark.parametrize("seed", range(10))
def test_false_detections_alone_move_nothing(seed: int) -> None:
    assert is_identity(vote(scene(seed), scene(seed + 50, 40)))


@pytest.mark.parametrize(("tracks", "detections"), [(0, 5), (5, 0), (2, 2), (0, 0)])
def test_too_few_move_nothing(tracks: int, detections: int) -> None:
    boxes = scene(0, 5)
    moved = boxes + 40
    assert is_identity(vote(boxes[:tracks], moved[:detections]))


def test_three_boxes_are_enough_for_a_shift() -> None:
    boxes = scene(1, 3)
    assert error_px(vote(boxes, boxes + np.array([40.0, 9, 40, 9])), shift(40, 9), boxes) < 0.5


def test_boxes_in_one_corner_do_not_turn_the_rest_of_the_view() -> None:
    boxes = scene(2, 12) / 20  # within 100 px
    far = np.array([[1800.0, 1000, 1820, 1020]])
    for seed in range(5):
        found = vote(boxes, seen(boxes, shift(3, 0), seed, 0.1))
        assert error_px(found, shift(3, 0), far) < 6
