"""Suppression equals the textbook's greedy loop, box by box."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.inference import pairs, suppression
from detector.inference.pairs import BoxIndex
from detector.inference.suppression import resolve, suppress

Array = NDArray[Any]


def iou(a: Array, b: Array) -> float:
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(
        0.0, min(a[3], b[3]) - max(a[1], b[1])
    )
    areas = [max(0.0, c[2] - c[0]) * max(0.0, c[3] - c[1]) for c in (a, b)]
    return shared / (areas[0] + areas[1] - shared) if shared else 0.0


def greedy(boxes: Array, scores: Array, limit: float, class_ids: Array | None) -> list[int]:
    kept: list[int] = []
    for row in sorted(range(len(scores)), key=lambda row: (-scores[row], row)):
        if all(
            iou(boxes[row], boxes[other]) <= limit
            or (class_ids is not None and class_ids[row] != class_ids[other])
            for other in kept
        ):
            kept.append(row)
    return kept


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Array, Array, Array]:
    """Boxes on a coarse lattice, so that equal scores, equal boxes and no area are common."""
    count = draw(st.integers(0, 40))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    step = draw(st.sampled_from([0.25, 1.0, 7.0]))
    corner = rng.integers(-20, 20, (count, 2)) * step
    size = rng.integers(draw(st.sampled_from([-1, 0, 1])), draw(st.integers(2, 25)), (count, 2))
    boxes = np.concatenate([corner, corner + size * step], axis=1).astype(np.float32)
    return boxes, rng.integers(0, 6, count).astype(np.float32) / 5, rng.integers(0, 3, count)


@given(scenes(), st.sampled_from([0.0, 0.25, 0.5, 0.75]), st.booleans())
@settings(deadline=None)
def test_equals_the_greedy_loop(
    scene: tuple[Array, Array, Array], limit: float, aware: bool
) -> None:
    boxes, scores, class_ids = scene
    classes = class_ids if aware else None
    assert suppress(boxes, scores, limit, classes).tolist() == greedy(boxes, scores, limit, classes)


@given(scenes(), st.booleans())
@settings(deadline=None)
def test_equals_the_greedy_loop_when_the_best_go_first(
    scene: tuple[Array, Array, Array], aware: bool
) -> None:
    boxes, scores, class_ids = scene
    classes = class_ids if aware else None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suppression, "SMALL", 8)
        patch.setattr(suppression, "PAIR_LIMIT", 3)
        patch.setattr(suppression, "ROUNDS", 1)
        patch.setattr(pairs, "CHUNK", 5)
        found = suppress(boxes, scores, 0.4, classes)
    assert found.tolist() == greedy(boxes, scores, 0.4, classes)


@given(scenes())
@settings(deadline=None)
def test_every_two_boxes_that_meet_are_found_once(scene: tuple[Array, Array, Array]) -> None:
    boxes, _, class_ids = scene
    meeting = {(i, j) for i in range(len(boxes)) for j in range(i) if iou(boxes[i], boxes[j]) > 0.0}
    index = BoxIndex(boxes)
    found = [
        (max(i, j), min(i, j))
        for rows_i, rows_j, shared in index.pairs()
        for i, j, area in zip(rows_i.tolist(), rows_j.tolist(), shared.tolist(), strict=True)
        if area > 0.0
    ]
    assert sorted(found) == sorted(meeting)
    assert index.pair_bound() >= len(found)
    is_left = class_ids == 0
    between = [
        (i, j)
        for rows_i, rows_j, shared in index.pairs_between(is_left)
        for i, j, area in zip(rows_i.tolist(), rows_j.tolist(), shared.tolist(), strict=True)
        if area > 0.0
    ]
    assert all(is_left[i] and not is_left[j] for i, j in between)
    expected = {pair for pair in meeting if is_left[pair[0]] != is_left[pair[1]]}
    assert sorted((max(pair), min(pair)) for pair in between) == sorted(expected)


@pytest.mark.parametrize(
    ("overlap", "kept"),
    [(5.0, [0, 1]), (5.1, [0])],
    ids=["exactly at the threshold", "just above"],
)
def test_the_threshold_itself_is_allowed(overlap: float, kept: list[int]) -> None:
    # 10 x 10 boxes that share `overlap` x 10: 50 / 150 is one third.
    boxes = np.array([[0, 0, 10, 10], [10 - overlap, 0, 20 - overlap, 10]], np.float32)
    assert suppress(boxes, np.array([0.9, 0.8], np.float32), 1 / 3).tolist() == kept


def test_a_suppressed_box_suppresses_none() -> None:
    boxes = np.array([[0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10]], np.float32)
    assert suppress(boxes, np.array([0.9, 0.8, 0.7], np.float32), 0.4).tolist() == [0, 2]


def test_a_vehicle_seen_as_two_classes_is_one_unless_asked_otherwise() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10]], np.float32)
    scores = np.array([0.5, 0.6], np.float32)
    assert suppress(boxes, scores, 0.5).tolist() == [1]
    assert suppress(boxes, scores, 0.5, np.array([0, 2])).tolist() == [1, 0]


def test_no_cap_drops_objects() -> None:
    x, y = np.meshgrid(np.arange(200.0), np.arange(150.0))
    corner = 10 * np.stack([x.ravel(), y.ravel()], axis=1)
    boxes = np.concatenate([corner, corner + 10], axis=1).astype(np.float32)
    assert len(suppress(boxes, np.ones(30_000, np.float32), 0.5)) == 30_000


def test_thirty_thousand_candidates_of_one_place_leave_one() -> None:
    boxes = np.tile(np.array([[5, 5, 45, 25]], np.float32), (30_000, 1))
    scores = np.linspace(0.2, 0.9, 30_000, dtype=np.float32)
    assert suppress(boxes, scores, 0.5).tolist() == [29_999]


def test_a_long_chain_is_walked_in_order() -> None:
    count = 1000
    winners = np.arange(count - 1)
    assert resolve(count, winners, winners + 1).tolist() == list(range(0, count, 2))
