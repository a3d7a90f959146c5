"""One frozen config per tracker: the reference implementations' parameters and defaults."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True, kw_only=True, config=_STRICT)
class SortConfig:
    """Parameters of SORT (Bewley et al., 2016), named as in its reference.

    Attributes:
        max_age: Missed frames in a row that a track survives.
        min_hits: Updates in a row before a track is shown; the first `min_hits` frames show all.
        iou_threshold: Least overlap of a detection with the predicted box.
    """

    name: Literal["sort"] = "sort"
    max_age: Annotated[int, Field(ge=0)] = 1
    min_hits: Annotated[int, Field(ge=0)] = 3
    iou_threshold: Annotated[float, Field(gt=0, le=1)] = 0.3


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
    track_thresh: Annotated[float, Field(ge=0)] = 0.6
    match_thresh: Annotated[float, Field(gt=0, le=1)] = 0.9
    track_buffer: Annotated[int, Field(ge=0, le=10**9)] = 30
    frame_rate: Annotated[float, Field(gt=0, le=1e6)] = 30
    fuse_score: bool = True


TrackerConfig: TypeAlias = Annotated[SortConfig | ByteTrackConfig, Field(discriminator="name")]
"""Any tracker's config; `name` tells which."""

TRACKER_CONFIGS: dict[str, type[SortConfig | ByteTrackConfig]] = {
    "sort": SortConfig,
    "bytetrack": ByteTrackConfig,
}
"""The choices of `name`."""
