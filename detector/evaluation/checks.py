"""What every protocol asks of labels and detections."""

from __future__ import annotations

from collections.abc import Sequence

from detector.data.annotations import LabelledImage
from detector.detections import Detections


def require_fit(
    truth: Sequence[LabelledImage], detections: Sequence[Detections], classes: int
) -> None:
    """Accepts labels and detections that belong together.

    Raises:
        ValueError: If there is no image, the two differ in length, or a class id is not below
            `classes`.
    """
    if not truth:
        raise ValueError("no image to evaluate on")
    if len(truth) != len(detections):
        raise ValueError(f"{len(truth)} labelled images but {len(detections)} detections")
    for image, found in zip(truth, detections, strict=True):
        for what, ids in (("label", image.class_ids), ("detection", found.class_ids)):
            wrong = ids[(ids < 0) | (ids >= classes)]
            if len(wrong):
                raise ValueError(
                    f"{image.path}: a {what} of class {wrong[0]}; there are {classes} classes"
                )
