"""Mixed views: two over each other, and pasted objects."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.data.augment import PADDING, View
from detector.data.mixing import cut_out, free_standing, mixup, paste
from tests.detector.data.painted import scene


def flat(value: int, boxes: list[list[float]], ignore: list[list[float]], side: int = 40) -> View:
    return View(
        np.full((side, side, 3), value, np.uint8),
        np.array(boxes, np.float32).reshape(-1, 4),
        np.arange(len(boxes)),
        np.array(ignore, np.float32).reshape(-1, 4),
    )


def test_mixup_by_hand() -> None:
    one = flat(200, [[1, 2, 9, 8]], [[0, 0, 5, 5]])
    two = flat(40, [[3, 3, 30, 30], [5, 5, 9, 9]], [])
    view = mixup(one, two, 0.75)
    assert (view.image == 160).all()
    assert view.boxes.tolist() == [[1, 2, 9, 8], [3, 3, 30, 30], [5, 5, 9, 9]]
    assert view.class_ids.tolist() == [0, 0, 1]
    assert view.ignore.tolist() == [[0, 0, 5, 5]]
    assert mixup(two, one, 0.75).ignore.tolist() == [[0, 0, 5, 5]]
    assert (one.image == 200).all()


@pytest.mark.parametrize(
    ("ignore", "free"),
    [([], [False, True, False, True]), ([[24, 20, 40, 40]], [False, False, False, True])],
)
def test_what_others_cover_is_not_pasted(ignore: list[list[float]], free: list[bool]) -> None:
    boxes: list[list[float]] = [[0, 0, 10, 10], [20, 20, 30, 30], [5, 0, 14, 10], [9.5, 9, 19, 19]]
    view = flat(0, boxes, ignore)
    assert free_standing(view.boxes, view.ignore).tolist() == free


def test_the_free_ones_of_an_empty_image() -> None:
    view = flat(0, [], [[0, 0, 9, 9]])
    assert free_standing(view.boxes, view.ignore).shape == (0,)


@given(
    taken=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=12),
    ignored=st.booleans(),
    size=st.tuples(st.integers(10, 40), st.integers(10, 40)),
    scale=st.floats(0.5, 2.0),
    seed=st.integers(0, 2**32),
)
def test_pasted_objects_lie_on_their_boxes_and_on_nothing_else(
    taken: list[tuple[int, int]],
    ignored: bool,
    size: tuple[int, int],
    scale: float,
    seed: int,
) -> None:
    others = [[float(x), float(y), x + 14.0, y + 18.0] for x, y in taken]
    none: list[list[float]] = []
    before = flat(30, none if ignored else others, others if ignored else none, side=128)
    before = View(before.image, before.boxes, np.full(len(before.boxes), 7), before.ignore)
    donor = scene((90, 90), (20, 25, 20 + size[0], 25 + size[1]))
    cutouts = [cut_out(donor, 0, scale)] * 3
    view = paste(before, cutouts, np.random.default_rng(seed))
    count = len(before.boxes)
    np.testing.assert_array_equal(view.boxes[:count], before.boxes)
    np.testing.assert_array_equal(view.ignore, before.ignore)
    assert view.class_ids[count:].tolist() == [0] * (len(view.boxes) - count)
    assert (before.image == 30).all()
    changed = (view.image != 30).any(2)
    for x1, y1, x2, y2 in others:
        assert not changed[int(y1) : int(y2), int(x1) : int(x2)].any()
    white = view.image[..., 0] > 150
    for box in view.boxes[count:]:
        assert (box >= 0).all()
        assert (box <= 128).all()
        x1, y1, x2, y2 = np.round(box).astype(int)
        assert white[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1].all()
        white[max(y1 - 1, 0) : y2 + 1, max(x1 - 1, 0) : x2 + 1] = False
    assert not white.any()  # no object without its box


def test_sizes_follow_those_of_the_class() -> None:
    # Objects of class 0 are 10 pixels here, that of the donor 40: about a quarter.
    before = flat(30, [[5, 5, 15, 15]], [], side=200)
    donor = scene((90, 90), (20, 20, 60, 60))
    sides = []
    for seed in range(30):
        view = paste(before, [cut_out(donor, 0, 1.0)], np.random.default_rng(seed))
        sides.append(view.boxes[1, 2] - view.boxes[1, 0])
    assert 7.5 < min(sides) < 9
    assert 11 < max(sides) < 13


def test_the_edge_is_soft_outside_the_box_and_not_inside() -> None:
    donor = scene((200, 200), (50, 50, 150, 150))
    donor.image[donor.image == 0] = 90  # its surroundings
    view = paste(flat(30, [], [], side=300), [cut_out(donor, 0, 1.0)], np.random.default_rng(3))
    x1, y1, x2, _ = view.boxes[0].round().astype(int)
    middle = view.image[y1 + 40, :, 0].astype(int)
    assert (middle[x1 + 1 : x2 - 1] == 255).all()
    edge = middle[x1 - 11 : x1 - 1]
    assert (np.diff(edge) > 0).all()
    assert 30 <= edge[0] < 45
    assert edge[-1] > 70


def test_nothing_is_pasted_where_there_is_no_room() -> None:
    donor = scene((90, 90), (20, 20, 60, 60))
    cutouts = [cut_out(donor, 0, 1.0)]
    rng = np.random.default_rng(0)
    full = flat(30, [], [[0, 0, 40, 40]])
    assert len(paste(full, cutouts, rng).boxes) == 0
    assert len(paste(flat(30, [], []), cutouts, rng).boxes) == 0  # the view is no larger
    padding = flat(PADDING, [], [], side=200)
    assert len(paste(padding, cutouts, rng).boxes) == 0
    tiny = [cut_out(donor, 0, 0.05)]
    assert len(paste(flat(30, [], [], side=200), tiny, rng).boxes) == 0
