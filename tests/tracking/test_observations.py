from __future__ import annotations

import numpy as np

from tests.tracking.reference import Array
from tracking.observations import DirectionBonus, ObservedFilters

ONE = np.array([0])


def _seen(step: float, score: float = 0.9) -> Array:
    """Where an object is that moves and grows evenly."""
    x, y = 100 + 12 * step, 50 - 3 * step
    return np.array([[x, y, x + 30 + step, y + 20 + 2 * step, score]])


def _started() -> ObservedFilters:
    filters = ObservedFilters(3)
    filters.append(_seen(0)[:, :4])
    return filters


def test_a_gap_is_run_again_along_a_line_and_its_end_is_used_twice() -> None:
    gapped, whole = _started(), _started()
    for frame in range(1, 9):
        gapped.predict()
        whole.predict()
        whole.observe(ONE, _seen(frame), frame)
        if frame in (3, 4, 5, 6):
            gapped.miss(ONE)
        else:
            gapped.observe(ONE, _seen(frame), frame)
        if frame == 6:
            assert abs(gapped.state - whole.state).max() > 0.1
        if frame == 7:
            whole.update(ONE, _seen(frame)[:, :4])
        if frame >= 7:
            np.testing.assert_allclose(gapped.state, whole.state, rtol=1e-6, atol=1e-6)


def test_a_track_never_seen_has_nothing_to_run_again() -> None:
    filters, plain = _started(), _started()
    for frame in (1, 2, 3):
        filters.predict()
        plain.predict()
        if frame < 3:
            filters.miss(ONE)
    filters.observe(ONE, _seen(3), 3)
    plain.update(ONE, _seen(3)[:, :4])
    np.testing.assert_array_equal(filters.state, plain.state)


def test_the_earlier_observation() -> None:
    """Three frames back if it was seen then, else two, one, else whenever it was last."""
    filters = _started()
    assert filters.earlier(ONE, 1).tolist() == [[-1] * 5]
    for frame in (1, 2, 5, 6):
        filters.observe(ONE, _seen(frame), frame)
    for frame, expected in ((7, 5), (8, 5), (9, 6), (10, 6), (30, 6)):
        np.testing.assert_array_equal(filters.earlier(ONE, frame), _seen(expected))


def test_the_heading_is_that_of_the_observations() -> None:
    filters = _started()
    filters.observe(ONE, _seen(1), 1)
    assert filters.heading.tolist() == [[0, 0]]  # one is not enough, and birth is none
    filters.observe(ONE, _seen(3), 3)
    centres = [(seen[0, :2] + seen[0, 2:4]) / 2 for seen in (_seen(1), _seen(3))]
    dx, dy = centres[1] - centres[0]
    np.testing.assert_allclose(filters.heading, np.array([[dy, dx]]) / np.hypot(dx, dy), atol=1e-6)


def test_the_bonus_by_hand() -> None:
    """Straight on gives half the inertia times the score, straight back the negative."""
    filters = ObservedFilters(3)
    start = np.array([[100.0, 100, 120, 120]] * 2)
    filters.append(start)
    for frame in (1, 2):
        seen = np.array([[100.0 + 10 * frame, 100, 120 + 10 * frame, 120, 0.9]])
        filters.observe(ONE, seen, frame)
    on, back, aside = [200.0, 100, 220, 120], [20.0, 100, 40, 120], [110.0, 300, 130, 320]
    found = np.array([[*on, 1.0], [*back, 0.5], [*aside, 1.0]])
    bonus = DirectionBonus(filters, found, 0.2, 3)
    table = bonus.table(np.arange(3), np.arange(2))
    np.testing.assert_allclose(table, np.array([[0.1, 0], [-0.05, 0], [0, 0]]), atol=1e-4)
    np.testing.assert_array_equal(
        bonus.at(np.array([1, 2]), np.array([0, 1])), table[[1, 2], [0, 1]]
    )
    assert np.abs(table).max() <= bonus.limit


def test_rows_come_and_go_with_what_was_seen() -> None:
    filters = ObservedFilters(2)
    filters.append(np.concatenate([_seen(step)[:, :4] for step in range(3)]))
    filters.observe(np.array([1, 2]), np.concatenate((_seen(1), _seen(2))), 1)
    filters.predict()
    filters.miss(np.array([0, 2]))
    filters.keep(np.array([2, 0]))
    assert filters.last_seen.tolist() == [_seen(2)[0].tolist(), [-1] * 5]
    before = filters.state.copy()
    filters.predict()
    filters.observe(np.array([0]), _seen(2), 3)  # run again from its own frozen state
    assert not np.array_equal(filters.state[:, 0], before[:, 0])
    np.testing.assert_array_equal(filters.last_seen[1], [-1] * 5)
