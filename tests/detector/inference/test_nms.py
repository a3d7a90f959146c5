"""Suppression equals the textbook's greedy loop, box by box."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from detector.inference import nms as module
from detector.inference import pairs
from detector.inference.nms import nms, resolve
from tests.detector.inference.plain import crowd, greedy, scenes

Scene = tuple[Tensor, Tensor, Tensor]
POWERS = st.sampled_from([None, 1.0, 0.6])


@given(scenes(), st.sampled_from([0.0, 0.25, 0.5, 0.75]), POWERS)
def test_equals_the_greedy_loop(scene: Scene, limit: float, power: float | None) -> None:
    boxes, scores, group = scene
    found = nms(boxes, scores, limit, group, distance_power=power)
    expected = greedy(boxes.tolist(), scores.tolist(), limit, group.tolist(), power)
    assert found.tolist() == expected


@pytest.mark.parametrize("limit", ["PAIRS_PER_BOX", "MOST_PAIRS"])
@given(scene=scenes(), power=POWERS)
def test_equals_the_greedy_loop_when_the_best_go_first(
    limit: str, scene: Scene, power: float | None
) -> None:
    boxes, scores, group = scene
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SMALL", 8)
        patch.setattr(module, limit, 0)
        patch.setattr(module, "ROUNDS", 1)
        patch.setattr(pairs, "CHUNK", 5)
        found = nms(boxes, scores, 0.4, group, distance_power=power)
    expected = greedy(boxes.tolist(), scores.tolist(), 0.4, group.tolist(), power)
    assert found.tolist() == expected


@given(scenes())
def test_images_of_a_batch_do_not_see_each_other(scene: Scene) -> None:
    boxes, scores, group = scene
    together = nms(boxes, scores, 0.5, group).tolist()
    alone = [
        row
        for rows in [(group == one).nonzero().squeeze(1) for one in range(3)]
        for row in rows[nms(boxes[rows], scores[rows], 0.5)].tolist()
    ]
    assert sorted(together) == sorted(alone)


@pytest.mark.parametrize(
    ("overlap", "kept"),
    [(5.0, [0, 1]), (5.1, [0])],
    ids=["exactly at the threshold", "just above"],
)
def test_the_threshold_itself_is_allowed(overlap: float, kept: list[int]) -> None:
    # 10 x 10 boxes that share `overlap` x 10: 50 / 150 is one third.
    boxes = torch.tensor([[0, 0, 10, 10], [10 - overlap, 0, 20 - overlap, 10]])
    assert nms(boxes, torch.tensor([0.9, 0.8]), 1 / 3).tolist() == kept


def test_distant_centres_save_a_box_from_diou_nms() -> None:
    # IoU 1/2 both; the second's centre lies 2.5 off, of a diagonal of sqrt(200): 0.5 - 0.03125.
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 5, 10]])
    scores = torch.tensor([0.9, 0.8])
    for limit, kept in ((0.4687, [0]), (0.46875, [0, 1]), (0.49, [0, 1])):
        assert nms(boxes, scores, limit, distance_power=1.0).tolist() == kept
    assert nms(boxes, scores, 0.49).tolist() == [0]


def test_a_suppressed_box_suppresses_none() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [3, 0, 13, 10], [6, 0, 16, 10]])
    assert nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.4).tolist() == [0, 2]


def test_boxes_without_area_stay() -> None:
    boxes = torch.tensor([[5.0, 5, 5, 9], [5, 5, 5, 9], [9, 9, 1, 1], [0, 0, 10, 10]])
    assert nms(boxes, torch.ones(4), 0.1).tolist() == [0, 1, 2, 3]


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="scores: row 1 of 2 is not a number"):
        nms(torch.ones(2, 4), torch.tensor([0.5, torch.nan]), 0.5)


def test_a_crowd_equals_the_greedy_loop() -> None:
    boxes, scores, group = crowd(1500)
    expected = greedy(boxes.tolist(), scores.tolist(), 0.5, group.tolist())
    assert nms(boxes, scores, 0.5, group).tolist() == expected


def test_no_cap_drops_objects() -> None:
    x, y = torch.meshgrid(torch.arange(200.0), torch.arange(150.0), indexing="ij")
    corner = 10 * torch.stack([x.ravel(), y.ravel()], dim=1)
    boxes = torch.cat([corner, corner + 10], dim=1)
    assert len(nms(boxes, torch.ones(30_000), 0.5)) == 30_000


def test_thirty_thousand_candidates_of_one_place_leave_one() -> None:
    boxes = torch.tensor([[5.0, 5, 45, 25]]).repeat(30_000, 1)
    assert nms(boxes, torch.linspace(0.2, 0.9, 30_000), 0.5).tolist() == [29_999]


def test_a_long_chain_is_walked_in_order() -> None:
    winners = torch.arange(999)
    assert resolve(1000, winners, winners + 1).tolist() == list(range(0, 1000, 2))
