"""Which cells learn an object: tables worked by hand, and the rule spelled out."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from detector.data.targets import Targets
from detector.training.assignment import Positives, assign

ANCHORS = torch.tensor([[10.0, 20.0], [30.0, 60.0]])


def targets(*boxes: tuple[float, float, float, float]) -> Targets:
    return Targets(
        torch.arange(len(boxes)),
        torch.arange(len(boxes)) + 7,
        torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
    )


def cells(found: Positives) -> list[tuple[int, int]]:
    """Column and row of each positive."""
    return list(zip(found.column.tolist(), found.row.tolist(), strict=True))


@pytest.mark.parametrize(
    ("centre", "expected"),
    [
        # In cells of 8 pixels on a map of 6 x 4: own cell, left, up, right, down.
        ((20, 20), [(2, 2)]),  # 2.5, 2.5: exactly between the neighbours
        ((18, 20), [(2, 2), (1, 2)]),
        ((18, 18), [(2, 2), (1, 2), (2, 1)]),
        ((22, 20), [(2, 2), (3, 2)]),
        ((22, 22), [(2, 2), (3, 2), (2, 3)]),
        ((18, 22), [(2, 2), (1, 2), (2, 3)]),
        ((2, 20), [(0, 2)]),  # nothing is left of the first column
        ((8, 20), [(1, 2), (1, 2)]),  # on a line the own cell counts twice, as published
        ((9, 20), [(1, 2), (0, 2)]),
        ((46, 20), [(5, 2)]),  # nothing is right of the last one
        ((39, 20), [(4, 2), (5, 2)]),
        ((20, 31), [(2, 3)]),
        ((48, 32), [(5, 3)] * 3),  # on the corner of the image: moved inside
    ],
)
def test_neighbours(centre: tuple[int, int], expected: list[tuple[int, int]]) -> None:
    found = assign(targets((*centre, 10, 20)), ANCHORS[:1], (4, 6), 8, 3.0)
    assert cells(found) == expected
    assert found.class_ids.tolist() == [7] * len(expected)
    place = torch.tensor(expected) + found.boxes[:, :2]
    torch.testing.assert_close(place, torch.tensor([centre]).expand(len(expected), 2) / 8)
    assert found.boxes[:, 2:].tolist() == [[1.25, 2.5]] * len(expected)


@pytest.mark.parametrize(
    ("size", "anchors"),
    [
        ((10, 20), [0]),
        ((30, 60), [1]),  # three times the first anchor: exactly at the limit
        ((29.9, 59.9), [0, 1]),
        ((10.1, 20.1), [0, 1]),
        ((10, 60), []),  # one side at each anchor's limit
        ((10.1, 59.9), [0, 1]),
        ((3.4, 6.7), [0]),
        ((3.3, 20), []),
        ((90, 60), []),
        ((89.9, 60), [1]),
    ],
)
def test_an_anchor_fits_below_the_limit(size: tuple[float, float], anchors: list[int]) -> None:
    found = assign(targets((20, 20, *size)), ANCHORS, (4, 6), 8, 3.0)
    assert found.anchor.tolist() == anchors


def test_the_order_is_by_offset_then_anchor_then_object() -> None:
    found = assign(targets((18, 20, 20, 40), (20, 22, 20, 40)), ANCHORS, (4, 6), 8, 3.0)
    rows = zip(found.image.tolist(), found.anchor.tolist(), cells(found), strict=True)
    assert list(rows) == [
        (0, 0, (2, 2)),
        (1, 0, (2, 2)),
        (0, 1, (2, 2)),
        (1, 1, (2, 2)),
        (0, 0, (1, 2)),
        (0, 1, (1, 2)),
        (1, 0, (2, 3)),
        (1, 1, (2, 3)),
    ]


def test_no_object_gives_no_positive() -> None:
    found = assign(targets(), ANCHORS, (4, 6), 8, 3.0)
    assert found.boxes.shape == (0, 4)
    assert found.image.shape == found.row.shape == found.class_ids.shape == (0,)


@given(
    st.tuples(st.integers(0, 768), st.integers(0, 512)),
    st.tuples(st.integers(40, 2000), st.integers(40, 2000)),
)
def test_the_rule_spelled_out(sixteenths: tuple[int, int], size: tuple[int, int]) -> None:
    x, y = (value / 16 for value in sixteenths)
    w, h = (value / 20 for value in size)
    expected = set()
    columns, rows = 6, 4
    for anchor, (aw, ah) in enumerate(ANCHORS.tolist()):
        if max(w / aw, aw / w, h / ah, ah / h) >= 3 - 1e-6:
            continue
        gx, gy = x / 8, y / 8
        column, row = min(math.floor(gx), columns - 1), min(math.floor(gy), rows - 1)
        expected.add((anchor, column, row))
        for at, last, is_x in ((gx, columns, True), (gy, rows, False)):
            low = at - math.floor(at) < 0.5 and at > 1
            high = math.ceil(at) - at < 0.5 and last - at > 1
            for step in [-1] * low + [1] * high:
                if step == 1 and at == math.floor(at):
                    # On a line between cells the cell behind it is the own one.
                    continue
                near = math.floor(at) + step
                expected.add((anchor, near, row) if is_x else (anchor, column, near))
    found = assign(targets((x, y, w, h)), ANCHORS, (rows, columns), 8, 3.0 - 1e-6)
    rows_found = list(zip(found.anchor.tolist(), *zip(*cells(found), strict=True), strict=True))
    assert set(rows_found) == expected
