"""The COCO protocol: AP over IoU .50:.05:.95 at 101 recall points, by hotcoco."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import hotcoco
import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import LabelledImage
from detector.detections import Detections
from detector.evaluation.checks import require_fit
from detector.evaluation.curves import PrCurve

MAX_DETS: Final = (1, 10, 100, 500)
"""Detections per image and class that count, best first. COCO's own is 100; an image from a
drone can hold more objects than that, so the figures at 500 stand first here."""

_ALL, _SMALL, _MEDIUM, _LARGE = range(4)
_IOU_50, _IOU_75 = 0, 5


@dataclass(frozen=True, slots=True)
class CocoFigures:
    """Average precision and recall of one class, or their mean over the classes.

    All are shares within 0..1, and NaN where there is no object to find.

    Attributes:
        name: The class, or `all`: the plain mean over the classes that have objects.
        max_dets: Detections per image and class that count, best first.
        objects: Labelled objects, ignore regions left out.
        ap: Mean over IoU .50:.05:.95.
        ap50: At IoU .50.
        ap75: At IoU .75.
        ap_small: Of objects under 32 x 32 pixels.
        ap_medium: Of objects from there to 96 x 96 pixels.
        ap_large: Of larger objects.
        ar: Average recall: the mean over the same IoUs of the recall of all detections.
    """

    name: str
    max_dets: int
    objects: int
    ap: float
    ap50: float
    ap75: float
    ap_small: float
    ap_medium: float
    ap_large: float
    ar: float


@dataclass(frozen=True, slots=True)
class CocoResult:
    """What an evaluation after the COCO protocol gives.

    Attributes:
        images: Number of images.
        overall: Means over the classes at maxDets 500.
        overall_100: Means over the classes at maxDets 100, as COCO and most papers print them.
        ar: Average recall by maxDets: 1, 10, 100 and 500.
        classes: Figures of each class at maxDets 500, in the order of the class list.
        curves: Of each class at IoU .50 and maxDets 500, precision raised to the best at that
            recall or a larger, at the 101 recall points; their `ap` is the class's `ap50`.
    """

    images: int
    overall: CocoFigures
    overall_100: CocoFigures
    ar: dict[int, float]
    classes: tuple[CocoFigures, ...]
    curves: tuple[PrCurve, ...]


def evaluate_coco(
    truth: Sequence[LabelledImage], detections: Sequence[Detections], class_names: Sequence[str]
) -> CocoResult:
    """The figures of detections against labels after the COCO protocol.

    An ignore region stands for any number of objects of every class: a detection with enough
    of its own area inside counts neither for nor against. An object at IoU exactly at a
    threshold is found.

    Args:
        truth: The labelled images.
        detections: One for each image, in the same order; any number of each.
        class_names: Names of the class ids of both.

    Raises:
        ValueError: If there is no image, the two differ in length, or a class id has no name.
    """
    require_fit(truth, detections, len(class_names))
    evaluation = _evaluated(truth, detections, class_names)
    precision: NDArray[np.float64] = evaluation["precision"]
    recall: NDArray[np.float64] = evaluation["recall"]
    counts = np.bincount(np.concatenate([t.class_ids for t in truth]), minlength=len(class_names))

    def figures(name: str, rows: slice, max_dets: int) -> CocoFigures:
        at = MAX_DETS.index(max_dets)
        return CocoFigures(
            name=name,
            max_dets=max_dets,
            objects=int(counts[rows].sum()),
            ap=_mean(precision[:, :, rows, _ALL, at]),
            ap50=_mean(precision[_IOU_50, :, rows, _ALL, at]),
            ap75=_mean(precision[_IOU_75, :, rows, _ALL, at]),
            ap_small=_mean(precision[:, :, rows, _SMALL, at]),
            ap_medium=_mean(precision[:, :, rows, _MEDIUM, at]),
            ap_large=_mean(precision[:, :, rows, _LARGE, at]),
            ar=_mean(recall[:, rows, _ALL, at]),
        )

    every = slice(None)
    classes = tuple(figures(n, slice(row, row + 1), 500) for row, n in enumerate(class_names))
    return CocoResult(
        images=len(truth),
        overall=figures("all", every, 500),
        overall_100=figures("all", every, 100),
        ar={max_dets: figures("all", every, max_dets).ar for max_dets in MAX_DETS},
        classes=classes,
        curves=tuple(_curve(evaluation, at, row) for at, row in enumerate(classes)),
    )


def _curve(evaluation: dict[str, Any], class_id: int, row: CocoFigures) -> PrCurve:
    cell = np.s_[_IOU_50, :, class_id, _ALL, MAX_DETS.index(500)]
    part = slice(None if row.objects else 0)
    precision, scores = evaluation["precision"][cell][part], evaluation["scores"][cell][part]
    recall = np.linspace(0, 1, 101)[part]
    return PrCurve(row.name, row.objects, recall, precision, scores, row.ap50)


def _evaluated(
    truth: Sequence[LabelledImage], detections: Sequence[Detections], class_names: Sequence[str]
) -> dict[str, Any]:
    """`precision` by IoU, recall, class, area, maxDets; `recall` by the same without the 2nd."""
    labels = hotcoco.COCO(coco_labels(truth, class_names))
    evaluation = hotcoco.COCOeval(labels, labels.load_res(coco_detections(detections)), "bbox")
    evaluation.params.max_dets = list(MAX_DETS)
    evaluation.evaluate()
    evaluation.accumulate()
    return evaluation.eval or {}


def coco_labels(truth: Sequence[LabelledImage], class_names: Sequence[str]) -> dict[str, Any]:
    """The labels as the dictionary of a COCO json file; image ids are positions from 0.

    Ignore regions are written as `iscrowd = 1`, one per class: pycocotools overwrites `ignore`.
    """
    annotations: list[dict[str, Any]] = []

    def add(image_id: int, box: NDArray[np.float32], class_id: int, *, crowd: bool) -> None:
        x1, y1, x2, y2 = box.tolist()
        annotations.append(
            {
                "id": len(annotations) + 1,
                "image_id": image_id,
                "category_id": class_id,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "area": (x2 - x1) * (y2 - y1),
                "iscrowd": int(crowd),
            }
        )

    for image_id, image in enumerate(truth):
        for box, class_id in zip(image.boxes, image.class_ids.tolist(), strict=True):
            add(image_id, box, class_id, crowd=False)
        for box in image.ignore:
            for class_id in range(len(class_names)):
                add(image_id, box, class_id, crowd=True)
    return {
        "images": [
            {"id": at, "file_name": t.path.name, "width": t.image_wh[0], "height": t.image_wh[1]}
            for at, t in enumerate(truth)
        ],
        "categories": [{"id": row, "name": name} for row, name in enumerate(class_names)],
        "annotations": annotations,
    }


def coco_detections(detections: Sequence[Detections]) -> NDArray[np.float64]:
    """`(N, 7)` float64: image id (position from 0), x, y, w, h, score, class id."""
    rows = np.zeros((sum(map(len, detections)), 7))
    start = 0
    for image_id, found in enumerate(detections):
        part = rows[start : start + len(found)]
        part[:, 0] = image_id
        part[:, 1:5] = found.boxes
        part[:, 3:5] -= part[:, 1:3]
        part[:, 5] = found.scores
        part[:, 6] = found.class_ids
        start += len(found)
    return rows


def _mean(values: NDArray[np.float64]) -> float:
    """Mean of the entries that are measured; -1 marks those without an object."""
    measured = values[values > -1]
    return float(measured.mean()) if len(measured) else float("nan")
