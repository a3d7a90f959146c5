"""The protocols by name."""

from __future__ import annotations

from enum import StrEnum

from detector.evaluation import uavdt


class Protocol(StrEnum):
    """How detections are scored. Figures of two protocols do not compare."""

    COCO = "coco"
    VISDRONE = "visdrone"
    UAVDT = "uavdt"

    @property
    def iou(self) -> float:
        """Of the curves and the pictures."""
        return uavdt.IOU if self is Protocol.UAVDT else 0.5
