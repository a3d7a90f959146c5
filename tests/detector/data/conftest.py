from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.data.annotations import LabelledImage, no_boxes
from tests.detector.data.painted import Make


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Writes an image of one colour with one box."""

    def image(name: str, colour: tuple[int, int, int], wh: tuple[int, int] = (90, 70)) -> object:
        path = tmp_path / f"{name}.png"
        pixels = np.full((wh[1], wh[0], 3), colour, np.uint8)
        cv2.imwrite(str(path), pixels[..., ::-1])
        box = np.array([[20, 20, 50, 40]], np.float32)
        return LabelledImage(path, wh, box, np.array([1]), no_boxes())

    return image  # type: ignore[return-value]
