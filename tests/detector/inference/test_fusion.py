"""Weighted boxes fusion equals the paper's loop, box by box."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from detector.inference import fusion
from detector.inference.fusion import fuse_boxes, reach
from tests.detector.inference.plain import crowd, fuse, iou, scenes

Scene = tuple[Tensor, Tensor, Tensor]
LIMITS = st.sampled_from([0.1, 0.3, 0.45, 0.5, 0.55, 0.67, 0.9])


def assert_equals_the_loop(scene: Scene, limit: float) -> None:
    boxes, scores, group = scene
    found = fuse_boxes(boxes, scores, limit, group)
    expected = fuse(boxes.tolist(), scores.tolist(), limit, group.tolist())
    assert found.best.tolist() == [rows[0] for rows, _ in expected]
    assert found.parts.tolist() == [len(rows) for rows, _ in expected]
    means = [sum(scores.tolist()[row] for row in rows) / len(rows) for rows, _ in expected]
    assert found.scores.tolist() == pytest.approx(means, rel=1e-9)
    for ours, (_, theirs) in zip(found.boxes.tolist(), expected, strict=True):
        assert ours == pytest.approx(theirs, rel=1e-9, abs=1e-6)


def unequal(scene: Scene) -> Scene:
    """The same scene nudged, so that no overlap lies at a threshold up to rounding."""
    boxes, scores, group = scene
    generator = torch.Generator().manual_seed(len(boxes))
    wh = (boxes[:, 2:] - boxes[:, :2]).abs().repeat(1, 2)
    return boxes + 0.01 * wh * torch.rand(boxes.shape, generator=generator), scores, group


@given(scenes(), LIMITS)
@settings(max_examples=200)
def test_equals_the_loop(scene: Scene, limit: float) -> None:
    assert_equals_the_loop(unequal(scene), limit)


@given(scenes(), LIMITS)
@settings(max_examples=200)
def test_equals_the_loop_in_blocks(scene: Scene, limit: float) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fusion, "BLOCK", 6)
        patch.setattr(fusion, "PAIR_LIMIT", 3)
        assert_equals_the_loop(unequal(scene), limit)


@pytest.mark.parametrize("limit", [0.3, 0.55, 0.67])
@pytest.mark.parametrize("block", [64, 1024])
def test_a_crowd_equals_the_loop(limit: float, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fusion, "BLOCK", block)
    monkeypatch.setattr(fusion, "PAIR_LIMIT", 1000)
    assert_equals_the_loop(crowd(600), limit)


@given(st.integers(0, 2**32 - 1), LIMITS)
def test_boxes_that_one_fused_box_binds_are_within_reach(seed: int, limit: float) -> None:
    corners = np.random.default_rng(seed).random((12, 2, 2))
    boxes = np.sort(corners, axis=1).reshape(12, 4).tolist()
    scaled = [grown(box, reach(limit) + 1e-9) for box in boxes]
    for a, b, f in ((a, b, f) for a in range(4) for b in range(4, 8) for f in range(8, 12)):
        if min(iou(boxes[a], boxes[f]), iou(boxes[b], boxes[f])) > limit:
            assert iou(scaled[a], scaled[b]) > 0


def grown(box: list[float], factor: float) -> list[float]:
    x, y, w, h = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]
    return [x - factor * w / 2, y - factor * h / 2, x + factor * w / 2, y + factor * h / 2]


def test_hand_worked_fusion() -> None:
    # 0.8 and 0.4 weigh two to one; the third box is alone.
    boxes = torch.tensor([[0.0, 0, 10, 10], [3, 0, 13, 10], [40, 0, 50, 10]])
    found = fuse_boxes(boxes, torch.tensor([0.8, 0.4, 0.5]), 0.5)
    assert found.boxes.tolist()[0] == pytest.approx([1, 0, 11, 10], rel=1e-6)
    assert found.boxes.tolist()[1] == [40, 0, 50, 10]
    assert found.scores.tolist() == pytest.approx([0.6, 0.5], rel=1e-6)
    assert (found.parts.tolist(), found.best.tolist()) == ([2, 1], [0, 2])


def test_the_threshold_itself_does_not_fuse() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 5, 10]])
    scores = torch.tensor([0.9, 0.8])
    assert len(fuse_boxes(boxes, scores, 0.5).parts) == 2
    assert len(fuse_boxes(boxes, scores, 0.4999).parts) == 1


def test_a_fused_box_moves_and_takes_what_its_first_part_would_not() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [3, 0, 13, 10], [5.2, 0, 15.2, 10]])
    assert iou(boxes[0].tolist(), boxes[2].tolist()) < 0.4
    found = fuse_boxes(boxes, torch.tensor([0.9, 0.9, 0.9]), 0.4)
    assert found.parts.tolist() == [3]


@given(scenes())
def test_every_box_is_part_of_one_and_what_overlaps_nothing_stays_as_it_is(scene: Scene) -> None:
    boxes, scores, group = scene
    found = fuse_boxes(boxes, scores, 0.55, group)
    assert int(found.parts.sum()) == len(boxes)
    assert len(set(found.best.tolist())) == len(found.best)
    alone = found.parts == 1
    assert torch.equal(found.boxes[alone], boxes[found.best[alone]].double())
    assert torch.equal(found.scores[alone], scores[found.best[alone]].double())


@given(scenes())
def test_the_order_of_boxes_decides_only_between_equal_scores(scene: Scene) -> None:
    boxes, _, group = unequal(scene)
    scores = torch.linspace(0.9, 0.3, len(boxes))
    shuffled = torch.randperm(len(boxes), generator=torch.Generator().manual_seed(len(boxes)))
    found = fuse_boxes(boxes, scores, 0.55, group)
    again = fuse_boxes(boxes[shuffled], scores[shuffled], 0.55, group[shuffled])
    assert shuffled[again.best].tolist() == found.best.tolist()
    torch.testing.assert_close(again.boxes, found.boxes)


def test_two_thousand_boxes_of_one_place_become_one() -> None:
    boxes = torch.tensor([[5.0, 5, 45, 25]]).repeat(2000, 1)
    found = fuse_boxes(boxes, torch.linspace(0.2, 0.9, 2000), 0.67)
    assert found.parts.tolist() == [2000]
    assert found.boxes.tolist()[0] == pytest.approx([5, 5, 45, 25])


def test_no_boxes_fuse_to_none() -> None:
    assert len(fuse_boxes(torch.zeros(0, 4), torch.zeros(0), 0.5).parts) == 0


@pytest.mark.parametrize(
    ("score", "message"), [(0.0, "row 1 is not above 0"), (torch.nan, "row 1 of 2 is not a number")]
)
def test_a_score_that_cannot_weigh_is_refused(score: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fuse_boxes(torch.ones(2, 4), torch.tensor([0.5, score]), 0.5)
