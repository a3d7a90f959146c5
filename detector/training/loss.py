"""The training loss of TPH-YOLOv5: CIoU for boxes, binary cross-entropy for the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from detector.training.assignment import Positives, Targets, assign
from detector.training.config import LossConfig

THREE_LEVELS = (4.0, 1.0, 0.4)
"""Weight of each head's objectness loss, finest first, where there are three."""

LEVELS = (4.0, 1.0, 0.25, 0.06)
"""The same for another number of heads."""


@dataclass(frozen=True, slots=True)
class LossParts:
    """The parts of a batch's loss, after their gains: scalars."""

    box: Tensor
    objectness: Tensor
    classification: Tensor


def compute_loss(
    logits: Sequence[Tensor],
    targets: Targets,
    anchors_px: Tensor,
    strides: Sequence[int],
    gains: LossConfig,
    ignored: Sequence[Tensor] | None = None,
) -> tuple[Tensor, LossParts]:
    """The loss of a batch and its parts.

    Args:
        logits: What the network gives, finest head first.
        targets: The objects of the batch.
        anchors_px: `(heads, A, 2)`.
        strides: Pixels per cell of each head.
        gains: Weights of the parts.
        ignored: For each head `(B, h, w)` bool, cells that train no objectness, but for the
            anchors whose prediction overlaps an object that is theirs; `None`: all cells train.

    Returns:
        The sum of the parts times the batch size, and the parts.
    """
    zero = logits[0].new_zeros((), dtype=torch.float32)
    box, objectness, classification = zero, zero, zero
    balance = THREE_LEVELS if len(logits) == 3 else LEVELS
    for level, head in enumerate(logits):
        head = head.float()  # noqa: PLW2901
        stride = strides[level]
        positives = assign(targets, anchors_px[level], head.shape[2:4], stride, gains.ratio_limit)
        truth = head.new_zeros(head.shape[:4])
        if len(positives.image):
            at = (positives.image, positives.anchor, positives.row, positives.column)
            found = head[at]
            iou = ciou(_decode_cells(found, positives, anchors_px[level] / stride), positives.boxes)
            box = box + (1 - iou).mean()
            _keep_best(truth, at, iou.detach())
            classification = classification + _class_loss(found, positives.class_ids, gains)
        objectness = objectness + balance[level] * _objectness_loss(
            head[..., 4], truth, gains, None if ignored is None else ignored[level]
        )
    parts = LossParts(
        box * gains.box, objectness * gains.objectness, classification * gains.classification
    )
    return (parts.box + parts.objectness + parts.classification) * logits[0].shape[0], parts


def _keep_best(truth: Tensor, at: tuple[Tensor, ...], iou: Tensor) -> None:
    """Writes overlaps into a map of zeros; where objects share a cell, the best one counts.

    The published code sorts by overlap and writes in that order, which a GPU does not promise
    to keep; a maximum gives the same map.
    """
    strides = torch.tensor(truth.stride(), device=truth.device)
    place = (torch.stack(at, 1) * strides).sum(1)
    truth.view(-1).scatter_reduce_(0, place, iou, "amax")


def _decode_cells(found: Tensor, positives: Positives, anchors: Tensor) -> Tensor:
    """Predicted boxes of the positives, in cells, centre relative to the cell."""
    centre = found[:, :2].sigmoid() * 2 - 0.5
    size = (found[:, 2:4].sigmoid() * 2) ** 2 * anchors[positives.anchor]
    return torch.cat((centre, size), 1)


def _class_loss(found: Tensor, class_ids: Tensor, gains: LossConfig) -> Tensor:
    classes = found.shape[1] - 5
    if classes == 1:
        return found.new_zeros(())
    truth = F.one_hot(class_ids, classes).to(found.dtype)
    weight = found.new_tensor(gains.class_positive)
    return F.binary_cross_entropy_with_logits(found[:, 5:], truth, pos_weight=weight)


def _objectness_loss(
    logits: Tensor, truth: Tensor, gains: LossConfig, ignored: Tensor | None
) -> Tensor:
    weight = logits.new_tensor(gains.objectness_positive)
    loss = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=weight, reduction="none")
    if ignored is None:
        return loss.mean()
    trains = ~ignored[:, None] | (truth > 0)
    return (loss * trains).sum() / trains.sum().clamp(min=1)


def ciou(first: Tensor, second: Tensor) -> Tensor:
    """Complete IoU of pairs of boxes (Zheng et al., AAAI 2020), `(P,)`, at most 1.

    Both `(P, 4)`: centre x, centre y, width, height.
    """
    eps = 1e-7
    low_1, high_1 = first[:, :2] - first[:, 2:] / 2, first[:, :2] + first[:, 2:] / 2
    low_2, high_2 = second[:, :2] - second[:, 2:] / 2, second[:, :2] + second[:, 2:] / 2
    overlap = (torch.minimum(high_1, high_2) - torch.maximum(low_1, low_2)).clamp(0).prod(1)
    union = first[:, 2:].prod(1) + second[:, 2:].prod(1) - overlap + eps
    iou = overlap / union
    hull = torch.maximum(high_1, high_2) - torch.minimum(low_1, low_2)
    diagonal = hull.square().sum(1) + eps
    distance = (first[:, :2] - second[:, :2]).square().sum(1)
    angle_1 = torch.atan(first[:, 2] / (first[:, 3] + eps))
    angle_2 = torch.atan(second[:, 2] / (second[:, 3] + eps))
    v = 4 / math.pi**2 * (angle_1 - angle_2) ** 2
    with torch.no_grad():
        alpha = v / (v - iou + 1 + eps)
    return iou - distance / diagonal - alpha * v
