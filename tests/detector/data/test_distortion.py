"""Boxes stay on their pixels under rotation, shear, perspective, and in the published mosaic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detector.data.augment import PADDING, View
from detector.data.distortion import (
    centred,
    distort,
    draw_distortion,
    fit,
    kept_in_distortion,
    move_boxes,
    published_mosaic,
)
from detector.data.views_config import AugmentConfig
from detector.detections import Image
from tests.detector.data.painted import find, scene


def lit(image: Image) -> NDArray[np.int64]:
    """The box around the pixels that are nearer to white than to the padding."""
    rows, columns = np.nonzero(image[..., 0] > (255 + PADDING) // 2)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


@given(
    corner=st.tuples(st.integers(0, 150), st.integers(0, 150)),
    size=st.tuples(st.integers(12, 40), st.integers(12, 40)),
    rotation=st.sampled_from([0.0, 10.0, 180.0]),
    shear=st.sampled_from([0.0, 15.0]),
    perspective=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 2**32),
)
def test_a_box_holds_exactly_its_moved_pixels(
    corner: tuple[int, int],
    size: tuple[int, int],
    rotation: float,
    shear: float,
    perspective: float,
    seed: int,
) -> None:
    box = (*corner, corner[0] + size[0], corner[1] + size[1])
    config = AugmentConfig(
        rotation=rotation, shear=shear, perspective=perspective, translation=0.3, zoom=0.3
    )
    matrix = draw_distortion(200, 160, config, np.random.default_rng(seed))
    view = distort(scene((200, 200), box, ignore=True), matrix, 160)
    assert view.image.shape == (160, 160, 3)
    assume(len(view.boxes) == 1)
    found = view.boxes[0]
    np.testing.assert_array_equal(view.ignore, view.boxes)
    assert view.boxes.dtype == np.float32
    inside = bool((found > 0).all() and (found < 160).all())
    if inside:
        # A sharp corner's last pixel is less than half white.
        np.testing.assert_allclose(lit(view.image), found, atol=1.5)
    else:
        x1, y1, x2, y2 = found
        light = lit(view.image)
        assert (light[:2] >= (x1 - 1.5, y1 - 1.5)).all()
        assert (light[2:] <= (x2 + 1.5, y2 + 1.5)).all()


def test_a_quarter_turn_and_a_shift_by_hand() -> None:
    # x' = y + 3, y' = 20 - x: a quarter turn anticlockwise, 3 to the right.
    matrix = np.array([[0, 1, 3], [-1, 0, 20], [0, 0, 1]], np.float64)
    view = distort(scene((20, 20), (4, 6, 10, 9)), matrix, 20)
    assert view.boxes.tolist() == [[9, 10, 12, 16]]
    assert lit(view.image).tolist() == [9, 10, 12, 16]
    assert (view.image[:, :3] == PADDING).all()


def test_perspective_moves_corners_by_their_depth() -> None:
    matrix = np.array([[1, 0, 0], [0, 1, 0], [0.01, 0, 1]], np.float64)
    boxes = np.array([[100, 10, 300, 20]], np.float32)
    # (100, y) is at depth 2, (300, y) at depth 4.
    np.testing.assert_allclose(move_boxes(boxes, matrix), [[50, 2.5, 75, 10]])


def test_without_settings_the_view_stays() -> None:
    matrix = draw_distortion(60, 60, AugmentConfig(), np.random.default_rng(0))
    np.testing.assert_allclose(matrix, np.eye(3), atol=1e-12)
    before = scene((60, 60), (4, 6, 30, 19))
    after = distort(before, matrix, 60)
    np.testing.assert_array_equal(after.image, before.image)
    np.testing.assert_array_equal(after.boxes, before.boxes)


def test_draws_stay_in_their_ranges() -> None:
    config = AugmentConfig(rotation=20, zoom=0.4, translation=0.1)
    angles, zooms, shifts = [], [], []
    for seed in range(300):
        matrix = draw_distortion(80, 40, config, np.random.default_rng(seed))
        zooms.append(np.hypot(matrix[0, 0], matrix[0, 1]))
        angles.append(np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0])))
        shifts.append((matrix @ (40, 40, 1))[:2] / 40 - 0.5)
    assert 18 < np.max(np.abs(angles)) <= 20
    assert 0.6 <= np.min(zooms) < 0.63
    assert 1.37 < np.max(zooms) <= 1.4
    assert 0.09 < np.abs(shifts).max() <= 0.1


@pytest.mark.parametrize(
    ("side", "share", "kept"),
    [
        ((2, 10), 1, False),
        ((2.1, 10), 1, True),
        ((3, 60), 1, False),
        ((3, 59), 1, True),
        ((9, 9), 0.1, False),
        ((9, 9), 0.11, True),
    ],
)
def test_the_published_rule(side: tuple[float, float], share: float, *, kept: bool) -> None:
    found = kept_in_distortion(np.array([side], np.float32), np.array([share], np.float32))
    assert found.tolist() == [kept]


def test_what_is_not_kept_is_ignored() -> None:
    shift = np.array([[1, 0, -19], [0, 1, 0], [0, 0, 1]], np.float64)
    view = distort(scene((40, 40), (0, 10, 20, 20), (20, 30, 30, 38), (0, 0, 5, 5)), shift, 40)
    assert view.class_ids.tolist() == [1]
    assert view.ignore.tolist() == [[0, 10, 1, 20]]  # a twentieth of it


def test_fit_brings_the_long_side_to_the_view() -> None:
    view = fit(scene((300, 150), (30, 60, 120, 120), ignore=True), 100)
    assert view.image.shape == (50, 100, 3)
    np.testing.assert_allclose(view.boxes, [[10, 20, 40, 40]], rtol=1e-6)
    np.testing.assert_allclose(find(view.image), view.boxes[0], atol=1)
    assert fit(scene((30, 60), (0, 0, 9, 9)), 100).image.shape == (100, 50, 3)


@given(
    meeting=st.tuples(st.integers(50, 150), st.integers(50, 150)),
    part=st.integers(0, 3),
    wh=st.tuples(st.integers(60, 100), st.integers(60, 100)),
)
def test_published_parts_meet_in_a_corner(
    meeting: tuple[int, int], part: int, wh: tuple[int, int]
) -> None:
    sizes = [(70, 90), (90, 70), (100, 100), (60, 80)]
    sizes[part] = wh
    box = (25, 20, 40, 50)
    views = [scene(s, box, ignore=True) if i == part else scene(s) for i, s in enumerate(sizes)]
    view = published_mosaic(views, 200, meeting)
    assert view.image.shape == (200, 200, 3)
    x = meeting[0] - wh[0] if part % 2 == 0 else meeting[0]
    y = meeting[1] - wh[1] if part < 2 else meeting[1]
    expected = np.clip(np.add(box, (x, y, x, y)), 0, 200)
    if (expected[2:] > expected[:2]).all():
        assert view.boxes.tolist() == view.ignore.tolist() == [expected.tolist()]
        assert lit(view.image).tolist() == expected.tolist()
    else:
        assert len(view.boxes) == len(view.ignore) == 0
    # The four corners at the meeting point are image, not padding.
    around = view.image[meeting[1] - 1 : meeting[1] + 1, meeting[0] - 1 : meeting[0] + 1]
    assert (around == 0).all()


def test_centred_by_hand() -> None:
    view = centred(scene((20, 10), (1, 2, 7, 8)), 20)
    assert view.boxes.tolist() == [[1, 7, 7, 13]]
    assert lit(view.image).tolist() == [1, 7, 7, 13]
    assert (view.image[:5] == PADDING).all()
    assert (view.image[15:] == PADDING).all()


def test_classes_follow_their_boxes() -> None:
    views = [
        View(v.image, v.boxes, np.array([i]), v.ignore)
        for i, v in enumerate([scene((50, 50), (10, 10, 30, 30))] * 4)
    ]
    view = published_mosaic(views, 100, (50, 50))
    assert view.class_ids.tolist() == [0, 1, 2, 3]
    assert view.boxes[:, 0].tolist() == [10, 60, 10, 60]
