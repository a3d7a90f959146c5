from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.detections import Image
from pipeline.drawing import Memory, draw
from pipeline.frame import Counts
from pipeline.palette import id_colours
from tracking.tracks import Tracks

NAMES = ("car", "truck", "bus")
NONE_SEEN = Counts((0, 0, 0), (0, 0, 0))
GREY = 90


def tracks_of(boxes: list[list[float]], ids: list[int] | None = None) -> Tracks:
    count = len(boxes)
    return Tracks(
        np.array(range(1, count + 1) if ids is None else ids, np.int64),
        np.array(boxes, np.float64).reshape(count, 4),
        np.arange(count) % 3,
        np.full(count, 0.87),
        np.arange(count),
    )


def drawn(tracks: Tracks, wh: tuple[int, int] = (640, 480), memory: Memory | None = None) -> Image:
    image = np.full((wh[1], wh[0], 3), GREY, np.uint8)
    draw(image, tracks, NONE_SEEN, NAMES, time_s=1.0, memory=memory)
    return image


def changed(image: Image) -> NDArray[np.bool_]:
    """Where something was drawn, the panel left out."""
    with_panel = image != drawn(Tracks.empty(), (image.shape[1], image.shape[0]))
    mask: NDArray[np.bool_] = np.any(with_panel, axis=2)
    return mask


def test_no_tracks_leave_all_but_the_panel() -> None:
    image = drawn(Tracks.empty())
    assert (image[100:] == GREY).all()
    assert (image[:, 200:] == GREY).all()
    assert (image[:100, :200] != GREY).any()


def test_box_has_the_colour_of_its_id_in_every_frame() -> None:
    for place in (100.0, 250.0, 400.0):
        image = drawn(tracks_of([[place, 200, place + 60, 240], [20, 300, 80, 340]], [41, 7]))
        assert image[240, int(place) + 30].tolist() == id_colours(np.array([41]))[0].tolist()
        assert image[340, 50].tolist() == id_colours(np.array([7]))[0].tolist()


def test_only_box_line_and_label_change() -> None:
    mask = changed(drawn(tracks_of([[300, 200, 400, 260]])))
    assert mask[199:262, 299:402].any()
    assert not mask[204:257, 304:397].any()
    allowed = np.zeros_like(mask)
    allowed[186:262, 299:402] = True
    assert not mask[~allowed].any()


def test_label_stands_above_in_the_colour_of_the_box() -> None:
    image = drawn(tracks_of([[300, 200, 400, 260]]))
    label = image[188:199, 300:340].reshape(-1, 3)
    colour = id_colours(np.array([1]))[0]
    assert 0.4 < (label == colour).all(axis=1).mean() < 0.95
    assert label.max(axis=1).min() < 60


def test_tiny_box_gets_a_smaller_label() -> None:
    tiny = changed(drawn(tracks_of([[300, 200, 308, 206]])))
    small = changed(drawn(tracks_of([[300, 200, 330, 206]])))
    assert np.nonzero(tiny)[1].max() < 300 + 16
    assert np.nonzero(small)[1].max() > 300 + 35


def test_trail_fades_behind_the_box() -> None:
    memory = Memory()
    for step in range(-5, 10):
        memory.trails.add(step / 10, tracks_of([[200 + 20 * step, 200, 240 + 20 * step, 220]]))
    image = drawn(tracks_of([[400, 200, 440, 220]]), memory=memory)
    strength = np.abs(image.astype(int) - GREY).max(axis=2)
    line = strength[208:213].max(axis=0)
    near, middle, far = line[370:390].min(), line[270:290].mean(), line[160:180].mean()
    assert near > middle > far > 0
    assert not strength[230:].any()
    assert not strength[205:216, 403:437].any()


def test_standing_tracks_have_no_trail() -> None:
    memory = Memory()
    tracks = tracks_of([[300, 200, 400, 260]])
    for step in range(10):
        memory.trails.add(step / 10, tracks)
    assert (drawn(tracks, memory=memory) == drawn(tracks)).all()


def test_part_of_a_larger_picture_can_be_drawn_on() -> None:
    large = np.full((500, 700, 3), GREY, np.uint8)
    tracks = tracks_of([[300, 200, 400, 260], [600, 470, 660, 500]])
    draw(large[:480, :640], tracks, NONE_SEEN, NAMES, time_s=1.0)
    assert (large[:480, :640] == drawn(tracks)).all()
    assert (large[480:] == GREY).all()
    assert (large[:, 640:] == GREY).all()


@pytest.mark.parametrize(
    "box",
    [
        [-500, -500, -400, -450],
        [700, 100, 800, 200],
        [100, 481, 200, 600],
        [640, 0, 700, 10],
        [float("nan")] * 4,
    ],
)
def test_box_out_of_view_draws_nothing(box: list[float]) -> None:
    assert not changed(drawn(tracks_of([box]))).any()


@pytest.mark.parametrize(
    "box",
    [[-1e9, 200, 1e9, 260], [600, 400, 700, 600], [-20, 300, 30, 340], [300, 200, 300, 200]],
)
def test_box_partly_in_view_draws_something(box: list[float]) -> None:
    assert changed(drawn(tracks_of([box]))).any()


@pytest.mark.parametrize("wh", [(1, 1), (2, 3), (17, 9), (64, 48), (4096, 8)])
def test_small_frames(wh: tuple[int, int]) -> None:
    memory = Memory()
    tracks = tracks_of([[0, 0, 1, 1], [-5, -5, 50, 50], [3, 3, 9, 8]])
    memory.trails.add(0.0, tracks_of([[20, 20, 21, 21], [90, 90, 95, 95]]))
    assert drawn(tracks, wh, memory).shape == (wh[1], wh[0], 3)


def test_two_thousand_boxes() -> None:
    rng = np.random.default_rng(0)
    corner = rng.uniform(-50, 1950, (2000, 2))
    boxes = np.hstack([corner, corner + rng.uniform(1, 80, (2000, 2))])
    image = drawn(tracks_of(boxes.tolist()), (1920, 1080))
    assert (image != GREY).mean() > 0.3


def test_same_input_same_picture() -> None:
    tracks = tracks_of([[100, 100, 160, 140], [105, 105, 150, 135], [300, 200, 310, 205]])
    assert (drawn(tracks) == drawn(tracks)).all()
