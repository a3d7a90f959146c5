from __future__ import annotations

import numpy as np

from tracking.association import assign_all
from tracking.matching import match_detections
from tracking.overlap import Pairs


def _match(table: list[list[float]]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    ious = np.array(table)
    rows, cols = np.nonzero(ious)
    shape = (ious.shape[0], ious.shape[1])
    match = match_detections(Pairs(shape, rows, cols, ious[rows, cols]), 0.3, assign_all)
    pairs = list(zip(match.fed.tolist(), match.rows.tolist(), strict=True))
    return pairs, match.left.tolist(), match.idle.tolist()


def test_the_shortcut_and_the_assignment_differ() -> None:
    # Above 0.3 there is one pair only: taken, though 0.29 + 0.29 is more.
    assert _match([[0.5, 0.29], [0.29, 0.0]]) == ([(0, 0)], [1], [1])
    # A second pair above 0.3 in the row calls the assignment, and the weak pairs win.
    assert _match([[0.5, 0.29, 0.31], [0.29, 0.0, 0.0], [0.0, 0.0, 0.31]])[0] == [(2, 2)]


def test_what_is_left_is_in_the_references_order() -> None:
    # Two are left out by the solver, then come those refused.
    table = [[0.2, 0.0], [0.9, 0.0], [0.8, 0.0], [0.0, 0.1]]
    matches, born, idle = _match(table)
    assert matches == [(1, 0)]
    assert born == [0, 2, 3]
    assert idle == [1]


def test_a_pair_whose_areas_cancel_is_kept_if_the_solver_takes_it() -> None:
    """The reference refuses what is below the threshold, and NaN is not."""
    assert _match([[np.nan]]) == ([(0, 0)], [], [])
