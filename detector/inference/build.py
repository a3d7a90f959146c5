"""Chooses the backend of a detector."""

from __future__ import annotations

from detector.config import DetectorConfig
from detector.detections import Detector
from detector.inference.backend import Ensemble
from detector.inference.tiled import TiledDetector
from detector.inference.torch_backend import TorchBackend, load_network


def build_detector(config: DetectorConfig) -> Detector:
    """The detector that a config describes, its networks loaded and on their device.

    Raises:
        ValueError: If the weights, the device or a class name cannot be used, or networks know
            different classes.
    """
    backends = [TorchBackend(config, load_network(weights)) for weights in config.weight_files]
    if len(backends) == 1:
        return TiledDetector(backends[0], config)
    return TiledDetector(Ensemble(config.weight_files, backends), config)
