"""Predictions and their decoding."""

from __future__ import annotations

import math

import torch

from detector.model.detect import Detect, decode
from detector.model.family import COCO_ANCHORS_PX


def test_decoding_by_hand() -> None:
    logits = [torch.full((1, 3, side, side, 6), -50.0) for side in (4, 2, 1)]
    logits[0][0, 1, 2, 3] = 0.0  # sigmoid 1/2: the cell's centre and the anchor's own size
    third = math.log(3)  # sigmoid 3/4
    logits[1][0, 2, 0, 1] = torch.tensor([third, -third, third, -third, third, -third])
    out = decode(logits, torch.tensor(COCO_ANCHORS_PX), (8, 16, 32))
    assert out.shape == (1, 3 * (16 + 4 + 1), 6)
    torch.testing.assert_close(
        out[0, 16 + 2 * 4 + 3], torch.tensor([28.0, 20.0, 16.0, 30.0, 0.5, 0.5])
    )
    # Centre 2 * 3/4 - 1/2 + 1 and 2 * 1/4 - 1/2 + 0 cells, sides 9/4 and 1/4 of the anchor's.
    torch.testing.assert_close(
        out[0, 48 + 2 * 4 + 1], torch.tensor([32.0, 0.0, 132.75, 29.75, 0.75, 0.25])
    )
    # The lowest logits: half a cell before the corner, no size.
    torch.testing.assert_close(
        out[0, -1], torch.tensor([-16.0, -16.0, 0.0, 0.0, 0.0, 0.0]), atol=1e-6, rtol=0
    )


def test_strides_decide_the_pixels_of_a_cell() -> None:
    logits = [torch.zeros(1, 2, 1, 3, 7) for _ in range(4)]
    anchors = torch.arange(1.0, 17.0).view(4, 2, 2)
    out = decode(logits, anchors, (4, 8, 16, 32))[0].view(4, 2, 3, 7)
    for head, stride in enumerate((4, 8, 16, 32)):
        for anchor in range(2):
            for column in range(3):
                centre = torch.tensor([stride * (column + 0.5), stride / 2])
                torch.testing.assert_close(out[head, anchor, column, :2], centre)
                assert torch.equal(out[head, anchor, column, 2:4], anchors[head, anchor])


@torch.no_grad()
def test_each_map_has_its_convolution() -> None:
    torch.manual_seed(0)
    detect = Detect((3, 5), 7)
    maps = torch.randn(1, 3, 4, 4), torch.randn(1, 5, 2, 2)
    found = detect(torch.empty(0), maps)
    assert all(torch.equal(y, m(x)) for y, m, x in zip(found, detect.m, maps, strict=True))
    assert [p.in_channels for p in detect.predictors] == [3, 5]
