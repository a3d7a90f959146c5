"""Every two boxes that share area are found, once."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from detector.inference import pairs
from detector.inference.pairs import BoxIndex, Pairs, box_areas, pair_ious
from tests.detector.inference.plain import iou, scenes

Row = tuple[int, int]


def listed(chunks: list[Pairs]) -> list[tuple[int, int, float]]:
    return [
        row
        for i, j, shared in chunks
        for row in zip(i.tolist(), j.tolist(), shared.tolist(), strict=True)
        if row[2] > 0
    ]


def meeting(boxes: Tensor, group: Tensor) -> set[Row]:
    rows = boxes.tolist()
    return {
        (i, j)
        for i in range(len(rows))
        for j in range(i)
        if iou(rows[i], rows[j]) > 0 and group[i] == group[j]
    }


@given(scenes(), st.sampled_from([5, 1 << 13]))
def test_every_two_boxes_that_meet_are_found_once(
    scene: tuple[Tensor, Tensor, Tensor], chunk: int
) -> None:
    boxes, scores, group = scene
    expected = meeting(boxes, group)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "CHUNK", chunk)
        index = BoxIndex(boxes.double(), group)
        found = listed(list(index.pairs()))
        is_left = scores > 0.5
        between = listed(list(index.pairs_between(is_left)))
    assert sorted((max(i, j), min(i, j)) for i, j, _ in found) == sorted(expected)
    assert index.pair_bound() >= len(found)
    assert all(is_left[i] and not is_left[j] for i, j, _ in between)
    apart = {(i, j) for i, j in expected if is_left[i] != is_left[j]}
    assert sorted((max(i, j), min(i, j)) for i, j, _ in between) == sorted(apart)


@given(scenes())
def test_overlaps_are_those_of_the_boxes_as_given(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    boxes = scene[0].double()
    for i, j, shared in BoxIndex(boxes).pairs():
        found = pair_ious(box_areas(boxes), i, j, shared).tolist()
        rows = boxes.tolist()
        expected = [iou(rows[a], rows[b]) for a, b in zip(i.tolist(), j.tolist(), strict=True)]
        assert found == pytest.approx(expected, rel=1e-12)


def test_groups_and_far_places_take_no_precision() -> None:
    # As float32 with an offset per class, the boxes of class 80 would lose their fractions.
    pair = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.999, 0.0, 2.0, 1.0]], dtype=torch.float64)
    boxes = torch.cat([pair + 2.0**20 * k for k in range(80)])
    group = torch.arange(80).repeat_interleave(2)
    ((_, _, shared),) = [part for part in BoxIndex(boxes, group).pairs() if len(part[0])]
    assert shared.tolist() == pytest.approx([0.001] * 80, rel=1e-5)


@pytest.mark.parametrize("far", [3e38, float("inf"), float("nan")])
def test_one_box_out_of_all_bounds_hides_no_other_pair(far: float) -> None:
    boxes = torch.tensor(
        [[0, 0, 10, 10], [5, 5, 15, 15], [0, 0, far, far], [-far, -far, -far / 2, -far / 2]]
    ).double()
    found = {(i, j) for i, j, _ in listed(list(BoxIndex(boxes).pairs()))}
    assert {(max(pair), min(pair)) for pair in found} >= {(1, 0)}
    assert all({*pair} <= {0, 1, 2} for pair in found)


def test_boxes_far_apart_do_not_run_out_of_strips() -> None:
    boxes = torch.tensor([[0.0, 0, 1e-30, 1e-30], [0, 1e30, 1e-30, 1.1e30], [0, 0, 1e-30, 5e-31]])
    found = listed(list(BoxIndex(boxes.double()).pairs()))
    assert [{i, j} for i, j, _ in found] == [{0, 2}]


def test_no_boxes_make_no_pairs() -> None:
    index = BoxIndex(torch.zeros(0, 4, dtype=torch.float64))
    assert index.pair_bound() == 0
    assert list(index.pairs()) == []
    assert list(index.pairs_between(torch.zeros(0, dtype=torch.bool))) == []
