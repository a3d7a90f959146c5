"""One frozen config per tracker: the reference implementations' parameters and defaults."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)

CLASS_GROUPS = (
    (
        "car",
        "van",
        "truck",
        "bus",
        "minibus",
        "minivan",
        "pickup",
        "lorry",
        "vehicle",
        "other vehicle",
    ),
    ("person", "pedestrian", "people", "rider"),
    ("bicycle", "motorcycle", "motorbike", "motor", "tricycle", "awning tricycle"),
)
"""Classes that a detector mistakes for each other; spaces, `-` and `_` are the same."""


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class SortConfig:
    """Parameters of SORT (Bewley et al., 2016), named as in its reference.

    Attributes:
        max_age: Missed frames in a row that a track survives.
        min_hits: Updates in a row before a track is shown; the first `min_hits` frames show all.
        iou_threshold: Least overlap of a detection with the predicted box.
    """

    name: Literal["sort"] = "sort"
    max_age: int = 1
    min_hits: int = 3
    iou_threshold: float = 0.3


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class ByteTrackConfig:
    """Parameters of ByteTrack (Zhang et al., 2022), named as in its reference.

    Attributes:
        track_thresh: Detections above it can start and confirm tracks; those between 0.1 and
            it only continue them.
        match_thresh: Limit of the first association's cost, `1 - IoU * score`.
        track_buffer: Frames that a lost track is kept at 30 frames/s.
        frame_rate: Frames/s; scales `track_buffer`.
        fuse_score: Whether the cost contains the score; without it, it is `1 - IoU`.
    """

    name: Literal["bytetrack"] = "bytetrack"
    track_thresh: float = 0.6
    match_thresh: float = 0.9
    track_buffer: Annotated[int, Field(ge=0, le=10**9)] = 30
    frame_rate: Annotated[float, Field(gt=0, le=1e6)] = 30
    fuse_score: bool = True


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class OcSortConfig:
    """Parameters of OC-SORT (Cao et al., 2023), named as in its reference.

    Attributes:
        det_thresh: Detections above it can start tracks.
        max_age: Missed frames in a row that a track survives.
        min_hits: Updates in a row before a track is shown; the first `min_hits` frames show all.
        iou_threshold: Least overlap of a detection with the predicted or the last seen box.
        delta_t: Frames over which the direction of motion is taken.
        inertia: Weight of the direction beside the IoU.
        use_byte: Whether detections between 0.1 and `det_thresh` continue tracks.
    """

    name: Literal["ocsort"] = "ocsort"
    det_thresh: float = 0.6
    max_age: int = 30
    min_hits: int = 3
    iou_threshold: float = 0.3
    delta_t: Annotated[int, Field(le=1000)] = 3
    inertia: float = 0.2
    use_byte: bool = False


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class BotSortConfig:
    """Parameters of BoT-SORT (Aharon et al., 2022) without ReID, named as in its reference.

    Attributes:
        track_high_thresh: Detections above it take part in the first association.
        track_low_thresh: Detections between it and `track_high_thresh` only continue tracks.
        new_track_thresh: Least score that starts a track.
        track_buffer: Frames that a lost track is kept at 30 frames/s.
        match_thresh: Limit of the first association's cost, `1 - IoU * score`.
        fuse_score: Whether the cost contains the score; without it, it is `1 - IoU`.
        frame_rate: Frames/s; scales `track_buffer`.
    """

    name: Literal["botsort"] = "botsort"
    track_high_thresh: float = 0.6
    track_low_thresh: float = 0.1
    new_track_thresh: float = 0.7
    track_buffer: Annotated[int, Field(ge=0, le=10**9)] = 30
    match_thresh: float = 0.8
    fuse_score: bool = True
    frame_rate: Annotated[float, Field(gt=0, le=1e6)] = 30


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class DroneConfig:
    """Parameters of the drone mode.

    Attributes:
        new_score: Least score that starts a track.
        high_score: Detections from it on continue, confirm and find again.
        low_score: Detections between it and `high_score` only continue a track that is in sight;
            those below it are not used.
        lost_s: Seconds after it was last seen in which an object can be found again.
        groups: Names of classes that may take turns on one object. A class in none of them is a
            group of its own.
        show_lost: Whether tracks without a detection are shown, where they should be by now.
        frame_rate: Frames/s where the times of the frames are not known.
    """

    name: Literal["drone"] = "drone"
    new_score: Annotated[float, Field(ge=0)] = 0.7
    high_score: Annotated[float, Field(ge=0)] = 0.5
    low_score: Annotated[float, Field(ge=0)] = 0.1
    lost_s: Annotated[float, Field(ge=0, le=1e9)] = 3.0
    groups: tuple[tuple[str, ...], ...] = CLASS_GROUPS
    show_lost: bool = False
    frame_rate: Annotated[float, Field(gt=0, le=1e6)] = 30


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class DeepSortConfig:
    """Parameters of DeepSORT (Wojke et al., 2017), named as in its reference.

    Attributes:
        max_cosine_distance: Most that a detection's appearance may be from the nearest that the
            track has had.
        nn_budget: Vectors kept of each track, the newest ones; the reference keeps all.
        max_iou_distance: Most that `1 - IoU` may be in the association by overlap.
        max_age: Frames in a row without a detection after which a track ends.
        n_init: Detections in a row before a track is shown.
    """

    name: Literal["deepsort"] = "deepsort"
    max_cosine_distance: Annotated[float, Field(ge=0, le=2)] = 0.2
    nn_budget: Annotated[int, Field(ge=1, le=10_000)] = 100
    max_iou_distance: Annotated[float, Field(gt=0, le=1)] = 0.7
    max_age: Annotated[int, Field(ge=0)] = 30
    n_init: Annotated[int, Field(ge=1)] = 3


AnyTrackerConfig: TypeAlias = (
    SortConfig | ByteTrackConfig | OcSortConfig | BotSortConfig | DeepSortConfig | DroneConfig
)

TrackerConfig: TypeAlias = Annotated[AnyTrackerConfig, Field(discriminator="name")]
"""Any tracker's config; `name` tells which."""

TRACKER_CONFIGS: dict[str, type[AnyTrackerConfig]] = {
    "sort": SortConfig,
    "bytetrack": ByteTrackConfig,
    "ocsort": OcSortConfig,
    "botsort": BotSortConfig,
    "deepsort": DeepSortConfig,
    "drone": DroneConfig,
}
"""The choices of `name`."""

FOLLOW_CAMERA = ("botsort", "drone")
"""Names of those that a known motion of the camera helps."""
