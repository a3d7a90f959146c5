"""The view's path from tracks whose own motion is known."""

from __future__ import annotations

import numpy as np

from detector.detections import IntArray
from tracking.tracks import Float64Array
from tracking.view_path import view_path


def _scene(
    rng: np.random.Generator, tracks: int, noise: float, jumps: Float64Array
) -> tuple[IntArray, IntArray, Float64Array]:
    length = len(jumps)
    frames, ids = np.tile(np.arange(length), tracks), np.repeat(np.arange(tracks), length)
    speed = rng.normal(0, 2, (tracks, 2))
    centres = speed[ids] * frames[:, None] + rng.normal(0, noise, (len(ids), 2)) + jumps[frames]
    return frames, ids, centres


def test_jumps_common_to_all_are_the_views() -> None:
    rng = np.random.default_rng(0)
    jumps = rng.normal(0, 10, (60, 2))
    path = view_path(*_scene(rng, 9, 0.1, jumps))
    # The path may drift with the tracks' median speed, evenly; the jumps must be in it.
    rest = np.diff(path - jumps, 2, axis=0)
    assert np.abs(rest).max() < 2
    assert np.abs(np.diff(jumps, 2, axis=0)).max() > 20


def test_noise_and_even_motion_are_not() -> None:
    rng = np.random.default_rng(1)
    assert not view_path(*_scene(rng, 9, 2.0, np.zeros((60, 2)))).any()
    even = np.arange(60)[:, None] * np.array([5.0, -3.0])
    assert not view_path(*_scene(rng, 9, 2.0, even)).any()


def test_two_tracks_cannot_tell() -> None:
    rng = np.random.default_rng(2)
    assert not view_path(*_scene(rng, 2, 0.1, rng.normal(0, 10, (60, 2)))).any()


def test_a_step_that_no_track_spans_is_like_its_neighbours() -> None:
    rng = np.random.default_rng(3)
    jumps = rng.normal(0, 10, (40, 2))
    frames, ids, centres = _scene(rng, 5, 0.0, jumps)
    keep = frames != 20
    path = view_path(frames[keep], ids[keep], centres[keep])
    step = np.diff(path, axis=0)
    np.testing.assert_allclose(step[19], step[18] + (step[21] - step[18]) / 3)


def test_no_tracks() -> None:
    none = np.zeros(0, np.int64)
    assert view_path(none, none, np.zeros((0, 2))).shape == (0, 2)
