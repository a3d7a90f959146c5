"""The protocol of the UAVDT toolkit: all-point AP at IoU 0.7, all vehicles one class.

D. Du et al., "The Unmanned Aerial Vehicle Benchmark: Object Detection and Tracking", ECCV 2018.
Most papers since report COCO figures on UAVDT's three classes instead, which do not compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from detector.data.annotations import LabelledImage
from detector.detections import Detections
from detector.evaluation.checks import require_fit
from detector.evaluation.curves import PrCurve, pr_curves
from detector.evaluation.matching import Mask

IOU: Final = 0.7
CLASS_NAME: Final = "vehicle"
"""What all classes are merged to."""

TEST_SEQUENCES: Final = (
    *("M0203", "M0205", "M0208", "M0209", "M0403", "M0601", "M0602", "M0606", "M0701", "M0801"),
    *("M0802", "M1001", "M1004", "M1007", "M1009", "M1101", "M1301", "M1302", "M1303", "M1401"),
)
"""The toolkit's figures are over the frames of these."""

TEST_FRAMES: Final = 16_592
"""That they have together."""


@dataclass(frozen=True, slots=True)
class UavdtResult:
    """What an evaluation after the UAVDT toolkit gives.

    Attributes:
        images: Number of images.
        sequences: That they are frames of.
        is_official_split: Whether these are all frames of the toolkit's 20 test sequences.
        objects: Labelled objects.
        detections: That count: those outside ignore rectangles.
        ap: All-point average precision at IoU 0.7, within 0..1; NaN without objects.
        curves: The one class's, at the same IoU.
    """

    images: int
    sequences: int
    is_official_split: bool
    objects: int
    detections: int
    ap: float
    curves: tuple[PrCurve, ...]


def evaluate_uavdt(
    truth: Sequence[LabelledImage], detections: Sequence[Detections], class_names: Sequence[str]
) -> UavdtResult:
    """The figures of detections against labels after the UAVDT toolkit.

    All classes are merged. A detection strictly inside an ignore rectangle is dropped; one that
    touches its border or reaches over it counts. An object at IoU exactly 0.7 is found.

    Args:
        truth: The labelled images.
        detections: One for each image, in the same order, of vehicles alone.
        class_names: Names of the class ids of both.

    Raises:
        ValueError: If there is no image, the two differ in length, or a class id has no name.
    """
    require_fit(truth, detections, len(class_names))
    names = {image.sequence for image in truth}
    truth, detections = counted(truth, detections)
    curves = pr_curves(truth, detections, (CLASS_NAME,), IOU)
    return UavdtResult(
        images=len(truth),
        sequences=len(names),
        is_official_split=names == set(TEST_SEQUENCES) and len(truth) == TEST_FRAMES,
        objects=curves[0].objects,
        detections=sum(map(len, detections)),
        ap=curves[0].ap,
        curves=curves,
    )


def counted(
    truth: Sequence[LabelledImage], detections: Sequence[Detections]
) -> tuple[list[LabelledImage], list[Detections]]:
    """What the protocol looks at: one class, no detection in an ignore rectangle, no rectangles."""
    none = np.zeros((0, 4), np.float32)
    kept_truth = [
        replace(image, class_ids=np.zeros_like(image.class_ids), ignore=none) for image in truth
    ]
    kept_found = []
    for image, found in zip(truth, detections, strict=True):
        left = found[~_strictly_inside(found, image)]
        kept_found.append(replace(left, class_ids=np.zeros_like(left.class_ids)))
    return kept_truth, kept_found


def _strictly_inside(found: Detections, image: LabelledImage) -> Mask:
    """`(D,)`, which detections one of the image's ignore rectangles holds with room all round."""
    boxes, ignore = found.boxes[:, None], image.ignore
    inside = (boxes[..., :2] > ignore[:, :2]) & (boxes[..., 2:] < ignore[:, 2:])
    return np.asarray(inside.all(-1).any(-1), bool)
