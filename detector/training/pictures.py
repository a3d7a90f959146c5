"""Sheets of a run: what the network is shown, and what it finds beside the truth."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from torch import Tensor

from detector.data.annotations import Float32Array, LabelledImage
from detector.data.dataset import Batch
from detector.data.drawing import (
    LINE_PX,
    class_colours,
    class_legend,
    draw_boxes,
    grid,
    hatch,
    legend,
    write,
)
from detector.data.images import read_image
from detector.detections import Detections, Image
from detector.evaluation.worst import (
    FALSE_COLOUR,
    FOUND_COLOUR,
    MISSED_COLOUR,
    REGION_COLOUR,
    ImageErrors,
    draw_errors,
    image_errors,
)
from detector.training.evaluation import Measurement

BATCH_VIEWS = 16
"""Views of a batch that are drawn."""

BATCH_CELL_PX = 480
"""Views larger than this are drawn smaller."""

SHOWN_IMAGES = 6
"""Images that predictions are drawn on."""

SHOWN_SCORE = 0.25
"""Of the weakest predictions that are drawn."""

PART_WH = (640, 480)
"""Room for the part of an image that predictions are drawn on."""

OBJECT_PX = 32
"""How large the middle one of an image's objects is drawn, if its pixels and the room allow."""

_GAP_PX = 4


def batch_picture(batch: Batch, class_names: Sequence[str], title: str) -> Image:
    """The first views of a batch with what is learned from them, four in a row; RGB.

    Boxes are in their class's colour, ignore regions hatched in white; the views stand below a
    line with the title and above a legend.

    Args:
        batch: At least one view.
        class_names: What class ids index.
        title: Above the views.
    """
    colours = class_colours(len(class_names))
    side = batch.images.shape[-1]
    scale = min(1.0, BATCH_CELL_PX / side)
    drawn_px = round(side * scale)
    cells = []
    for index, view in enumerate(batch.images[:BATCH_VIEWS]):
        pixels = np.ascontiguousarray(view.permute(1, 2, 0).cpu().numpy())
        pixels = _resized(pixels, (drawn_px, drawn_px))
        mine = batch.targets.image == index
        hatch(pixels, _numpy(batch.ignored[index]) * scale)
        centres, sizes = _numpy(batch.targets.boxes[mine]).reshape(-1, 2, 2).swapaxes(0, 1)
        boxes = np.concatenate((centres - sizes / 2, centres + sizes / 2), 1) * scale
        draw_boxes(pixels, boxes, batch.targets.class_ids[mine].cpu().numpy(), colours)
        cells.append(np.pad(pixels, ((0, _GAP_PX), (0, _GAP_PX), (0, 0))))
    count = len(batch.images)
    sheet = grid(cells, 4)
    names = class_legend(class_names, sheet.shape[1])
    return np.concatenate((_line(f"{title}, {len(cells)} of {count} views", sheet), sheet, names))


def predictions_picture(measurement: Measurement, class_names: Sequence[str], title: str) -> Image:
    """Parts of validation images with the objects that were found, missed and falsely found; RGB.

    The images are always the same, spread evenly over those that have objects, and each part
    lies where most of them are. Large images are cut, small objects are enlarged up to twice.

    Args:
        measurement: With at least one image that has objects.
        class_names: What class ids index.
        title: Above the images.

    Raises:
        ValueError: If an image cannot be read.
    """
    filled = [at for at, image in enumerate(measurement.images) if len(image)]
    shown = _spread(filled, SHOWN_IMAGES)
    images = [measurement.images[at] for at in shown]
    detections = [measurement.detections[at] for at in shown]
    every = image_errors(images, detections, score=SHOWN_SCORE)
    cells = [
        _prediction_cell(image, found, errors, class_names)
        for image, found, errors in zip(images, detections, every, strict=True)
    ]
    sheet = grid(cells, 2)
    return np.concatenate((_line(title, sheet), _verdicts(sheet), sheet))


def _prediction_cell(
    image: LabelledImage, found: Detections, errors: ImageErrors, class_names: Sequence[str]
) -> Image:
    low, high, scale = object_window(image.boxes, image.image_wh)
    pixels = read_image(image.path)[low[1] : high[1], low[0] : high[0]]
    out_wh = tuple(max(1, round((b - a) * scale)) for a, b in zip(low, high, strict=True))
    pixels = _resized(pixels, (out_wh[0], out_wh[1]))
    shift = np.array((*low, *low), np.float32)
    truth = LabelledImage(
        image.path,
        (out_wh[0], out_wh[1]),
        (image.boxes - shift) * np.float32(scale),
        image.class_ids,
        (image.ignore - shift) * np.float32(scale),
    )
    moved = Detections((found.boxes - shift) * scale, found.scores, found.class_ids)
    cell = np.zeros((PART_WH[1] + LINE_PX + _GAP_PX, PART_WH[0] + _GAP_PX, 3), np.uint8)
    cell[: out_wh[1], : out_wh[0]] = draw_errors(pixels, truth, moved, errors, class_names)
    text = (
        f"{image.path.name[-30:]}: {len(image)} objects in the whole image, "
        f"{errors.missed} missed, {errors.false} false"
    )
    write(cell, text, (4, PART_WH[1] + LINE_PX - 6))
    return cell


def object_window(
    boxes: Float32Array, image_wh: tuple[int, int]
) -> tuple[tuple[int, int], tuple[int, int], float]:
    """The part of an image to show, where most objects are, and how much to enlarge it.

    Args:
        boxes: `(N, 4)` xyxy in pixels, at least one.
        image_wh: Of the image.

    Returns:
        The upper left and lower right corner of the part, and the scale that brings it into
        `PART_WH`: at least that of the whole image, at most 2.
    """
    sides = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(1, dtype=np.float64))
    whole = min(PART_WH[0] / image_wh[0], PART_WH[1] / image_wh[1])
    scale = float(np.clip(OBJECT_PX / np.median(sides), min(whole, 2.0), 2.0))
    size = np.minimum(np.floor(np.array(PART_WH) / scale), image_wh).astype(int)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    near = (np.abs(centres[:, None] - centres) <= size / 2).all(2).sum(1)
    low = np.clip(centres[near.argmax()] - size / 2, 0, image_wh - size).astype(int)
    (x1, y1), (x2, y2) = low.tolist(), (low + size).tolist()
    return (x1, y1), (x2, y2), scale


def _verdicts(sheet: Image) -> Image:
    """The legend of the predictions."""
    entries = (
        ("found", FOUND_COLOUR),
        ("missed", MISSED_COLOUR),
        ("false detection", FALSE_COLOUR),
        ("ignore region", REGION_COLOUR),
    )
    return legend(entries, sheet.shape[1])


def _line(text: str, sheet: Image) -> Image:
    """A line of text as wide as a sheet."""
    line = np.zeros((LINE_PX, sheet.shape[1], 3), np.uint8)
    write(line, text, (4, LINE_PX - 6))
    return line


def _resized(pixels: Image, wh: tuple[int, int]) -> Image:
    how = cv2.INTER_AREA if wh[0] < pixels.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, wh, interpolation=how), np.uint8)


def _numpy(tensor: Tensor) -> Float32Array:
    numbers: Float32Array = tensor.cpu().numpy()
    return numbers


def _spread(items: Sequence[int], count: int) -> list[int]:
    """`count` of the items, evenly spread."""
    count = min(count, len(items))
    return [items[at * len(items) // count] for at in range(count)]
