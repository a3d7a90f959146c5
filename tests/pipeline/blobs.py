"""A detector that needs no network: whatever stands out from the ground."""

from __future__ import annotations

import os
import signal
import zlib
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from detector.config import DetectorConfig
from detector.detections import Detections, Image
from pipeline.errors import InputError

LEAST_CONTRAST = 70
DARK = 30
DEATHS = int(os.environ.get("MORTAL_DEATHS", "1"))
LEAST_AREA, MOST_AREA = 12, 4000


class Blobs:
    """Small patches that are brighter or darker than what is about them.

    It also depends on which frames it gets together, as a network's last digits do.
    """

    class_names = ("car", "truck", "bus")

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        together = zlib.crc32(b"".join(image[::16, ::16].tobytes() for image in images)) % 100
        return [self._found(image, together / 100_000) for image in images]

    def _found(self, image: Image, change: float) -> Detections:
        gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        outstanding = cv2.absdiff(gray, cv2.medianBlur(gray, 21)) > LEAST_CONTRAST
        _, _, stats, _ = cv2.connectedComponentsWithStats(outstanding.astype(np.uint8))
        x, y, w, h, area = stats[1:].T
        right = (area >= LEAST_AREA) & (area <= MOST_AREA)
        boxes = np.column_stack((x, y, x + w, y + h))[right].astype(np.float32)
        scores = np.minimum(0.5 + area[right] / 200, 0.99).astype(np.float32) - np.float32(change)
        return Detections(boxes, scores, (w[right] > 1.5 * h[right]).astype(np.int64))


def build_blobs(_: DetectorConfig) -> Blobs:
    """As `pipeline.build.build_detector`, for worker processes."""
    return Blobs()


class Mortal(Blobs):
    """Kills its process at a black picture, until it has done so often enough."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        notes = Path(os.environ["MORTAL_NOTES"])
        for image in images:
            if not image[::16, ::16].max() > DARK and len(list(notes.iterdir())) < DEATHS:
                (notes / str(os.getpid())).touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return super().detect(images)


def build_mortal(_: DetectorConfig) -> Mortal:
    """As `build_blobs`."""
    return Mortal()


def build_none(_: DetectorConfig) -> Blobs:
    """As `build_blobs`, where the weights are missing."""
    raise InputError("w.safetensors: no such file")
