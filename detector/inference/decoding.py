"""Candidates of one prediction map."""

from __future__ import annotations

import math

import torch
from torch import Tensor

Found = tuple[Tensor, Tensor, Tensor, Tensor]


def find(
    logits: Tensor, anchors_px: Tensor, stride: int, confidence: float, *, multi_label: bool
) -> Found:
    """What one head finds.

    No class raises a score above its objectness, so that alone sorts out nearly all anchors
    before anything else is computed.

    Args:
        logits: `(B, A, h, w, 5 + classes)`.
        anchors_px: `(A, 2)`.
        stride: Pixels per cell.
        confidence: Least score, objectness times class.
        multi_label: Whether each class that scores so much is a candidate, or the best one only.

    Returns:
        `(K,)` int64 image, `(K, 4)` float32 `x1, y1, x2, y2` in pixels, `(K,)` float32 score and
        `(K,)` int64 class.
    """
    threshold = math.log(confidence / (1 - confidence))
    where = (logits[..., 4] >= threshold).nonzero()
    image, anchor, row, column = where.unbind(1)
    found = logits[image, anchor, row, column].float().sigmoid()
    centre = (2 * found[:, :2] - 0.5 + torch.stack((column, row), 1)) * stride
    half = 2 * found[:, 2:4] ** 2 * anchors_px[anchor]
    boxes = torch.cat((centre - half, centre + half), dim=1)
    if multi_label:
        every = found[:, 4:5] * found[:, 5:]
        kept, class_id = (every >= confidence).nonzero().unbind(1)
        return image[kept], boxes[kept], every[kept, class_id], class_id
    class_score, class_id = found[:, 5:].max(dim=1)
    score = found[:, 4] * class_score
    kept = score >= confidence
    return image[kept], boxes[kept], score[kept], class_id[kept]
