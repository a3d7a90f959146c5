"""Settings of one run of the program; every default stands here and nowhere else."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from detector.config import DetectorConfig
from tracking.config import ByteTrackConfig, TrackerConfig
from tracking.refine import RefineConfig

STRICT = ConfigDict(extra="forbid")

TRACKER_MIN_SCORE = {"bytetrack": 0.1, "sort": 0.3}
"""Least score of a detection that reaches each tracker.

ByteTrack sorts high from low scores itself and never looks below 0.1. SORT starts a track from
every row it gets, whatever its score.
"""


TRACK_THRESH = 0.5
"""ByteTrack's own 0.6 is for a larger network. With the embedded weights 0.5 covers 91 % instead of
38 % of one car seen from behind for 300 frames, and shows as few false tracks in a car park."""


@dataclass(frozen=True, config=STRICT)
class OutputConfig:
    """What is written and where.

    Attributes:
        folder: Each source gets a folder of its own in it.
        video: Whether the annotated video is written.
        refine: How `tracks_refined.txt` is made of the finished tracks; `None`: it is not.
    """

    folder: Annotated[str, Field(min_length=1)] = "runs"
    video: bool = True
    refine: RefineConfig | None = None


@dataclass(frozen=True, config=STRICT)
class PipelineConfig:
    """One run of the program over any number of sources.

    Attributes:
        detector: How objects are found.
        tracker: How they are joined to tracks.
        output: What is written.
        min_score: Detections below it do not reach the tracker, 0 to 1; `None` for the
            tracker's own value in `TRACKER_MIN_SCORE`. The detector's `confidence` bounds it
            from below.
        max_frames: Frames taken from each source, from its start; `None` for all.
        frame_batch: Frames that the detector gets at once; also what may wait between two
            stages, so about four times as many are in memory.
    """

    detector: DetectorConfig = DetectorConfig()
    tracker: TrackerConfig = ByteTrackConfig(name="bytetrack", track_thresh=TRACK_THRESH)
    output: OutputConfig = OutputConfig()
    min_score: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    max_frames: Annotated[int, Field(ge=1)] | None = None
    frame_batch: Annotated[int, Field(ge=1, le=64)] = 2

    @property
    def tracker_min_score(self) -> float:
        """Least score of a detection that reaches the tracker."""
        if self.min_score is None:
            return TRACKER_MIN_SCORE[self.tracker.name]
        return self.min_score
