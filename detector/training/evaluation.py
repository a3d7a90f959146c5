"""Measuring a network while it trains: the same tiled detector that users run."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from detector.config import DetectorConfig
from detector.data.annotations import LabelledImage
from detector.evaluation.run import evaluate_detector
from detector.inference.tiled import TiledDetector
from detector.inference.torch_backend import TorchBackend
from detector.model.network import Network

LOWEST_SCORE = 0.01
"""Of the detections that count; weaker ones hardly change the precision and cost time."""


def measure(model: Network, images: Sequence[LabelledImage], device: str) -> dict[str, float]:
    """Figures of a network on held-out images after the COCO protocol, in 0..1.

    Args:
        model: Left as it is.
        images: At least one.
        device: As in `DetectorConfig`.

    Returns:
        `AP` and `AP50` over all classes, and `AP50 NAME` of each class that has objects.
    """
    config = DetectorConfig(device=device, confidence=LOWEST_SCORE)
    detector = TiledDetector(TorchBackend(config, copy.deepcopy(model)), config)
    result = evaluate_detector(detector, images)
    figures = {"AP": result.overall.ap, "AP50": result.overall.ap50}
    for row in result.classes:
        if row.objects:
            figures[f"AP50 {row.name}"] = row.ap50
    return {name: round(value, 4) for name, value in figures.items()}
