"""Boxes follow their pixels through every change of a view."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from detector.data.augment import (
    PADDING,
    SMALLEST_SHARE,
    View,
    cut_view,
    mosaic,
    quadrants,
    squash,
    turn,
)
from tests.detector.data.painted import find, scene


@given(
    scale=st.floats(0.3, 2.0),
    corner=st.tuples(st.integers(0, 150), st.integers(0, 110)),
    size=st.tuples(st.integers(14, 40), st.integers(14, 40)),
    quarters=st.integers(0, 5),
    mirrored=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_box_stays_on_its_pixels(
    *,
    scale: float,
    corner: tuple[int, int],
    size: tuple[int, int],
    quarters: int,
    mirrored: bool,
    seed: int,
) -> None:
    box = (*corner, corner[0] + size[0], corner[1] + size[1])
    whole = scene((200, 160), box, ignore=True)
    cut = cut_view(whole, (96, 128), scale, np.random.default_rng(seed))
    view = turn(cut, quarters, mirrored=mirrored)
    assert view.image.shape == ((96, 128, 3) if quarters % 2 else (128, 96, 3))
    assume(len(view.boxes) == 1)
    height, width = view.image.shape[:2]
    inside = (view.boxes[0] >= 1).all() and (view.boxes[0] <= (width - 1, height - 1) * 2).all()
    np.testing.assert_allclose(find(view.image), view.boxes[0], atol=1.0 if inside else 1.5)
    np.testing.assert_array_equal(view.ignore, view.boxes)
    assert view.boxes.dtype == view.ignore.dtype == np.float32
    if inside:
        sides = view.boxes[0, 2:] - view.boxes[0, :2]
        expected = np.array(size if quarters % 2 == 0 else size[::-1]) * scale
        np.testing.assert_allclose(sides, expected, rtol=1e-4)


@pytest.mark.parametrize("scale", [0.3, 0.5, 0.74, 0.76, 1.0, 1.3, 2.0])
def test_boxes_lie_on_their_pixels_on_average(scale: float) -> None:
    """A shift by a part of a pixel, always to one side, would be learned."""
    shifts = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x, y = rng.integers(120, 260, 2).tolist()
        view = cut_view(scene((400, 400), (x, y, x + 30, y + 20)), (160, 160), scale, rng)
        if len(view.boxes) and (view.boxes > 1).all() and (view.boxes < 159).all():
            found = find(view.image)
            box = view.boxes[0]
            shifts.append((found[:2] + found[2:] - box[:2] - box[2:]) / 2)
    assert len(shifts) > 10
    np.testing.assert_allclose(np.mean(shifts, 0), 0, atol=0.08)


@pytest.mark.parametrize("scale", [0.3, 0.45, 0.6, 0.74, 0.76, 1.0, 1.33, 1.9])
def test_no_padding_inside_the_image(scale: float) -> None:
    for seed in range(20):
        side = round(96 / scale) + seed % 5 + 1
        white = View(
            np.full((side, side, 3), 255, np.uint8),
            np.zeros((0, 4), np.float32),
            np.zeros(0, np.int64),
            np.zeros((0, 4), np.float32),
        )
        assert (cut_view(white, (96, 96), scale, np.random.default_rng(seed)).image == 255).all()


def test_outside_the_image_is_grey() -> None:
    white = scene((40, 30), (0, 0, 40, 30))
    for seed in range(10):
        view = cut_view(white, (128, 96), 2.0, np.random.default_rng(seed))
        x1, y1, x2, y2 = view.boxes[0].round().astype(int).tolist()
        assert (x2 - x1, y2 - y1) == (80, 60)
        assert (view.image[y1:y2, x1:x2] == 255).all()
        assert (view.image == PADDING).all(2).sum() == 128 * 96 - 80 * 60


def test_most_windows_hold_an_object() -> None:
    whole = scene((4000, 4000), (3000, 200, 3020, 220))
    views = [cut_view(whole, (64, 64), 1.0, np.random.default_rng(seed)) for seed in range(100)]
    assert 60 <= sum(len(view.boxes) for view in views) <= 95


def test_rests_and_tiny_boxes_become_ignore_regions() -> None:
    boxes = [(10, 10, 20, 20), (30, 30, 32, 40)]  # the second is 2 pixels wide
    seen_cut = 0
    for seed in range(200):
        whole = scene((100, 100), *boxes)
        view = cut_view(whole, (24, 24), 1.0, np.random.default_rng(seed))
        assert set(view.class_ids.tolist()) <= {0}
        for x1, y1, x2, y2 in view.boxes.tolist():
            assert (x2 - x1) * (y2 - y1) >= SMALLEST_SHARE * 100 - 1e-3
        cut = [r for r in view.ignore if (r[2] - r[0]) * (r[3] - r[1]) < SMALLEST_SHARE * 100]
        assert len(view.ignore) == len(cut)
        seen_cut += len(cut)
        for x1, y1, x2, y2 in np.concatenate((view.boxes, view.ignore)).tolist():
            assert 0 <= x1 < x2 <= 24
            assert 0 <= y1 < y2 <= 24
            # What is left of an object is where its pixels are, learned or not.
            inner = view.image[int(y1 + 0.999) : int(y2), int(x1 + 0.999) : int(x2)]
            assert (inner > 200).all()
    assert seen_cut > 20


def test_a_box_is_kept_from_its_share_on() -> None:
    whole = scene((60, 20), (0, 0, 20, 20), (40, 0, 60, 20))
    kept, ignored = set(), set()
    for seed in range(300):
        view = cut_view(whole, (30, 20), 1.0, np.random.default_rng(seed))
        kept |= set((view.boxes[:, 2] - view.boxes[:, 0]).round(2).tolist())
        ignored |= set((view.ignore[:, 2] - view.ignore[:, 0]).round(2).tolist())
    assert kept
    assert ignored
    assert min(kept) >= 7 >= max(ignored)  # 0.35 of 20


def test_the_same_generator_gives_the_same_window() -> None:
    whole = scene((200, 160), (50, 60, 90, 80))
    one, two, other = (cut_view(whole, (96, 96), 1.3, np.random.default_rng(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.image, two.image)
    np.testing.assert_array_equal(one.boxes, two.boxes)
    assert not np.array_equal(one.image, other.image)
    assert whole.image.sum() == 3 * 255 * 40 * 20  # the image itself is left alone


def test_a_quarter_turn_by_hand() -> None:
    view = scene((10, 6), (7, 1, 9, 2))
    turned = turn(view, 1, mirrored=False)
    # Anticlockwise the right side comes up: 10 - 9 = 1 from the top.
    assert turned.boxes.tolist() == [[1, 1, 2, 3]]
    assert turned.image[..., 0].nonzero()[0].tolist() == [1, 2]
    assert turn(view, 0, mirrored=True).boxes.tolist() == [[1, 1, 3, 2]]
    same = turn(turn(view, 3, mirrored=False), 1, mirrored=False)
    np.testing.assert_array_equal(same.image, view.image)
    np.testing.assert_array_equal(same.boxes, view.boxes)


@given(
    split=st.tuples(st.integers(20, 60), st.integers(20, 60)),
    part=st.integers(0, 3),
    corner=st.tuples(st.integers(0, 8), st.integers(0, 8)),
)
def test_a_mosaic_puts_boxes_where_their_pixels_go(
    split: tuple[int, int], part: int, corner: tuple[int, int]
) -> None:
    sizes = quadrants(80, split)
    box = (*corner, corner[0] + 11, corner[1] + 9)
    views = [
        scene(size, box, ignore=True) if i == part else scene(size) for i, size in enumerate(sizes)
    ]
    view = mosaic(views, 80, split)
    assert view.image.shape == (80, 80, 3)
    np.testing.assert_allclose(find(view.image), view.boxes[0], atol=1e-6)
    np.testing.assert_array_equal(view.boxes, view.ignore)
    assert len(view.boxes) == len(view.class_ids) == 1


def test_quadrants_cover_the_view() -> None:
    assert quadrants(80, (30, 50)) == [(30, 50), (50, 50), (30, 30), (50, 30)]


def test_squashed_boxes_follow_the_pixels() -> None:
    before = scene((60, 120), (12, 20, 30, 60), ignore=True)
    found = squash(before, (60, 40))
    np.testing.assert_allclose(found.boxes, [[12, 20 / 3, 30, 20]], rtol=1e-6)
    np.testing.assert_array_equal(found.ignore, found.boxes)
    rows, columns = np.nonzero(found.image[:, :, 0] > 127)
    assert (columns.min(), columns.max() + 1) == (12, 30)
    assert abs(rows.min() - 20 / 3) < 1
    assert rows.max() + 1 == 20
