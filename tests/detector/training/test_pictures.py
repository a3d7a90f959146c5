"""The sheets show boxes, regions and verdicts where they are."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from detector.data.annotations import LabelledImage
from detector.data.dataset import Batch
from detector.data.drawing import LINE_PX, class_colours
from detector.data.targets import Targets
from detector.detections import Detections, Image
from detector.evaluation.coco import evaluate_coco
from detector.evaluation.worst import FALSE_COLOUR, FOUND_COLOUR, MISSED_COLOUR
from detector.training.evaluation import Measurement
from detector.training.pictures import (
    PART_WH,
    batch_picture,
    object_window,
    predictions_picture,
)

NAMES = ("car", "bus")
GREY = (60, 60, 60)


def has(part: Image, colour: tuple[int, int, int]) -> bool:
    return bool((part == colour).all(-1).any())


def batch(views: int, side: int) -> Batch:
    """The last view has a car and a bus in it, and an ignore region."""
    last = views - 1
    return Batch(
        torch.full((views, 3, side, side), 60, dtype=torch.uint8),
        Targets(
            torch.tensor([last, last]),
            torch.tensor([0, 1]),
            torch.tensor([[30.0, 20, 20, 10], [70, 60, 40, 40]]),
        ),
        [*[torch.zeros(0, 4)] * last, torch.tensor([[0.0, 60, 30, 90]])],
    )


def test_a_batch_is_drawn_with_what_is_learned_from_it() -> None:
    sheet = batch_picture(batch(6, 100), NAMES, "training batch of step 1")
    assert sheet.shape[1] == 4 * 104
    assert 2 * 104 + LINE_PX < len(sheet) < 2 * 104 + 4 * LINE_PX
    view = sheet[LINE_PX + 104 :, 104:][:100, :100]
    car, bus = class_colours(2)
    for x, y in ((20, 15), (40, 15), (20, 25), (40, 25)):
        assert tuple(view[y, x]) == car
    for x, y in ((50, 40), (90, 80)):
        assert tuple(view[y, x]) == bus
    assert tuple(view[20, 30]) == GREY
    assert has(view[62:88, 2:28], (255, 255, 255))
    assert not has(view[:58], (255, 255, 255))
    first = sheet[LINE_PX:][:100, :100]
    assert (first == 60).all()
    assert has(sheet[:LINE_PX], (235, 235, 235))
    assert has(sheet[-LINE_PX:], car)
    assert has(sheet[-LINE_PX:], bus)


def test_large_views_are_drawn_smaller_and_only_the_first() -> None:
    sheet = batch_picture(batch(17, 960), NAMES, "b")
    assert sheet.shape[1] == 4 * 484
    assert 4 * 484 < len(sheet) < 4 * 484 + 4 * LINE_PX
    assert not has(sheet[LINE_PX:-LINE_PX], class_colours(2)[0])
    view = batch_picture(batch(1, 960), NAMES, "b")[LINE_PX:]
    assert tuple(view[round(15 / 2), 10]) == class_colours(2)[0]


def test_predictions_are_green_orange_or_pink(tmp_path: Path) -> None:
    pixels = np.full((240, 320, 3), GREY, np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), pixels)
    # 16 px wide, so drawn twice as large: the whole image fits the room exactly.
    cars = np.array([[20, 40, 36, 56], [100, 40, 116, 56]], np.float32)
    images = [
        LabelledImage(tmp_path / "none.png", (9, 9), np.zeros((0, 4), np.float32), ids(0)),
        LabelledImage(tmp_path / "a.png", (320, 240), cars, ids(2)),
    ]
    boxes = np.array([cars[0], [200, 100, 216, 116], [250, 100, 266, 116]], np.float32)
    found = Detections(boxes, np.array([0.9, 0.26, 0.24], np.float32), ids(3))
    detections = [Detections.empty(), found]
    measurement = Measurement(images, detections, evaluate_coco(images, detections, NAMES))
    sheet = predictions_picture(measurement, NAMES, "best weights, step 5")
    assert sheet.shape == (2 * LINE_PX + PART_WH[1] + LINE_PX + 4, PART_WH[0] + 4, 3)
    assert all(has(sheet[LINE_PX : 2 * LINE_PX], c) for c in (FOUND_COLOUR, MISSED_COLOUR))
    view = sheet[2 * LINE_PX :]
    assert tuple(view[80, 40]) == tuple(view[112, 72]) == FOUND_COLOUR
    assert tuple(view[80, 200]) == tuple(view[112, 232]) == MISSED_COLOUR
    assert tuple(view[200, 400]) == tuple(view[232, 432]) == FALSE_COLOUR
    assert not has(view[150:480, 460:], FALSE_COLOUR)  # too weak
    assert tuple(view[96, 56]) == GREY


def ids(count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.zeros(count, np.int64)


def test_the_same_six_images_are_shown_each_time(tmp_path: Path) -> None:
    images = []
    for level in range(13):
        path = tmp_path / f"{level}.png"
        cv2.imwrite(str(path), np.full((480, 640, 3), 10 * level, np.uint8))
        box = np.array([[300, 200, 332, 232]], np.float32)
        images.append(LabelledImage(path, (640, 480), box, ids(1)))
    nothing = [Detections.empty()] * 13
    sheet = predictions_picture(
        Measurement(images, nothing, evaluate_coco(images, nothing, NAMES)), NAMES, "t"
    )
    shown = sheet[2 * LINE_PX :: PART_WH[1] + LINE_PX + 4, :: PART_WH[0] + 4, 0]
    assert (shown.ravel() // 10).tolist() == [0, 2, 4, 6, 8, 10]


def test_the_window_lies_where_most_objects_are() -> None:
    lone, crowd = [[100, 100, 132, 132]], [[3000 + x, 2000, 3032 + x, 2032] for x in (0, 200, 400)]
    low, high, scale = object_window(np.array(lone + crowd, np.float32), (4000, 3000))
    assert scale == 1
    assert (high[0] - low[0], high[1] - low[1]) == PART_WH
    assert low[0] <= 3000
    assert high[0] >= 3432
    large = np.array([[100, 100, 3900, 2900]], np.float32)
    assert object_window(large, (4000, 3000)) == ((0, 0), (4000, 3000), 0.16)
    tiny = np.array([[1, 1, 3, 3]], np.float32)
    assert object_window(tiny, (8, 6)) == ((0, 0), (8, 6), 2)


@given(
    st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    st.lists(st.tuples(*[st.floats(0, 0.99)] * 2, *[st.floats(0.001, 1)] * 2), min_size=1),
)
def test_any_window_lies_in_the_image_and_fits_the_room(
    wh: tuple[int, int], shares: list[tuple[float, float, float, float]]
) -> None:
    part = np.array(shares)
    low_corner = part[:, :2] * wh
    high_corner = low_corner + part[:, 2:] * (np.array(wh) - low_corner)
    boxes = np.concatenate((low_corner, high_corner), 1).astype(np.float32)
    low, high, scale = object_window(boxes, wh)
    for a, b, side, room in zip(low, high, wh, PART_WH, strict=True):
        assert 0 <= a < b <= side
        assert (b - a) * scale <= room * (1 + 1e-6)
