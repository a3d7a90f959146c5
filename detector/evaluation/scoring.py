"""What each protocol measures, and what it looks at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from detector.data.annotations import LabelledImage
from detector.detections import Detections
from detector.evaluation import uavdt, visdrone
from detector.evaluation.coco import CocoResult, evaluate_coco
from detector.evaluation.protocol import Protocol

Result: TypeAlias = CocoResult | visdrone.VisDroneResult | uavdt.UavdtResult


def evaluate(
    protocol: Protocol,
    truth: Sequence[LabelledImage],
    detections: Sequence[Detections],
    class_names: Sequence[str],
) -> Result:
    """The figures of detections against labels.

    Raises:
        ValueError: If there is no image, the two differ in length, or a class id has no name.
    """
    match protocol:
        case Protocol.COCO:
            return evaluate_coco(truth, detections, class_names)
        case Protocol.VISDRONE:
            return visdrone.evaluate_visdrone(truth, detections, class_names)
        case Protocol.UAVDT:
            return uavdt.evaluate_uavdt(truth, detections, class_names)


def counted(
    protocol: Protocol,
    truth: Sequence[LabelledImage],
    detections: Sequence[Detections],
    class_names: Sequence[str],
) -> tuple[Sequence[LabelledImage], Sequence[Detections], Sequence[str]]:
    """The labels, detections and class names that a protocol looks at."""
    match protocol:
        case Protocol.COCO:
            return truth, detections, class_names
        case Protocol.VISDRONE:
            return *visdrone.counted(truth, detections), class_names
        case Protocol.UAVDT:
            return *uavdt.counted(truth, detections), (uavdt.CLASS_NAME,)


@dataclass(frozen=True, slots=True)
class Run:
    """One way of measuring: with tiles, without, or from saved detections.

    Attributes:
        name: What tells it from the others: letters alone.
        how: Where the detections are from, for people.
        detections: One for each image.
        result: Their figures.
    """

    name: str
    how: str
    detections: Sequence[Detections]
    result: Result


@dataclass(frozen=True, slots=True)
class Subject:
    """What all runs of a report share.

    Attributes:
        split: Name of the data set and of the part of it that was used.
        protocol: That the figures follow.
        truth: The labelled images.
        class_names: What class ids index.
        settings: Of the detector, and what else made the figures, as plain data.
    """

    split: str
    protocol: Protocol
    truth: Sequence[LabelledImage]
    class_names: Sequence[str]
    settings: dict[str, Any]
