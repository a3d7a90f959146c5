from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trackeval.datasets import MotChallenge2DBox

from tests.tracking.evaluation.moving import Array, rows
from tracking.evaluation.ignoring import (
    box_ious,
    covered_shares,
    half_covered,
    not_on_distractors,
    strictly_inside,
)
from tracking.evaluation.rows import TrackRows, Truth

SIDE = 12


def boxes(frame: int, *xyxy: tuple[float, float, float, float]) -> TrackRows:
    """Boxes of one frame with ids 0, 1, ..."""
    count = len(xyxy)
    none = np.full(count, -1)
    return TrackRows(np.full(count, frame), np.arange(count), np.array(xyxy, float), none)


corner = st.integers(0, SIDE - 1)
box = st.tuples(corner, corner, st.integers(1, 6), st.integers(1, 6))


def drawn(x: int, y: int, width: int, height: int) -> Array:
    image = np.zeros((2 * SIDE, 2 * SIDE))
    image[y : y + height, x : x + width] = 1
    return image


@given(st.lists(box, min_size=1, max_size=5), st.lists(box, min_size=1, max_size=5))
def test_covered_share_is_that_of_the_drawn_pixels(
    some: list[tuple[int, int, int, int]], regions: list[tuple[int, int, int, int]]
) -> None:
    union = np.clip(sum((drawn(*region) for region in regions), np.zeros(())), 0, 1)
    expected = [(drawn(*one) * union).sum() / (one[2] * one[3]) for one in some]
    a, b = np.array(some, float), np.array(regions, float)
    a[:, 2:] += a[:, :2]
    b[:, 2:] += b[:, :2]
    assert covered_shares(a, b) == pytest.approx(expected)


def test_boxes_and_regions_without_area_cover_nothing() -> None:
    flat = np.array([[0.0, 0, 0, 10], [5, 5, 3, 3]])
    solid = np.array([[0.0, 0, 10, 10]])
    assert covered_shares(flat, solid).tolist() == [0, 0]
    assert covered_shares(solid, flat[:1]).tolist() == [0]


@given(st.integers(0, 10_000), st.integers(0, 6), st.integers(0, 6))
def test_ious_are_trackevals_to_the_bit(seed: int, count: int, others: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 20, (count, 4)), rng.uniform(0, 20, (others, 4))
    a[:, 2:] += a[:, :2] - 3  # some have no area
    expected = MotChallenge2DBox._calculate_box_ious(a, b, box_format="x0y0x1y1")
    assert (box_ious(a, b) == expected).all()


def test_uavdt_drops_what_lies_inside_without_touching() -> None:
    region = (10, 10, 50, 50)
    found = boxes(
        1,
        (11, 11, 49, 49),
        (10, 11, 49, 49),  # touches the left edge
        (11, 11, 49, 50),  # touches the lower edge
        (40, 40, 60, 45),  # reaches out
        (0, 0, 5, 5),
    )
    truth = Truth(found, 2, ignored=boxes(1, region, (30, 30, 70, 70)))
    true, kept = strictly_inside(truth, found)
    assert kept.ids.tolist() == [1, 2, 4]  # the fourth is inside the second region
    assert true is truth.tracks


def test_regions_act_in_their_own_frame() -> None:
    found = rows((1, 1, 40), (2, 1, 40), (3, 1, 40))
    region = boxes(2, (0, -5, 100, 20))
    for rule in (strictly_inside, half_covered):
        _, kept = rule(Truth(found, 3, ignored=region), found)
        assert kept.frames.tolist() == [1, 3]


def test_visdrone_drops_what_is_half_covered() -> None:
    some = boxes(1, (0, 0, 20, 10), (0, 0, 19, 10), (0, 0, 21, 10), (30, 0, 50, 10))
    # The two overlap: together they cover x from 0 to 10.
    ignored = boxes(1, (0, 0, 6, 10), (4, 0, 10, 10))
    true, kept = half_covered(Truth(some, 1, ignored=ignored), some)
    assert kept.ids.tolist() == [2, 3]
    assert true.ids.tolist() == [2, 3]


def test_mot_drops_what_is_matched_to_a_distractor() -> None:
    pedestrian, distractor, other = (boxes(1, (x, 0, x + 30, 10)) for x in (0, 100, 200))
    truth = Truth(pedestrian, 1, ignored=distractor, neutral=other)
    found = boxes(
        1,
        (0, 0, 30, 10),
        (110, 0, 140, 10),  # IoU 0.5 with the distractor
        (200, 0, 230, 10),  # on a box that is neutral: stays, a false positive
        (300, 0, 330, 10),
    )
    _, kept = not_on_distractors(truth, found)
    assert kept.ids.tolist() == [0, 2, 3]
    apart = boxes(1, (110.1, 0, 140.1, 10))
    assert len(not_on_distractors(truth, apart)[1]) == 1


def test_mot_gives_a_box_to_the_nearer_truth() -> None:
    # One found box overlaps a pedestrian and a distractor with 0.5 and more; only one excuses it.
    near, far = boxes(1, (0, 0, 30, 10)), boxes(1, (8, 0, 38, 10))
    found = boxes(1, (1, 0, 31, 10))
    assert len(not_on_distractors(Truth(near, 1, ignored=far), found)[1]) == 1
    assert len(not_on_distractors(Truth(far, 1, ignored=near), found)[1]) == 0
    assert len(not_on_distractors(Truth(far, 1, neutral=near, ignored=far), found)[1]) == 1
