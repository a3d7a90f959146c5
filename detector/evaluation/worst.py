"""Images with the most mistakes, and pictures that show them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from detector.data.annotations import LabelledImage
from detector.detections import Detections, Image
from detector.evaluation.matching import Mask, all_found, all_truth, match, overlapping
from detector.evaluation.regions import in_regions

FOUND_COLOUR = (40, 220, 90)
MISSED_COLOUR = (255, 165, 0)
FALSE_COLOUR = (255, 40, 160)
REGION_COLOUR = (190, 190, 190)

LONGEST_SIDE_PX = 1600
"""Of a picture; larger images are made smaller."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageErrors:
    """What went well and wrong in one image.

    Attributes:
        index: Position of the image.
        is_found: `(N,)`, which of its objects were found.
        is_false: `(D,)`, which of its detections are false: neither on an object of their class
            nor in an ignore region.
        is_hit: `(D,)`, which found an object; the others are left out or too weak.
    """

    index: int
    is_found: Mask
    is_false: Mask
    is_hit: Mask

    @property
    def missed(self) -> int:
        """Objects that were not found."""
        return int((~self.is_found).sum())

    @property
    def false(self) -> int:
        """False detections."""
        return int(self.is_false.sum())


def image_errors(
    truth: Sequence[LabelledImage],
    detections: Sequence[Detections],
    *,
    iou: float = 0.5,
    score: float = 0.25,
) -> list[ImageErrors]:
    """The mistakes in each image.

    Args:
        truth: The labelled images.
        detections: One for each image.
        iou: Overlap with an object of its class from which on a detection finds it.
        score: Weaker detections are left out.
    """
    strong = [np.flatnonzero(d.scores >= score) for d in detections]
    objects = all_truth(truth)
    found, _ = all_found([d[rows] for d, rows in zip(detections, strong, strict=True)])
    took = match(overlapping(objects, found, iou), iou, len(found), len(objects))
    is_false = (took < 0) & ~in_regions(found, truth)
    is_found = np.zeros(len(objects), bool)
    is_found[took[took >= 0]] = True

    errors = [
        ImageErrors(at, np.zeros(len(t), bool), np.zeros(len(d), bool), np.zeros(len(d), bool))
        for at, (t, d) in enumerate(zip(truth, detections, strict=True))
    ]
    for image, row in zip(objects.images[is_found], objects.rows[is_found], strict=True):
        errors[image].is_found[row] = True
    for image, row, false, hit in zip(found.images, found.rows, is_false, took >= 0, strict=True):
        errors[image].is_false[strong[image][row]] = false
        errors[image].is_hit[strong[image][row]] = hit
    return errors


def worst_images(
    truth: Sequence[LabelledImage],
    detections: Sequence[Detections],
    count: int,
    *,
    iou: float = 0.5,
    score: float = 0.25,
) -> list[ImageErrors]:
    """The images with the most missed objects and false detections together, worst first.

    Images without a mistake are left out, so there may be fewer than `count`. Of two that are
    equal, the earlier comes first. See `image_errors` for the rest.
    """
    errors = image_errors(truth, detections, iou=iou, score=score)
    ranked = sorted(errors, key=lambda e: -(e.missed + e.false))[:count]
    return [e for e in ranked if e.missed + e.false]


def draw_errors(
    pixels: Image,
    truth: LabelledImage,
    found: Detections,
    errors: ImageErrors,
    class_names: Sequence[str],
) -> Image:
    """A copy of an image with what was found, missed and falsely reported.

    Found objects are green, missed ones orange and false detections pink, the last two with
    their class; ignore regions are grey. Weak detections and those in regions are not drawn.

    Args:
        pixels: `(H, W, 3)` RGB.
        truth: Its labels.
        found: Its detections.
        errors: The verdict on both, as `image_errors` gives it.
        class_names: What class ids index.

    Returns:
        RGB, at most `LONGEST_SIDE_PX` wide and high.
    """
    scale = min(1.0, LONGEST_SIDE_PX / max(pixels.shape[:2]))
    view = pixels.copy()
    if scale < 1:
        wh = tuple(max(1, round(side * scale)) for side in pixels.shape[1::-1])
        view = np.asarray(cv2.resize(pixels, wh, interpolation=cv2.INTER_AREA), np.uint8)
    _draw(view, truth.ignore * scale, REGION_COLOUR)
    _draw(view, found.boxes[errors.is_hit] * scale, FOUND_COLOUR)
    for boxes, class_ids, colour in (
        (truth.boxes[~errors.is_found], truth.class_ids[~errors.is_found], MISSED_COLOUR),
        (found.boxes[errors.is_false], found.class_ids[errors.is_false], FALSE_COLOUR),
    ):
        _draw(view, boxes * scale, colour, [class_names[row] for row in class_ids])
    return view


def _draw(
    view: Image,
    boxes: NDArray[np.floating],
    colour: tuple[int, int, int],
    names: Sequence[str] = (),
) -> None:
    corners = np.asarray(boxes).round().astype(int).tolist()
    for x1, y1, x2, y2 in corners:
        cv2.rectangle(view, (x1, y1), (x2, y2), colour, 2 if max(view.shape) > 1000 else 1)
    for (x1, y1, _, y2), name in zip(corners, names, strict=bool(names)):
        plain = name.encode("ascii", "replace").decode()
        place = (x1, y1 - 4 if y1 > 14 else y2 + 12)
        for ink, width in (((0, 0, 0), 3), (colour, 1)):
            cv2.putText(view, plain, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, ink, width, cv2.LINE_AA)
