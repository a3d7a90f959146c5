from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from detector.data.rendering.camera import Camera, draw_path, look

angles = st.floats(-3, 3)
pitches = st.floats(0.2, np.pi / 2)


@given(angles, pitches, st.floats(-0.1, 0.1))
def test_a_rotation_is_proper(yaw: float, pitch: float, roll: float) -> None:
    rotation = look(yaw, pitch, roll)
    assert np.allclose(rotation @ rotation.T, np.eye(3))
    assert np.isclose(np.linalg.det(rotation), 1.0)


def test_straight_down_north_is_up_and_east_is_right() -> None:
    camera = Camera(np.array([0.0, 0, 100]), look(0.0, np.pi / 2, 0.0), 500.0, (640, 480))
    pixels, depth = camera.project(np.array([[0.0, 0, 0], [10, 0, 0], [0, 10, 0], [0, 0, 50]]))
    assert np.allclose(pixels, [[320, 240], [370, 240], [320, 190], [320, 240]])
    assert np.allclose(depth, [100, 100, 100, 50])


@given(angles, pitches, st.floats(-40, 40), st.floats(-40, 40))
def test_the_ground_homography_is_the_projection_of_the_ground(
    yaw: float, pitch: float, x: float, y: float
) -> None:
    camera = Camera(np.array([3.0, -4, 60]), look(yaw, pitch, 0.02), 700.0, (640, 480))
    pixels, depth = camera.project(np.array([[x, y, 0.0]]))
    if depth[0] < 1:
        return
    there = camera.ground_homography() @ [x, y, 1]
    assert np.allclose(there[:2] / there[2], pixels[0], atol=1e-6)
    assert np.allclose(camera.ground_points(pixels, 1e6)[0], [x, y], atol=1e-5)


def test_a_path_starts_where_it_was_told_and_stays_near() -> None:
    start = np.array([5.0, -20, 50, 0.1, 1.0, 0.0, np.log(600)])
    path = draw_path(np.random.default_rng(0), start, (640, 480), lively=1.0)
    assert np.allclose(path.at(0.0).position, start[:3])
    far = [np.hypot(*(path.at(t).position - start[:3])[:2]) for t in np.linspace(0, 3600, 500)]
    assert 1 < max(far) < 100
