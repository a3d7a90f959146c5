"""A detector that knows the answer, over image files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.data.annotations import LabelledImage
from detector.detections import Detections, Image
from detector.evaluation.run import detect_images


class BrightSquare:
    """Boxes the bright pixels of an image; remembers how many images came at once."""

    class_names = ("square",)

    def __init__(self) -> None:
        self.batches: list[int] = []

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self.batches.append(len(images))
        return [self._detect(image) for image in images]

    def _detect(self, image: Image) -> Detections:
        rows, columns = np.nonzero(image[..., 0] > 128)
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        scores = np.array([0.9], np.float32)
        return Detections(np.array([box], np.float32), scores, np.zeros(1, np.int64))


def scene(folder: Path, count: int) -> list[LabelledImage]:
    labelled = []
    for row in range(count):
        image = np.zeros((60 + row, 90, 3), np.uint8)
        image[10 : 20 + row, 5 * row : 5 * row + 12, 2] = 255  # red, OpenCV's order
        path = folder / f"{row}.png"
        cv2.imwrite(str(path), image)
        box = np.array([[5 * row, 10, 5 * row + 12, 20 + row]], np.float32)
        labelled.append(LabelledImage(path, (90, 60 + row), box, np.zeros(1, np.int64)))
    return labelled


def test_order_and_batches(tmp_path: Path) -> None:
    images, detector = scene(tmp_path, 7), BrightSquare()
    found = list(detect_images(detector, images, batch=3))
    assert [d.boxes.tolist() for d in found] == [image.boxes.tolist() for image in images]
    assert detector.batches == [3, 3, 1]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 5])
def test_one_result_for_each_image(tmp_path: Path, count: int) -> None:
    images = scene(tmp_path, count)
    found = list(detect_images(BrightSquare(), images, batch=2))
    assert [d.boxes.tolist() for d in found] == [image.boxes.tolist() for image in images]


def test_an_image_that_is_not_as_labelled_is_named(tmp_path: Path) -> None:
    (image,) = scene(tmp_path, 1)
    other = LabelledImage(image.path, (9, 9), image.boxes, image.class_ids)
    with pytest.raises(ValueError, match=r"0\.png: 90x60 pixels, but labelled as 9x9$"):
        list(detect_images(BrightSquare(), [other]))
    image.path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"0\.png: not a readable image$"):
        list(detect_images(BrightSquare(), [image]))
