"""Precision over recall: the curve of each class and the area under it.

All-point average precision as in M. Everingham et al., "The PASCAL Visual Object Classes (VOC)
Challenge", IJCV 88(2), 2010, in its form since 2010.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from detector.data.annotations import LabelledImage
from detector.detections import Detections
from detector.evaluation.matching import (
    Floats,
    Mask,
    all_found,
    all_truth,
    match,
    overlapping,
)
from detector.evaluation.regions import in_regions


@dataclass(frozen=True, slots=True, eq=False)
class PrCurve:
    """Precision over recall of one class.

    Attributes:
        name: The class.
        objects: To be found.
        recall: `(K,)` float64 after each detection, best first; empty without objects.
        precision: `(K,)` float64 likewise, as measured, not made monotone.
        scores: `(K,)` float64 of those detections, falling.
        ap: All-point average precision; NaN without objects.
    """

    name: str
    objects: int
    recall: Floats
    precision: Floats
    scores: Floats
    ap: float


def pr_curves(
    truth: Sequence[LabelledImage],
    detections: Sequence[Detections],
    class_names: Sequence[str],
    iou: float = 0.5,
) -> tuple[PrCurve, ...]:
    """The curve of each class, in the order of the names.

    A detection that finds no object and has at least half of its own area in the image's ignore
    regions counts neither for nor against.

    Args:
        truth: The labelled images.
        detections: One for each image.
        class_names: What class ids index.
        iou: Overlap from which on an object is found, above 0.
    """
    objects = all_truth(truth)
    found, scores = all_found(detections)
    took = match(overlapping(objects, found, iou), iou, len(found), len(objects))
    is_hit = took >= 0
    counts = is_hit | ~in_regions(found, truth)
    present = np.bincount(objects.class_ids, minlength=len(class_names)).tolist()
    curves = []
    for class_id, name in enumerate(class_names):
        rows = counts & (found.class_ids == class_id)
        curves.append(pr_curve(name, is_hit[rows], scores[rows], present[class_id]))
    return tuple(curves)


def pr_curve(name: str, is_hit: Mask, scores: Floats, objects: int) -> PrCurve:
    """The curve of detections in falling order of their scores.

    Args:
        name: The class.
        is_hit: `(K,)`, which found an object.
        scores: `(K,)`.
        objects: To be found.
    """
    if objects == 0:
        return PrCurve(name, 0, np.zeros(0), np.zeros(0), np.zeros(0), float("nan"))
    hits = is_hit.cumsum()
    recall = hits / objects
    precision = hits / np.arange(1, len(hits) + 1)
    return PrCurve(name, objects, recall, precision, scores, average_precision(recall, precision))


def average_precision(recall: Floats, precision: Floats) -> float:
    """The area under the curve, each precision raised to the best at that recall or a larger.

    >>> average_precision(np.array([0.5, 0.5, 1.0]), np.array([1.0, 0.5, 2 / 3]))
    0.8333333333333333
    """
    if len(recall) == 0:
        return 0.0
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * best).sum())
