from __future__ import annotations

import numpy as np

from pipeline.trails import STEPS, Trails, outside
from tracking.tracks import Tracks


def at(places: dict[int, tuple[float, float]]) -> Tracks:
    """Tracks whose boxes are centred on these places."""
    count = len(places)
    centres = np.array(list(places.values()), np.float64).reshape(count, 2)
    ids = np.array(list(places), np.int64)
    boxes = np.hstack([centres - 5, centres + 5])
    return Tracks(ids, boxes, np.zeros(count, np.int64), np.ones(count), np.arange(count))


def test_path_runs_back_in_time() -> None:
    trails = Trails(length_s=9.0)
    for second in range(4):
        trails.add(float(second), at({7: (10.0 * second, 0.0), 2: (0.0, 5.0 * second)}))
    points = trails.points(at({2: (0.0, 20.0), 7: (40.0, 0.0)}))
    assert points[0].tolist() == [[0, 20], [0, 15], [0, 10], [0, 5], [0, 0]]
    assert points[1].tolist() == [[40, 0], [30, 0], [20, 0], [10, 0], [0, 0]]


def test_gap_repeats_the_newer_place() -> None:
    trails = Trails(length_s=9.0)
    trails.add(0.0, at({1: (0.0, 0.0)}))
    trails.add(1.0, at({2: (9.0, 9.0)}))
    trails.add(2.0, at({}))
    points = trails.points(at({1: (30.0, 0.0)}))
    assert points[0].tolist() == [[30, 0], [30, 0], [30, 0], [0, 0]]


def test_unseen_ids_and_old_places_are_forgotten() -> None:
    trails = Trails(length_s=1.5)
    trails.add(0.0, at({1: (0.0, 0.0)}))
    trails.add(2.0, at({2: (50.0, 0.0)}))
    assert trails.points(at({1: (9.0, 9.0)}))[0].tolist() == [[9, 9], [9, 9]]


def test_memory_does_not_grow_with_the_frame_rate() -> None:
    trails = Trails(length_s=1.5)
    for index in range(4000):
        trails.add(index / 1000, at({1: (index, 0.0)}))
    assert trails.points(at({1: (4000.0, 0.0)})).shape[1] <= STEPS + 2


def test_time_that_steps_back_starts_anew() -> None:
    trails = Trails()
    trails.add(100.0, at({1: (0.0, 0.0)}))
    trails.add(0.0, at({1: (5.0, 5.0)}))
    assert trails.points(at({1: (6.0, 6.0)}))[0].tolist() == [[6, 6], [5, 5]]


def test_nothing_remembered_is_the_centre_alone() -> None:
    assert Trails().points(at({3: (4.0, 5.0)})).tolist() == [[[4, 5]]]
    assert Trails().points(Tracks.empty()).shape == (0, 1, 2)


def test_segments_start_at_the_edge_of_their_own_box() -> None:
    path = np.array([[[50.0, 50], [50, 30], [50, 10], [50, 10]], [[5, 5], [5, 5], [5, 5], [5, 5]]])
    boxes = np.array([[40.0, 25, 60, 75], [0, 0, 10, 10]])
    rows, ages, start, end = outside(path, boxes)
    assert rows.tolist() == [0]
    assert ages.tolist() == [1]
    assert start.tolist() == [[50, 25]]
    assert end.tolist() == [[50, 10]]


def test_slanted_segment_leaves_through_the_nearer_edge() -> None:
    path = np.array([[[0.0, 0], [-40, 20]]])
    _, _, start, _ = outside(path, np.array([[-10.0, -10, 10, 10]]))
    assert start.tolist() == [[-10, 5]]


def test_one_point_has_no_segments() -> None:
    assert len(outside(np.zeros((2, 1, 2)), np.zeros((2, 4)))[0]) == 0
