"""Every object of the frame comes out once, whatever the tiles cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.config import RulesConfig
from detector.detections import Detections
from detector.inference.grouping import group_boxes
from detector.inference.merging import merge_tiles
from detector.inference.tiling import tile_grid
from tests.detector.inference.scenes import (
    as_rows,
    detections,
    expected,
    joined,
    parking,
    seen,
    seen_by_all,
)

Array = NDArray[Any]
WH = (1500, 1100)
TILES = tile_grid(WH, (512, 512), 104)
TWO = np.array([[0, 0, 100, 100], [80, 0, 180, 100]])
"""Side by side; both see x from 80 to 100."""


def merge(found: Detections, tile_ids: Array, tiles: Array, **options: Any) -> Detections:
    return merge_tiles(
        found, np.asarray(tile_ids), tiles, RulesConfig(), **({"nms_iou": 0.5} | options)
    )


def merge_two(left: list[list[float]], right: list[list[float]]) -> list[list[float]]:
    """What is left of boxes that the left and the right tile of `TWO` see."""
    boxes = np.array(left + right, np.float32).reshape(-1, 4)
    tile_ids = np.repeat([0, 1], [len(left), len(right)])
    scores = np.linspace(0.9, 0.5, len(boxes))
    merged: list[list[float]] = merge(detections(boxes, scores), tile_ids, TWO).boxes.tolist()
    return merged


@given(parking())
@settings(max_examples=30, deadline=None)
def test_every_object_comes_out_once_and_as_far_as_it_was_seen(truth: Detections) -> None:
    found, tile_ids = seen_by_all(truth, TILES)
    merged = merge(found, tile_ids, TILES)
    assert as_rows(merged) == as_rows(expected(truth, TILES))
    assert (np.diff(merged.scores) <= 0).all()
    assert merged.boxes.dtype == np.float32


@given(parking())
@settings(max_examples=20, deadline=None)
def test_a_pass_over_the_whole_frame_adds_no_doubles_and_mends_what_tiles_cut(
    truth: Detections,
) -> None:
    tiles = np.append(TILES, [[0, 0, *WH]], axis=0)
    found, tile_ids = seen_by_all(truth, tiles)
    assert as_rows(merge(found, tile_ids, tiles)) == as_rows(truth)


@given(parking(), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_the_order_of_boxes_and_tiles_is_irrelevant(truth: Detections, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found, tile_ids = seen_by_all(truth, TILES)
    noisy = detections(
        found.boxes + rng.integers(-8, 9, found.boxes.shape) / 4, found.scores, found.class_ids
    )
    reference = merge(noisy, tile_ids, TILES)
    rows, tiles = rng.permutation(len(noisy)), rng.permutation(len(TILES))
    shuffled = merge(noisy[rows], np.argsort(tiles)[tile_ids[rows]], TILES[tiles])
    for name in ("boxes", "scores", "class_ids"):
        np.testing.assert_array_equal(getattr(shuffled, name), getattr(reference, name))


@given(parking(), st.tuples(st.integers(-900, 900), st.integers(-900, 900)))
@settings(max_examples=20, deadline=None)
def test_a_shifted_scene_gives_shifted_objects(truth: Detections, shift: tuple[int, int]) -> None:
    found, tile_ids = seen_by_all(truth, TILES)
    reference = merge(found, tile_ids, TILES)
    move = np.tile(shift, 2)
    moved = Detections(found.boxes + move.astype(np.float32), found.scores, found.class_ids)
    shifted = merge(moved, tile_ids, TILES + move)
    expected_rows = Detections(
        reference.boxes + move.astype(np.float32), reference.scores, reference.class_ids
    )
    assert as_rows(shifted) == as_rows(expected_rows)


@given(parking(), st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_every_box_comes_from_one_or_more_and_noise_invents_none(
    truth: Detections, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    parts, tile_ids = [], []
    for tile_id, tile in enumerate(TILES):
        part = seen(truth, tile)
        noise = rng.normal(0, 2, part.boxes.shape)
        boxes = np.clip(part.boxes + noise, np.tile(tile[:2], 2), np.tile(tile[2:], 2))
        parts.append(detections(boxes, rng.random(len(part))))
        tile_ids += [tile_id] * len(part)
    found = joined(parts)
    merged = merge(found, np.array(tile_ids), TILES)
    assert len(merged) <= len(found)
    assert {*merged.scores.tolist()} <= {*found.scores.tolist()}
    # Each side is one that some tile saw, and every box seen is inside or gone as a double.
    for side in range(4):
        assert {*merged.boxes[:, side].tolist()} <= {*found.boxes[:, side].tolist()}


@pytest.mark.parametrize(
    ("left", "right", "merged"),
    [
        # Seen whole by both: the better one stays as it is.
        ([[85, 10, 95, 20]], [[86, 10, 95, 21]], [[85, 10, 95, 20]]),
        # Cut by the right tile: a fragment of what the left one sees whole.
        ([[60, 10, 96, 20]], [[80, 10, 96, 20]], [[60, 10, 96, 20]]),
        # Cut by both: larger than the overlap.
        ([[30, 10, 100, 40]], [[80, 12, 150, 41]], [[30, 10, 150, 41]]),
        # The fragment's extent is off, and it lies within the whole.
        ([[40, 10, 96, 40]], [[80, 18, 90, 34]], [[40, 10, 96, 40]]),
        # Cut and within a larger box, which does not cross the border: not its fragment.
        ([[82, 5, 95, 45]], [[80, 10, 92, 20]], [[82, 5, 95, 45], [80, 10, 92, 20]]),
        # Cut by both, and seen two pixels short of the borders.
        ([[30, 10, 98, 40]], [[82, 12, 150, 41]], [[30, 10, 150, 41]]),
        # Two parked cars that touch; the border runs between them.
        ([[60, 10, 80, 20]], [[80, 10, 100, 20]], [[60, 10, 80, 20], [80, 10, 100, 20]]),
        # Two that touch, across the border, one above the other.
        (
            [[60, 10, 95, 20], [60, 20, 95, 30]],
            [[80, 10, 95, 20], [80, 20, 95, 30]],
            [[60, 10, 95, 20], [60, 20, 95, 30]],
        ),
        # A small object in the corner of a diagonal truck's box, missed by the left tile: its
        # box is not cut, so the truck may not take it.
        ([[40, 10, 100, 40]], [[85, 10, 99, 30]], [[40, 10, 100, 40], [85, 10, 99, 30]]),
        # Boxes of one tile never meet, however much they overlap.
        ([[84, 10, 94, 20], [85, 10, 95, 20]], [], [[84, 10, 94, 20], [85, 10, 95, 20]]),
        # The right tile sees two objects where the left sees one: the one it agrees with joins.
        (
            [[85, 10, 95, 30]],
            [[85, 10, 95, 27], [85, 22, 95, 40]],
            [[85, 10, 95, 30], [85, 22, 95, 40]],
        ),
        # The same, but the second overlaps more than one tile's suppression would leave.
        ([[85, 10, 95, 30]], [[85, 10, 95, 24], [85, 18, 95, 32]], [[85, 10, 95, 30]]),
        # Outside the shared zone nothing happens.
        ([[10, 10, 20, 20]], [[150, 10, 160, 20]], [[10, 10, 20, 20], [150, 10, 160, 20]]),
    ],
)
def test_hand_worked_pairs(
    left: list[list[float]], right: list[list[float]], merged: list[list[float]]
) -> None:
    assert merge_two(left, right) == merged


def test_an_object_at_a_corner_of_four_tiles_is_put_together() -> None:
    tiles = tile_grid((180, 180), (100, 100), 20)
    found, tile_ids = seen_by_all(detections(np.array([[40, 40, 140, 140]])), tiles)
    assert len(found) == 4
    assert merge(found, tile_ids, tiles).boxes.tolist() == [[40, 40, 140, 140]]


def test_an_object_longer_than_a_tile_is_put_together() -> None:
    tiles = tile_grid((420, 100), (100, 100), 20)
    found, tile_ids = seen_by_all(detections(np.array([[40, 30, 220, 60]])), tiles)
    assert len(found) == 3
    assert merge(found, tile_ids, tiles).boxes.tolist() == [[40, 30, 220, 60]]


def test_a_union_has_the_score_and_class_of_its_best_part() -> None:
    found = detections(
        np.array([[30, 10, 100, 40], [80, 10, 150, 40]]), np.array([0.25, 0.75]), np.array([1, 2])
    )
    merged = merge(found, np.array([0, 1]), TWO)
    assert as_rows(merged) == [(30, 10, 150, 40, 0.75, 2)]


def test_a_vehicle_seen_as_two_classes_is_one_unless_asked_otherwise() -> None:
    boxes = np.array([[82, 10, 98, 20], [82, 10, 98, 20]])
    found = detections(boxes, np.array([0.4, 0.7]), np.array([0, 1]))
    tile_ids = np.array([0, 1])
    assert merge(found, tile_ids, TWO).class_ids.tolist() == [1]
    assert merge(found, tile_ids, TWO, class_aware=True).class_ids.tolist() == [1, 0]


def test_no_boxes_give_none() -> None:
    assert len(merge(Detections.empty(), np.zeros(0, np.int64), TWO)) == 0


def test_partners_that_chain_two_boxes_of_one_tile_are_taken_best_first() -> None:
    # 0 and 3 are of one tile; the weakest link, between 1 and 2, has to give.
    tile = np.array([0, 1, 2, 0])
    i, j = np.array([0, 1, 2]), np.array([1, 2, 3])
    assert group_boxes(tile, i, j, np.array([0.9, 0.5, 0.8])).tolist() == [0, 0, 2, 2]


def test_a_box_joins_the_partner_that_agrees_best() -> None:
    tile = np.array([0, 1, 1])
    i, j = np.array([0, 0]), np.array([1, 2])
    assert group_boxes(tile, i, j, np.array([0.5, 0.6])).tolist() == [0, 1, 0]


def test_a_box_whose_best_partner_is_taken_joins_the_next() -> None:
    # 1 prefers 2 to 0, which leaves 0 for 3.
    tile = np.array([0, 1, 0, 1])
    i, j = np.array([0, 0, 1]), np.array([1, 3, 2])
    assert group_boxes(tile, i, j, np.array([0.8, 0.5, 0.9])).tolist() == [0, 1, 1, 0]
