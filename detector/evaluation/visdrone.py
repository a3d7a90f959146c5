"""The protocol of the VisDrone-DET toolkit: AP over IoU .50:.05:.95 and AR, all-point.

P. Zhu et al., "Detection and Tracking Meet Drones Challenge", IEEE TPAMI 44(11), 2022. What is
special to it: boxes that lie to at least a half in ignore regions are removed, objects and
detections alike; the best 500 detections of an image count, over all classes together; a mean
over the classes takes each class once for every image that contains it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detector.data.annotations import LabelledImage
from detector.data.visdrone import OTHERS
from detector.detections import Detections
from detector.evaluation.checks import require_fit
from detector.evaluation.curves import PrCurve, pr_curve
from detector.evaluation.matching import Floats, Mask, all_found, all_truth, match, overlapping
from detector.evaluation.regions import HALF, covered_shares

IOUS: Final = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
MAX_DETS: Final = (1, 10, 100, 500)
"""Detections of an image that count for AR, best first, all classes together; AP has the last."""

_IOU_50, _IOU_75 = 0, 5


@dataclass(frozen=True, slots=True)
class VisDroneFigures:
    """Average precision and recall of one class, or their mean over the classes.

    All are shares within 0..1, and NaN where there is no object to find.

    Attributes:
        name: The class, or `all`: the mean over the classes, each as often as `images` says.
        images: That contain the class; of `all`, their sum.
        objects: Labelled objects outside ignore regions.
        ap: Mean over IoU .50:.05:.95.
        ap50: At IoU .50.
        ap75: At IoU .75.
        ar: Average recall by maxDets: the mean over the same IoUs.
    """

    name: str
    images: int
    objects: int
    ap: float
    ap50: float
    ap75: float
    ar: dict[int, float]


@dataclass(frozen=True, slots=True)
class VisDroneResult:
    """What an evaluation after the VisDrone-DET toolkit gives.

    Attributes:
        images: Number of images.
        overall: Means over the classes.
        classes: Figures of each class but "others", in the order of the class list.
        curves: Of the same classes at IoU .50.
    """

    images: int
    overall: VisDroneFigures
    classes: tuple[VisDroneFigures, ...]
    curves: tuple[PrCurve, ...]


def evaluate_visdrone(
    truth: Sequence[LabelledImage], detections: Sequence[Detections], class_names: Sequence[str]
) -> VisDroneResult:
    """The figures of detections against labels after the VisDrone-DET toolkit.

    The toolkit measures the ten classes of VisDrone; here it is all of the class list but
    "others", on whose objects every detection is false. An object at IoU exactly at a threshold
    is found.

    Args:
        truth: The labelled images; their ignore regions are those of category 0 alone.
        detections: One for each image, in the same order.
        class_names: Names of the class ids of both.

    Raises:
        ValueError: If there is no image, the two differ in length, or a class id has no name.
    """
    require_fit(truth, detections, len(class_names))
    truth, detections = counted(truth, detections)
    objects = all_truth(truth)
    found, scores = all_found(detections)
    pairs = overlapping(objects, found, min(IOUS))
    is_hit = np.array([match(pairs, iou, len(found), len(objects)) >= 0 for iou in IOUS])
    holders = [np.unique(image.class_ids) for image in truth]
    images = np.bincount(np.concatenate(holders), minlength=len(class_names)).tolist()
    present = np.bincount(objects.class_ids, minlength=len(class_names)).tolist()

    figures, curves = [], []
    for class_id, name in enumerate(class_names):
        if name != OTHERS:
            rows = found.class_ids == class_id
            hits, best = is_hit[:, rows], scores[rows]
            by_iou = [pr_curve(name, of_iou, best, present[class_id]) for of_iou in hits]
            recalls = _recalls(hits, found.rows[rows], present[class_id])
            figures.append(_class_figures(by_iou, images[class_id], recalls))
            curves.append(by_iou[_IOU_50])
    return VisDroneResult(len(truth), _mean(figures), tuple(figures), tuple(curves))


def counted(
    truth: Sequence[LabelledImage], detections: Sequence[Detections]
) -> tuple[list[LabelledImage], list[Detections]]:
    """What the protocol looks at: no box in ignore regions, detections best first, at most 500."""
    kept_truth, kept_found = [], []
    for image, found in zip(truth, detections, strict=True):
        outside = covered_shares(image.boxes, image.ignore) < HALF
        kept_truth.append(_selected(image, outside))
        outside = covered_shares(found.boxes, image.ignore) < HALF
        order = np.argsort(-found.scores, kind="stable")
        kept_found.append(found[order[outside[order]][: MAX_DETS[-1]]])
    return kept_truth, kept_found


def _selected(image: LabelledImage, rows: Mask) -> LabelledImage:
    codes = {
        name: getattr(image, name)[rows] if len(getattr(image, name)) else getattr(image, name)
        for name in ("truncation", "occlusion")
    }
    return replace(image, boxes=image.boxes[rows], class_ids=image.class_ids[rows], **codes)


def _recalls(hits: Mask, ranks: Floats, objects: int) -> dict[int, float]:
    """Average recall by maxDets; a better detection's match never depends on a worse one."""
    if objects == 0:
        return dict.fromkeys(MAX_DETS, float("nan"))
    return {n: float(hits[:, ranks < n].sum() / objects / len(IOUS)) for n in MAX_DETS}


def _class_figures(
    by_iou: Sequence[PrCurve], images: int, recalls: dict[int, float]
) -> VisDroneFigures:
    aps = [curve.ap for curve in by_iou]
    return VisDroneFigures(
        name=by_iou[0].name,
        images=images,
        objects=by_iou[0].objects,
        ap=float(np.mean(aps)),
        ap50=aps[_IOU_50],
        ap75=aps[_IOU_75],
        ar=recalls,
    )


def _mean(classes: Sequence[VisDroneFigures]) -> VisDroneFigures:
    """Each class counts once for every image that contains it."""
    seen = [row for row in classes if row.images]
    images = sum(row.images for row in seen)

    def mean(values: Sequence[float]) -> float:
        weights = [row.images for row in seen]
        return float(np.average(values, weights=weights)) if seen else float("nan")

    return VisDroneFigures(
        name="all",
        images=images,
        objects=sum(row.objects for row in seen),
        ap=mean([row.ap for row in seen]),
        ap50=mean([row.ap50 for row in seen]),
        ap75=mean([row.ap75 for row in seen]),
        ar={n: mean([row.ar[n] for row in seen]) for n in MAX_DETS},
    )
