"""Camera motion on pictures moved by known warps."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from detector.detections import Image
from tracking.camera_motion import CameraMotion
from tracking.tracks import Float64Array, Motion

NO_BOXES = np.zeros((0, 4))
WH = (960, 540)


def ground(seed: int, wh: tuple[int, int] = WH) -> Image:
    """Texture of several sizes, wider than the frame by 200 px on all sides."""
    rng = np.random.default_rng(seed)
    wide = (wh[0] + 400, wh[1] + 400)
    layers = [
        cv2.resize(
            rng.normal(0, 30, (wide[1] // cell, wide[0] // cell, 3)).astype(np.float32), wide
        )
        for cell in (64, 24, 10)
    ]
    return np.clip(120 + sum(layers), 0, 255).astype(np.uint8)


def view(picture: Image, matrix: Float64Array, wh: tuple[int, int] = WH) -> Image:
    """What a camera sees of the ground; `matrix` maps the middle part of it to the frame."""
    whole = np.c_[matrix[:, :2], matrix[:, 2] - matrix[:, :2] @ [200.0, 200.0]]
    return np.asarray(cv2.warpAffine(picture, whole, wh), np.uint8)


def turned(degrees: float, zoom: float, right: float, down: float) -> Float64Array:
    angle, middle = np.deg2rad(degrees), np.array(WH) / 2
    linear = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.asarray(np.c_[linear, middle - linear @ middle + (right, down)])


def corner_error_px(found: Motion, true: Float64Array) -> float:
    corners = np.array([[0, 0], [WH[0], 0], [0, WH[1]], WH], float)
    away = found.matrix - true
    return float(np.linalg.norm(corners @ away[:, :2].T + away[:, 2], axis=1).max())


def is_identity(motion: Motion) -> bool:
    return bool((motion.matrix == np.eye(2, 3)).all())


@pytest.mark.parametrize(
    "true",
    [
        turned(0, 1, 0, 0),
        turned(0, 1, 22, -17),
        turned(1, 1, 5, 5),
        turned(-0.5, 1.02, -30, 12),
        turned(3, 0.97, 60, 40),
    ],
)
def test_known_motions_are_found_to_a_part_of_a_pixel(true: Float64Array) -> None:
    picture = ground(0)
    camera = CameraMotion()
    assert is_identity(camera.update(view(picture, np.eye(2, 3)), NO_BOXES))
    assert corner_error_px(camera.update(view(picture, true), NO_BOXES), true) < 0.5


def test_a_long_jump_is_found_too() -> None:
    picture, true = ground(1), turned(0, 1, 150, -90)
    camera = CameraMotion()
    camera.update(view(picture, np.eye(2, 3)), NO_BOXES)
    assert corner_error_px(camera.update(view(picture, true), NO_BOXES), true) < 1.0


def with_cars(frame: Image, lefts: Float64Array) -> tuple[Image, Float64Array]:
    """High-contrast blocks of 100 x 60 px, more telling than the ground."""
    shown = frame.copy()
    boxes = []
    for row, left in enumerate(lefts.tolist()):
        for column in range(4):
            x, y = round(left) + 200 * column, 20 + 130 * row
            block = np.random.default_rng(row * 4 + column).integers(0, 2, (10, 12, 1)) * 255
            car = cv2.resize(block.astype(np.uint8), (100, 60), interpolation=cv2.INTER_NEAREST)
            shown[y : y + 60, x : x + 100] = car[..., None]
            boxes.append([x, y, x + 100, y + 60])
    return shown, np.array(boxes, float)


@pytest.mark.parametrize("moved_px", [8, 24])
def test_moving_objects_are_left_out(moved_px: int) -> None:
    picture, true = ground(2), turned(0.3, 1, -6, 4)
    lefts = np.array([10.0, 30, 50, 20])
    frames = [
        with_cars(view(picture, np.eye(2, 3)), lefts),
        with_cars(view(picture, true), lefts + moved_px),
    ]
    camera, blind = CameraMotion(), CameraMotion()
    found = [camera.update(image, boxes) for image, boxes in frames]
    fooled = [blind.update(image, NO_BOXES) for image, _ in frames]
    assert corner_error_px(found[1], true) < 0.7
    assert corner_error_px(fooled[1], true) > 3


def test_motion_is_from_frame_to_frame() -> None:
    picture = ground(3)
    camera = CameraMotion()
    views = [turned(0, 1, 10.0 * k, 0) for k in range(4)]
    found = [camera.update(view(picture, one), NO_BOXES).matrix[0, 2] for one in views]
    assert found == pytest.approx([0, 10, 10, 10], abs=0.2)


def test_a_flat_picture_is_passed_over() -> None:
    picture, true = ground(4), turned(0, 1, 12, 0)
    camera = CameraMotion()
    camera.update(view(picture, np.eye(2, 3)), NO_BOXES)
    flat = camera.update(np.full((WH[1], WH[0], 3), 128, np.uint8), NO_BOXES)
    assert is_identity(flat)
    assert not flat.cut
    assert corner_error_px(camera.update(view(picture, true), NO_BOXES), true) < 0.5


@pytest.mark.parametrize("wh", [(1, 1), (3, 2), (16, 9), (40, 1000)])
def test_tiny_and_odd_pictures_do_not_fail(wh: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    camera = CameraMotion()
    for _ in range(3):
        image = rng.integers(0, 256, (wh[1], wh[0], 3)).astype(np.uint8)
        assert np.isfinite(camera.update(image, NO_BOXES).matrix).all()


def test_another_size_is_the_identity() -> None:
    camera = CameraMotion()
    camera.update(view(ground(5), np.eye(2, 3)), NO_BOXES)
    small = view(ground(5), np.eye(2, 3))[:400, :700]
    motion = camera.update(np.ascontiguousarray(small), NO_BOXES)
    assert is_identity(motion)
    assert not motion.cut


def test_another_scene_is_a_cut_and_the_next_frame_is_not() -> None:
    camera = CameraMotion()
    camera.update(view(ground(6), np.eye(2, 3)), NO_BOXES)
    motion = camera.update(view(ground(7), np.eye(2, 3)), NO_BOXES)
    assert is_identity(motion)
    assert motion.cut
    true = turned(0, 1, 7, 0)
    after = camera.update(view(ground(7), true), NO_BOXES)
    assert not after.cut
    assert corner_error_px(after, true) < 0.5


def test_a_change_of_brightness_is_no_cut() -> None:
    picture, true = ground(8), turned(0, 1, 9, 0)
    camera = CameraMotion()
    camera.update(view(picture, np.eye(2, 3)), NO_BOXES)
    dark = (view(picture, true) * 0.6).astype(np.uint8)
    motion = camera.update(dark, NO_BOXES)
    assert not motion.cut
    assert corner_error_px(motion, true) < 1.0


def test_objects_all_over_the_picture_give_the_identity() -> None:
    picture = ground(9)
    camera = CameraMotion()
    everywhere = np.array([[-10.0, -10, 2000, 2000], [np.nan, 0, 5, 5]])
    camera.update(view(picture, np.eye(2, 3)), everywhere)
    motion = camera.update(view(picture, turned(0, 1, 9, 0)), everywhere)
    assert is_identity(motion)
    assert not motion.cut


def test_the_shift_is_that_of_the_full_frame_at_any_size() -> None:
    wh = (1920, 1080)
    picture, true = ground(10, wh), np.array([[1.0, 0, 21], [0, 1, -13]])
    camera = CameraMotion()
    camera.update(view(picture, np.eye(2, 3), wh), NO_BOXES)
    found = camera.update(view(picture, true, wh), NO_BOXES)
    np.testing.assert_allclose(found.matrix[:, 2], [21, -13], atol=0.5)
