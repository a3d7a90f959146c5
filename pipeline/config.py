"""Settings of one run of the program; every default stands here and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from detector.config import DetectorConfig
from tracking.config import DeepSortConfig, DroneConfig, TrackerConfig
from tracking.refine import RefineConfig

STRICT = ConfigDict(extra="forbid")

NEW_SCORE = 0.65
"""Least score that starts a track of the drone mode, with the embedded weights.

On the demo flight 20 of 21 objects are found with it, 18 with the tracker's own 0.7. On a real clip
with one near car and much clutter, 0.6 gives 15 tracks, 0.65 gives 11 and 0.7 gives 7.
"""

TRACKER_MIN_SCORE = {
    "sort": 0.3,
    "bytetrack": 0.1,
    "ocsort": 0.1,
    "botsort": 0.1,
    "deepsort": 0.3,
    "drone": 0.1,
}
"""Least score of a detection that reaches each tracker.

Most sort high from low scores themselves and never look below 0.1. SORT and DeepSORT start a
track from every row they get, whatever its score.
"""


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
    tracker: TrackerConfig = DroneConfig(new_score=NEW_SCORE)
    output: OutputConfig = OutputConfig()
    min_score: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    max_frames: Annotated[int, Field(ge=1)] | None = None
    frame_batch: Annotated[int, Field(ge=1, le=64)] = 2

    @property
    def asked_detector(self) -> DetectorConfig:
        """`detector`, with features if the tracker needs them."""
        if not isinstance(self.tracker, DeepSortConfig):
            return self.detector
        return replace(self.detector, features=True)

    @property
    def tracker_min_score(self) -> float:
        """Least score of a detection that reaches the tracker."""
        if self.min_score is None:
            return TRACKER_MIN_SCORE[self.tracker.name]
        return self.min_score
