"""Soft-NMS equals the paper's loop, box by box."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from detector.inference import soft_nms as module
from detector.inference.soft_nms import Decay, soft_nms
from tests.detector.inference.plain import crowd, scenes, soft

Scene = tuple[Tensor, Tensor, Tensor]
DECAYS = st.sampled_from(
    [Decay("gaussian", 0.5), Decay("gaussian", 0.1), Decay("linear", 0.3), Decay("linear", 0.01)]
)


SCORES = torch.tensor([0.97, 0.83, 0.71, 0.59, 0.37])
"""No two of which a decay makes equal; of equal ones, rounding would decide which goes first."""


def assert_equals_the_loop(scene: Scene, decay: Decay, least: float) -> None:
    boxes, scores, group = scene
    scores = SCORES[(5 * scores).round().long() - 1]
    rows, lowered = soft_nms(boxes, scores, decay, least, group)
    plain = (boxes.tolist(), scores.tolist(), (decay.name, decay.limit), least, group.tolist())
    expected = soft(*plain)
    assert rows.tolist() == [row for row, _ in expected]
    assert lowered.tolist() == pytest.approx([score for _, score in expected], rel=1e-9)


@given(scenes(), DECAYS, st.sampled_from([0.001, 0.25]))
def test_equals_the_loop(scene: Scene, decay: Decay, least: float) -> None:
    assert_equals_the_loop(scene, decay, least)


@given(scenes(), DECAYS)
def test_equals_the_loop_in_blocks(scene: Scene, decay: Decay) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", 6)
        patch.setattr(module, "PAIR_LIMIT", 3)
        assert_equals_the_loop(scene, decay, 0.05)


@pytest.mark.parametrize("decay", [Decay("gaussian", 0.5), Decay("linear", 0.3)])
def test_a_crowd_equals_the_loop(decay: Decay) -> None:
    boxes, scores, group = crowd(300)
    assert_equals_the_loop((boxes, (5 * scores).ceil() / 5, group), decay, 0.01)


def test_hand_worked_scores() -> None:
    # IoU 1/2, then none; the third is the better of the last two once the second has fallen.
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 5, 10], [20, 0, 30, 10]])
    scores = torch.tensor([0.9, 0.8, 0.6])
    rows, lowered = soft_nms(boxes, scores, Decay("gaussian", 0.5), 0.001)
    assert rows.tolist() == [0, 2, 1]
    assert lowered.tolist() == pytest.approx([0.9, 0.6, 0.8 * math.exp(-0.5)], rel=1e-6)
    rows, lowered = soft_nms(boxes, scores, Decay("linear", 0.3), 0.001)
    assert lowered.tolist() == pytest.approx([0.9, 0.6, 0.4], rel=1e-6)
    rows, lowered = soft_nms(boxes, scores, Decay("linear", 0.5), 0.001)
    assert rows.tolist() == [0, 1, 2]


def test_a_box_below_the_floor_is_dropped_and_one_at_it_stays() -> None:
    boxes = torch.tensor([[0.0, 0, 1, 1], [5, 5, 6, 6], [8, 8, 9, 9]])
    scores = torch.tensor([0.25, 0.1, 0.0999])
    assert soft_nms(boxes, scores, Decay("gaussian", 0.5), 0.1)[0].tolist() == [0, 1]


def test_an_equal_box_falls_to_nothing_under_the_linear_decay() -> None:
    boxes = torch.tensor([[0.0, 0, 1, 1], [0, 0, 1, 1]])
    rows, _ = soft_nms(boxes, torch.tensor([0.9, 0.9]), Decay("linear", 0.3), 1e-6)
    assert rows.tolist() == [0]


@given(scenes(), DECAYS, st.randoms(use_true_random=False))
def test_the_order_of_boxes_decides_only_between_equal_scores(
    scene: Scene, decay: Decay, random: object
) -> None:
    boxes, _, group = scene
    scores = torch.linspace(0.9, 0.3, len(boxes))
    shuffled = torch.randperm(len(boxes), generator=torch.Generator().manual_seed(len(boxes)))
    rows, lowered = soft_nms(boxes, scores, decay, 0.01, group)
    again, same = soft_nms(boxes[shuffled], scores[shuffled], decay, 0.01, group[shuffled])
    assert dict(zip(shuffled[again].tolist(), same.tolist(), strict=True)) == dict(
        zip(rows.tolist(), lowered.tolist(), strict=True)
    )


def test_twenty_thousand_boxes_of_one_place_fit_into_memory() -> None:
    boxes = torch.tensor([[5.0, 5, 45, 25]]).repeat(20_000, 1)
    rows, lowered = soft_nms(boxes, torch.linspace(0.2, 0.9, 20_000), Decay("gaussian", 0.5), 0.001)
    # exp(-2) a time: 0.9, 0.12, 0.016, 0.0022.
    assert rows.tolist() == [19_999, 19_998, 19_997, 19_996]
    assert lowered[0] == pytest.approx(0.9)


def test_no_boxes_and_one() -> None:
    decay = Decay("gaussian", 0.5)
    assert len(soft_nms(torch.zeros(0, 4), torch.zeros(0), decay, 0.1)[0]) == 0
    rows, lowered = soft_nms(torch.ones(1, 4), torch.tensor([0.5]), decay, 0.1)
    assert (rows.tolist(), lowered.tolist()) == ([0], [0.5])


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="scores: row 0 of 1 is not a number"):
        soft_nms(torch.ones(1, 4), torch.tensor([torch.nan]), Decay("linear", 0.3), 0.1)
