"""Measuring a network while it trains: the same tiled detector that users run."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

from detector.config import DetectorConfig
from detector.data.annotations import LabelledImage
from detector.detections import Detections
from detector.evaluation.coco import CocoResult, evaluate_coco
from detector.evaluation.run import detect_images
from detector.inference.tiled import TiledDetector
from detector.inference.torch_backend import TorchBackend
from detector.model.network import Network

LOWEST_SCORE = 0.01
"""Of the detections that count; weaker ones hardly change the precision and cost time."""


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """What a network finds on held-out images, and how good that is.

    Attributes:
        images: With their labels.
        detections: One for each image, in the same order.
        result: Figures after the COCO protocol.
    """

    images: Sequence[LabelledImage]
    detections: Sequence[Detections]
    result: CocoResult

    @property
    def figures(self) -> dict[str, float]:
        """`AP` and `AP50` over all classes and `AP50 NAME` of each that has objects, in 0..1."""
        figures = {"AP": self.result.overall.ap, "AP50": self.result.overall.ap50}
        for row in self.result.classes:
            if row.objects:
                figures[f"AP50 {row.name}"] = row.ap50
        return {name: round(value, 4) for name, value in figures.items()}


def measure(model: Network, images: Sequence[LabelledImage], device: str) -> Measurement:
    """A measurement of a network on held-out images after the COCO protocol.

    Args:
        model: Left as it is.
        images: At least one.
        device: As in `DetectorConfig`.
    """
    config = DetectorConfig(device=device, confidence=LOWEST_SCORE)
    detector = TiledDetector(TorchBackend(config, copy.deepcopy(model)), config)
    detections = tuple(detect_images(detector, images))
    return Measurement(images, detections, evaluate_coco(images, detections, detector.class_names))
