"""The training loss of TPH-YOLOv5: CIoU for boxes, binary cross-entropy for the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from detector.data.targets import Targets
from detector.training.assignment import Positives, assign
from detector.training.distributed import World
from detector.training.loss_config import FocalConfig, LossConfig

THREE_LEVELS = (4.0, 1.0, 0.4)
"""Weight of each head's objectness loss, finest first, where there are three."""

LEVELS = (4.0, 1.0, 0.25, 0.06)
"""The same for another number of heads."""


@dataclass(frozen=True, slots=True)
class LossParts:
    """The parts of a loss after their gains: scalars."""

    box: Tensor
    objectness: Tensor
    classification: Tensor


class DetectionLoss:
    """The loss of batches.

    Args:
        config: Gains as they take effect; `class_weights` is not `frequency` any more.
        anchors_px: `(heads, A, 2)`.
        strides: Pixels per cell of each head, finest first.
        world: The processes that share a batch; means are over the whole batch.
    """

    def __init__(
        self, config: LossConfig, anchors_px: Tensor, strides: Sequence[int], world: World
    ) -> None:
        self._config = config
        self._anchors_px = anchors_px
        self._strides = strides
        self._world = world

    def __call__(
        self, logits: Sequence[Tensor], targets: Targets, ignored: Sequence[Tensor] | None = None
    ) -> tuple[Tensor, LossParts]:
        """The loss of this process's share of a batch, and its parts.

        Args:
            logits: What the network gives, finest head first.
            targets: The objects of the share.
            ignored: For each head `(B, h, w)` bool, cells that train no objectness, but for the
                anchors whose prediction overlaps an object that is theirs; `None`: all train.

        Returns:
            The sum of the parts times the size of the whole batch, and the parts. Summed over
            the processes, both are those of the whole batch.
        """
        heads = [
            self._sums(level, head.float(), targets, None if ignored is None else ignored[level])
            for level, head in enumerate(logits)
        ]
        counts = torch.stack([torch.stack((head.positives, head.cells)) for head in heads])
        positives, cells = self._world.total(counts).clamp(min=1).unbind(1)
        balance = logits[0].new_tensor(
            THREE_LEVELS if len(heads) == 3 else LEVELS[: len(heads)], dtype=torch.float32
        )
        box = (torch.stack([head.box for head in heads]) / positives).sum()
        objectness = (balance * torch.stack([head.objectness for head in heads]) / cells).sum()
        classification = (torch.stack([head.classification for head in heads]) / positives).sum()
        parts = LossParts(
            box * self._config.box,
            objectness * self._config.objectness,
            classification * self._config.classification,
        )
        total = parts.box + parts.objectness + parts.classification
        return total * (len(logits[0]) * self._world.size), parts

    def _sums(
        self, level: int, head: Tensor, targets: Targets, ignored: Tensor | None
    ) -> _HeadSums:
        anchors, stride = self._anchors_px[level], self._strides[level]
        positives = assign(targets, anchors, head.shape[2:4], stride, self._config.ratio_limit)
        truth = head.new_zeros(head.shape[:4])
        box = classification = head.new_zeros(())
        if len(positives.image):
            at = (positives.image, positives.anchor, positives.row, positives.column)
            found = head[at]
            iou = ciou(_decode_cells(found, positives, anchors / stride), positives.boxes)
            box = (1 - iou).sum()
            _keep_best(truth, at, iou.detach())
            classification = _class_loss(found[:, 5:], positives.class_ids, self._config)
        objectness, cells = _objectness_loss(head[..., 4], truth, self._config, ignored)
        count = cells.new_tensor(len(positives.image))
        return _HeadSums(box, objectness, classification, count, cells)


@dataclass(frozen=True, slots=True)
class _HeadSums:
    """Sums over the positives and over the cells of a head, and how many those are."""

    box: Tensor
    objectness: Tensor
    classification: Tensor
    positives: Tensor
    cells: Tensor


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


def _class_loss(logits: Tensor, class_ids: Tensor, config: LossConfig) -> Tensor:
    """Summed over the positives, the mean over the classes; none where there is one class."""
    classes = logits.shape[1]
    if classes == 1:
        return logits.new_zeros(())
    truth = F.one_hot(class_ids, classes).to(logits.dtype)
    loss = _cross_entropy(logits, truth, config.class_positive, config.focal).mean(1)
    if config.class_weights is not None:
        assert not isinstance(config.class_weights, str)
        loss = loss * logits.new_tensor(config.class_weights)[class_ids]
    return loss.sum()


def _objectness_loss(
    logits: Tensor, truth: Tensor, config: LossConfig, ignored: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Summed over the cells that train, and how many those are."""
    loss = _cross_entropy(logits, truth, config.objectness_positive, config.focal)
    if ignored is None:
        return loss.sum(), torch.tensor(loss.numel(), device=loss.device)
    trains = ~ignored[:, None] | (truth > 0)
    return (loss * trains).sum(), trains.sum()


def _cross_entropy(
    logits: Tensor, truth: Tensor, positive_weight: float, focal: FocalConfig | None
) -> Tensor:
    """Binary cross-entropy of each element, with the factors of focal loss where asked for.

    The paper's factors are for truths of 0 and 1; between them they are interpolated.
    """
    weight = logits.new_tensor(positive_weight)
    loss = F.binary_cross_entropy_with_logits(logits, truth, pos_weight=weight, reduction="none")
    if focal is None:
        return loss
    found = logits.sigmoid()
    missed = truth * (1 - found) + (1 - truth) * found
    alpha = truth * focal.alpha + (1 - truth) * (1 - focal.alpha)
    # A power below 1 has no finite slope at 0.
    return loss * alpha * missed.clamp(min=1e-7) ** focal.gamma


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
