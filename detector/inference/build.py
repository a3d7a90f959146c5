"""Chooses the backend of a detector."""

from __future__ import annotations

from detector.config import DetectorConfig
from detector.detections import Detector
from detector.inference.tiled import TiledDetector
from detector.inference.torch_backend import TorchBackend


def build_detector(config: DetectorConfig) -> Detector:
    """The detector that a config describes, its network loaded and on its device.

    Raises:
        ValueError: If the weights, the device or a class name cannot be used.
    """
    return TiledDetector(TorchBackend(config), config)
