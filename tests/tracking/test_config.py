from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tracking.botsort import BotSort
from tracking.build import build_tracker
from tracking.bytetrack import ByteTrack
from tracking.config import (
    FOLLOW_CAMERA,
    TRACKER_CONFIGS,
    AnyTrackerConfig,
    BotSortConfig,
    ByteTrackConfig,
    OcSortConfig,
    SortConfig,
    TrackerConfig,
)
from tracking.ocsort import OcSort
from tracking.sort import Sort

ADAPTER = TypeAdapter[AnyTrackerConfig](TrackerConfig)


def test_defaults_are_the_references() -> None:
    assert vars(SortConfig()) == {
        "name": "sort",
        "max_age": 1,
        "min_hits": 3,
        "iou_threshold": 0.3,
    }
    assert vars(ByteTrackConfig()) == {
        "name": "bytetrack",
        "track_thresh": 0.6,
        "match_thresh": 0.9,
        "track_buffer": 30,
        "frame_rate": 30,
        "fuse_score": True,
    }
    assert vars(OcSortConfig()) == {
        "name": "ocsort",
        "det_thresh": 0.6,
        "max_age": 30,
        "min_hits": 3,
        "iou_threshold": 0.3,
        "delta_t": 3,
        "inertia": 0.2,
        "use_byte": False,
    }
    assert vars(BotSortConfig()) == {
        "name": "botsort",
        "track_high_thresh": 0.6,
        "track_low_thresh": 0.1,
        "new_track_thresh": 0.7,
        "track_buffer": 30,
        "match_thresh": 0.8,
        "fuse_score": True,
        "frame_rate": 30,
    }


@pytest.mark.parametrize("name", list(TRACKER_CONFIGS))
def test_the_name_chooses_the_config(name: str) -> None:
    assert ADAPTER.validate_python({"name": name}) == TRACKER_CONFIGS[name]()


@pytest.mark.parametrize(
    "values",
    [
        {"name": "sort", "max_age": 1.5},
        {"name": "sort", "iou_threshold": float("inf")},
        {"name": "sort", "track_buffer": 30},
        {"name": "bytetrack", "track_thresh": float("nan")},
        {"name": "bytetrack", "track_buffer": -1},
        {"name": "bytetrack", "track_buffer": 1.5},
        {"name": "bytetrack", "track_buffer": 10**9 + 1},
        {"name": "bytetrack", "frame_rate": 0},
        {"name": "bytetrack", "frame_rate": 1e308},
        {"name": "bytetrack", "max_age": 1},
        {"name": "ocsort", "delta_t": 1001},
        {"name": "ocsort", "track_buffer": 30},
        {"name": "botsort", "det_thresh": 0.6},
        {"name": "deep"},
        {},
    ],
)
def test_what_no_tracker_takes_is_refused(values: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(values)


def test_build_tracker() -> None:
    assert isinstance(build_tracker(SortConfig()), Sort)
    assert isinstance(build_tracker(ByteTrackConfig()), ByteTrack)
    assert isinstance(build_tracker(OcSortConfig()), OcSort)
    assert isinstance(build_tracker(BotSortConfig()), BotSort)


def test_those_that_follow_the_camera_exist() -> None:
    assert set(FOLLOW_CAMERA) <= set(TRACKER_CONFIGS)
