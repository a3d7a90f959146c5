from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.label_layout import UNPLACED, place_labels

LONG, SHORT, HIGH = 60, 15, 12
FRAME = (640, 480)


def place(
    boxes: list[tuple[float, float, float, float]], long_w: int = LONG
) -> list[tuple[int, int, str]]:
    """Left, top and form of each label."""
    count = len(boxes)
    table = np.array(boxes, np.float64).reshape(count, 4)
    widths = np.tile([long_w, SHORT], (count, 1))
    placement = place_labels(table, widths, HIGH, FRAME, np.full(count, UNPLACED))
    rows = zip(placement.corners.tolist(), placement.short.tolist(), strict=True)
    return [(x, y, "short" if short else "long") for (x, y), short in rows]


def test_alone_above() -> None:
    assert place([(100, 100, 180, 140)]) == [(100, 88, "long")]


def test_neighbour_above_moves_the_label_below() -> None:
    boxes = [(100.0, 100.0, 180.0, 140.0), (100.0, 60.0, 180.0, 98.0)]
    assert place(boxes) == [(100, 141, "long"), (100, 48, "long")]


def test_between_two_neighbours_the_id_stands_inside() -> None:
    column = [(100.0, 40.0 * row, 150.0, 40.0 * row + 36.0) for row in range(1, 8)]
    labels = place(column)
    assert labels[3] == (100, 161, "short")


def test_large_box_between_neighbours_holds_its_whole_label() -> None:
    column = [(100.0, 60.0 * row, 220.0, 60.0 * row + 58.0) for row in range(1, 6)]
    assert place(column)[2] == (100, 181, "long")


def test_stays_inside_the_frame() -> None:
    boxes = [(-30.0, -20.0, 40.0, 30.0), (620.0, 470.0, 660.0, 500.0)]
    assert place(boxes) == [(0, 0, "long"), (580, 458, "long")]


def test_tiny_box_has_its_id_alone() -> None:
    assert place([(100, 100, 108, 106)], long_w=0) == [(100, 88, "short")]


def test_no_boxes() -> None:
    assert place([]) == []


box = st.tuples(
    st.integers(-50, 700), st.integers(-50, 500), st.integers(0, 90), st.integers(0, 90)
)


@given(st.lists(box, max_size=40))
def test_labels_lie_inside_and_long_ones_never_on_each_other(
    xywh: list[tuple[int, int, int, int]],
) -> None:
    labels = place([(x, y, x + w, y + h) for x, y, w, h in xywh])
    placed: list[tuple[int, int]] = []
    for left, top, form in labels:
        wide = LONG if form == "long" else SHORT
        assert 0 <= left <= FRAME[0] - wide
        assert 0 <= top <= FRAME[1] - HIGH
        if form == "long":
            for x, y in placed:
                assert abs(left - x) >= LONG or abs(top - y) >= HIGH
            placed.append((left, top))


def test_labels_of_a_trembling_crowd_seldom_hop() -> None:
    rng = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(6) * 95.0 + 40, np.arange(10) * 44.0 + 30)
    corner = np.column_stack([x.ravel(), y.ravel()]) + rng.uniform(-6, 6, (60, 2))
    still = np.hstack([corner, corner + np.array([80, 34])])
    widths = np.tile([LONG, SHORT], (60, 1))
    fresh = kept = np.full(60, UNPLACED)
    hops = {"without memory": 0, "with": 0}
    for _ in range(40):
        boxes = still + rng.normal(0, 0.5, still.shape)
        now = place_labels(boxes, widths, HIGH, FRAME, np.full(60, UNPLACED)).choices
        hops["without memory"] += int((now != fresh).sum())
        fresh = now
        now = place_labels(boxes, widths, HIGH, FRAME, kept).choices
        hops["with"] += int((now != kept).sum())
        kept = now
    assert hops["with"] < 60 + 40 < hops["without memory"] / 2


def test_short_label_becomes_long_when_there_is_room() -> None:
    box = np.array([[100.0, 100, 150, 136]])
    short_inside = np.array([5])
    placement = place_labels(box, np.array([[LONG, SHORT]]), HIGH, FRAME, short_inside)
    assert placement.choices.tolist() == [0]
    down = np.array([0, 38, 0, 38])
    crowd = np.vstack([box, box - down, box + down])
    before = np.array([5, UNPLACED, UNPLACED])
    widths = np.tile([LONG, SHORT], (3, 1))
    assert place_labels(crowd, widths, HIGH, FRAME, before).choices[0] == 5
