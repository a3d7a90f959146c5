"""What becomes of candidates that overlap, as the config says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from detector.config import (
    AnySuppressionConfig,
    DiouNmsConfig,
    NmsConfig,
    SoftNmsConfig,
    WbfConfig,
)
from detector.inference.candidates import Candidates
from detector.inference.fusion import fuse_boxes
from detector.inference.nms import nms
from detector.inference.soft_nms import Decay, soft_nms
from detector.inference.tensors import set_rows, take


@dataclass(frozen=True, slots=True)
class Sources:
    """What looked at the images.

    Attributes:
        weights: Of each source, as `Candidates.source` counts them.
        looks: Given `(K, 4)` boxes and the `(K,)` images they are in, how often each source
            looked at the place of each box, `(K,)` of 1 or more; once if `None`.
    """

    weights: tuple[float, ...]
    looks: Callable[[Tensor, Tensor], Tensor] | None = None


def suppress(
    candidates: Candidates, config: AnySuppressionConfig, least_score: float, sources: Sources
) -> Candidates:
    """The objects of each image, at most as many as there are candidates, in no set order.

    Boxes of different images never meet. Equal input gives equal output.

    Args:
        candidates: Of any number of images.
        config: Chooses the algorithm.
        least_score: Of an object; fusing and decaying lower scores.
        sources: What the candidates come from, for fusion.

    Raises:
        ValueError: If a score is not a number.
    """
    group = candidates.group(class_aware=config.class_aware)
    boxes, scores = candidates.boxes, candidates.scores
    match config:
        case NmsConfig():
            return candidates[nms(boxes, scores, config.iou, group)]
        case DiouNmsConfig():
            power = config.power
            return candidates[nms(boxes, scores, config.iou, group, distance_power=power)]
        case SoftNmsConfig():
            limit = config.sigma if config.decay == "gaussian" else config.iou
            decay = Decay(config.decay, limit)
            rows, lowered = soft_nms(boxes, scores, decay, least_score, group)
            return replace(candidates[rows], scores=lowered.float())
        case WbfConfig():
            return _fuse(candidates, config, least_score, sources)


def overlap_limit(config: AnySuppressionConfig) -> float:
    """The intersection over union above which no two objects of one image are left.

    DIoU-NMS leaves some, if their centres are far apart; so does Soft-NMS, whatever it is.
    """
    return 1.0 if isinstance(config, SoftNmsConfig) else config.iou


def _fuse(
    candidates: Candidates, config: WbfConfig, least_score: float, sources: Sources
) -> Candidates:
    candidates = candidates[set_rows(candidates.scores >= config.skip_score)]
    weights = torch.tensor(sources.weights, dtype=torch.float64, device=candidates.scores.device)
    scores = candidates.scores.double() * take(weights, candidates.source)
    group = candidates.group(class_aware=config.class_aware)
    fused = fuse_boxes(candidates.boxes, scores, config.iou, group)
    best = candidates[fused.best]
    looks = torch.ones_like(fused.parts)
    if sources.looks is not None:
        looks = sources.looks(fused.boxes, best.image)
    seen = torch.minimum(fused.parts, looks * len(weights)) / (looks * weights.sum())
    scores = (fused.scores * seen).float()
    objects = replace(best, boxes=fused.boxes.float(), scores=scores)
    return objects[set_rows(scores >= least_score)]
