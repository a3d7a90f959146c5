"""Every tracker goes on from what was kept of it as if nothing had been."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from detector.detections import Detections
from pipeline.drawing import Memory
from pipeline.errors import InputError, ResumeError
from pipeline.sinks.timeline import Timeline
from pipeline.state import restored, state_of
from pipeline.state_file import read_state, write_state
from tracking.build import build_tracker
from tracking.camera_motion import CameraMotion
from tracking.config import (
    AnyTrackerConfig,
    BotSortConfig,
    ByteTrackConfig,
    DeepSortConfig,
    DroneConfig,
    OcSortConfig,
    SortConfig,
)
from tracking.tracks import Motion, Tracks

CONFIGS: list[AnyTrackerConfig] = [
    SortConfig(),
    ByteTrackConfig(),
    OcSortConfig(),
    BotSortConfig(),
    DeepSortConfig(),
    DroneConfig(show_lost=True),
]
NAMES = ("car", "bus")
TURN = Motion(np.array([[0.999, -0.02, 3.0], [0.02, 0.999, -2.0]]))


def scene(frame: int) -> Detections:
    """Some objects that move, jump, come, go, and are seen with changing scores and classes."""
    rng = np.random.default_rng(frame)
    starts = np.random.default_rng(1).uniform(0, 400, (30, 2))
    centres = starts + frame * np.random.default_rng(2).uniform(-3, 3, (30, 2))
    boxes = np.hstack([centres - 8, centres + 8]) + rng.normal(0, 0.5, (30, 4))
    seen = rng.random(30) < 0.8
    features = rng.normal(0, 1, (30, 8)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    return Detections(
        boxes.astype(np.float32)[seen],
        rng.uniform(0.1, 1, 30).astype(np.float32)[seen],
        rng.integers(0, 2, 30)[seen],
        features[seen],
    )


def told(tracks: Tracks) -> list[list[float]]:
    columns = (tracks.ids, tracks.classes, tracks.scores, tracks.detection)
    return [*(column.tolist() for column in columns), *tracks.boxes.tolist()]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.name)
@pytest.mark.parametrize("kept_after", [0, 1, 7, 25])
def test_a_restored_tracker_goes_on_as_the_first_would(
    config: AnyTrackerConfig, kept_after: int, tmp_path: Path
) -> None:
    one, other = build_tracker(config, NAMES), build_tracker(config, NAMES)
    for frame in range(kept_after):
        one.update(scene(frame), motion=TURN, time_s=frame / 25)
    write_state(tmp_path / "state", state_of(one))
    later = [one.update(scene(k), motion=TURN, time_s=k / 25) for k in range(kept_after, 40)]

    restored(other, read_state(tmp_path / "state"))
    again = [other.update(scene(k), motion=TURN, time_s=k / 25) for k in range(kept_after, 40)]

    assert any(len(tracks) for tracks in later)
    assert [told(tracks) for tracks in again] == [told(tracks) for tracks in later]


def test_what_was_kept_does_not_change_with_the_tracker() -> None:
    tracker = build_tracker(DroneConfig(), NAMES)
    tracker.update(scene(0))
    kept = state_of(tracker)
    before = kept["_filters"]["state"].copy()
    tracker.update(scene(1))
    np.testing.assert_array_equal(kept["_filters"]["state"], before)


def test_the_camera_s_last_view_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ground = np.kron(rng.integers(0, 256, (40, 60, 3)), np.ones((12, 12, 1))).astype(np.uint8)
    views = [np.ascontiguousarray(ground[:400, 3 * k : 500 + 3 * k]) for k in range(3)]
    none = np.zeros((0, 4), np.float32)
    one, other = CameraMotion(), CameraMotion()
    one.update(views[0], none)
    one.update(views[1], none)
    write_state(tmp_path / "state", state_of(one))
    restored(other, read_state(tmp_path / "state"))
    found = other.update(views[2], none).matrix
    np.testing.assert_array_equal(found, one.update(views[2], none).matrix)
    assert found[0, 2] == pytest.approx(-3, abs=0.2)


def test_trails_and_places_are_kept(tmp_path: Path) -> None:
    one, other = Memory(), Memory()
    box = np.array([[0.0, 0, 4, 4], [9, 9, 12, 12]])
    tracks = Tracks(np.array([3, 1]), box, np.zeros(2, int), np.ones(2), np.arange(2))
    for time_s in (0.0, 0.5, 1.0):
        one.trails.add(time_s, replace(tracks, boxes=box + time_s))
    one.places = {3: 1, 1: -1}
    write_state(tmp_path / "state", state_of(one))
    restored(other, read_state(tmp_path / "state"))
    assert other.places == one.places
    np.testing.assert_array_equal(other.trails.points(tracks), one.trails.points(tracks))


@dataclass
class Things:
    number: int = 0
    share: float = 0.0
    maybe: float | None = None
    mark: bool = False
    pairs: dict[int, int] = field(default_factory=dict)
    past: deque[Any] = field(default_factory=lambda: deque(maxlen=3))
    rows: np.ndarray[Any, Any] = field(default_factory=lambda: np.zeros(0, [("a", int)]))


@given(
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False),
    st.none() | st.floats(allow_nan=False),
    st.booleans(),
    st.dictionaries(st.integers(-(2**60), 2**60), st.integers(-(2**60), 2**60)),
)
def test_plain_things_come_back(
    tmp_path_factory: pytest.TempPathFactory,
    number: int,
    share: float,
    maybe: float | None,
    mark: bool,
    pairs: dict[int, int],
) -> None:
    path = tmp_path_factory.getbasetemp() / "things"
    things = Things(number, share, maybe, mark, pairs, deque([(1, 2.0)], 3))
    things.rows = np.array([(5,), (6,)], things.rows.dtype)
    write_state(path, state_of(things))
    found = restored(Things(), read_state(path))
    assert (found.number, found.share, found.maybe) == (number, share, maybe)
    assert (found.mark, found.pairs) == (mark, pairs)
    assert list(found.pairs) == list(pairs)
    assert (found.past, found.past.maxlen) == (things.past, 3)
    assert found.rows.tolist() == [(5,), (6,)]


def test_what_cannot_be_kept_is_refused() -> None:
    for thing in (test_plain_things_come_back, {1, 2}, np.array([object()])):
        with pytest.raises(TypeError):
            state_of(thing)


@pytest.mark.parametrize(
    "change",
    [
        {"_frame": "7"},
        {"_frame": 1.5},
        {"_frame": True},
        {"_clock_s": None},
        {"_tracklets": []},
        {"_groups": {}},
        {"_filters": {"state": np.zeros((6, 4)), "cross": None}},
        {"_filters": {"state": np.zeros((6, 0, 4), np.float32), "cross": None}},
        {"_filters": {"cross": None}},
        {"more": 1},
    ],
    ids=str,
)
def test_a_state_of_something_else_is_refused(change: dict[str, Any]) -> None:
    state = state_of(build_tracker(DroneConfig(), NAMES)) | change
    with pytest.raises(ResumeError):
        restored(build_tracker(DroneConfig(), NAMES), state)


def test_records_of_another_size_are_refused() -> None:
    with pytest.raises(ResumeError, match="8 bytes: found 9"):
        restored(Things(), state_of(Things()) | {"rows": np.zeros(9, np.uint8)})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04N.",
        b"\xff" * 64,
        (10**15).to_bytes(8, "little") + b"{}",
        save({"0": np.zeros(1)}),
        save({}, {"state": "{"}),
        save({}, {"state": '{"array": "0"}'}),
        save({}, {"state": '{"no": 1}'}),
        save({}, {"state": "[" * 100_000}),
    ],
    ids=range(9),
)
def test_hostile_files_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)
    with pytest.raises(ResumeError, match="not the state of a run"):
        read_state(path)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "state").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ResumeError, match="too many"):
        read_state(tmp_path / "state")


def test_no_file_is_no_state(tmp_path: Path) -> None:
    assert read_state(tmp_path / "state") is None


def test_a_full_disk_leaves_the_state_before(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_state(path, {"a": 1})
    (tmp_path / "state.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match="no space left"):
        write_state(path, {"a": 2})
    assert read_state(path) == {"a": 1}


def test_an_absurd_time_base_is_refused() -> None:
    good = {"time_base": [1, 25], "shift": 0, "last": 3, "frame": 1}
    assert Timeline.restored(good).state() == good
    for bad in ([0, 1], [1, 0], [1, -1], [1.0, 2], ["1", 2]):
        with pytest.raises(ResumeError):
            Timeline.restored(good | {"time_base": bad})
