"""A detector over labelled images, for the command and while training."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from detector.data.annotations import LabelledImage
from detector.data.images import read_image
from detector.detections import Detections, Detector, Image


def detect_images(
    detector: Detector, images: Sequence[LabelledImage], *, batch: int = 4
) -> Iterator[Detections]:
    """The detections of each image, in order; the next files are decoded meanwhile.

    Raises:
        ValueError: If an image cannot be read, or its pixels are not of the size in its record.
    """
    batches = [images[start : start + batch] for start in range(0, len(images), batch)]
    with ThreadPoolExecutor(1) as reader:
        coming: deque[Future[list[Image]]] = deque()
        for part in batches:
            coming.append(reader.submit(_read, part))
            if len(coming) == 2:
                yield from detector.detect(coming.popleft().result())
        for rest in coming:
            yield from detector.detect(rest.result())


def _read(images: Sequence[LabelledImage]) -> list[Image]:
    pixels = [read_image(image.path) for image in images]
    for image, found in zip(images, pixels, strict=True):
        height, width = found.shape[:2]
        if (width, height) != image.image_wh:
            raise ValueError(
                f"{image.path}: {width}x{height} pixels, but labelled as "
                f"{image.image_wh[0]}x{image.image_wh[1]}"
            )
    return pixels
