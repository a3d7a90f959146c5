"""Settings of one run of the program; every default stands here and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Literal

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
        segment_s: Seconds after which the annotated video goes on in another file, for runs
            without end; `None`: it is one file.
        refine: How `tracks_refined.txt` is made of the finished tracks; `None`: it is not.
        checkpoint_s: Seconds after which the place in a file is kept anew, for `--resume`.
    """

    folder: Annotated[str, Field(min_length=1)] = "runs"
    video: bool = True
    segment_s: Annotated[float, Field(gt=0)] | None = None
    refine: RefineConfig | None = None
    checkpoint_s: Annotated[float, Field(ge=0, le=3600)] = 5.0


@dataclass(frozen=True, config=STRICT)
class LiveConfig:
    """How live streams and webcams are read.

    Attributes:
        policy: What gives way when analysis is slower than the stream. `latest`: all but the
            newest frame; `every-nth`: all but every n-th, then the oldest; `all`: nothing, the
            stream has to wait.
        every: The n of `every-nth`.
        queue_frames: Frames that may wait for analysis under `every-nth` and `all`.
        rtsp_transport: How RTSP sends the pictures.
        open_s: Seconds in which a connection must give its first frame.
        stall_s: Seconds without a frame after which a connection is given up.
        retry_s: Longest pause before the first try to connect again. It doubles with each
            that fails, up to `retry_most_s`; up to half of it is left to chance.
        retry_most_s: Longest pause of all.
        give_up_s: Seconds without a frame after which the run ends; `None`: it goes on.
        gap_s: Longest gap after which a run goes on as if nothing had been; a longer one is
            noted as a break.
        seed: Of the chance in the pauses.
    """

    policy: Literal["latest", "all", "every-nth"] = "latest"
    every: Annotated[int, Field(ge=1)] = 2
    queue_frames: Annotated[int, Field(ge=1, le=1000)] = 32
    rtsp_transport: Literal["tcp", "udp"] = "tcp"
    open_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    stall_s: Annotated[float, Field(gt=0, le=3600)] = 5.0
    retry_s: Annotated[float, Field(gt=0, le=3600)] = 0.5
    retry_most_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    give_up_s: Annotated[float, Field(gt=0)] | None = 300.0
    gap_s: Annotated[float, Field(ge=0)] = 2.0
    seed: int = 0


@dataclass(frozen=True, config=STRICT)
class MetricsConfig:
    """Where Prometheus can ask what the run does.

    Attributes:
        port: `None`: nowhere.
        host: Address to listen at; 0.0.0.0 lets other machines ask too.
    """

    port: Annotated[int, Field(ge=0, le=65535)] | None = None
    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"


@dataclass(frozen=True, config=STRICT)
class PipelineConfig:
    """One run of the program over any number of sources.

    Attributes:
        detector: How objects are found.
        tracker: How they are joined to tracks.
        output: What is written.
        live: How live streams are read.
        metrics: Where Prometheus can ask.
        min_score: Detections below it do not reach the tracker, 0 to 1; `None` for the
            tracker's own value in `TRACKER_MIN_SCORE`. The detector's `confidence` bounds it
            from below.
        max_frames: Frames taken from each source, from its start; `None` for all.
        duration_s: Seconds taken from each source, from its first frame; `None` for all.
        frame_batch: Frames that the detector gets at once; also what may wait between two
            stages, so about four times as many are in memory. Live streams have 1.
    """

    detector: DetectorConfig = DetectorConfig()
    tracker: TrackerConfig = DroneConfig(new_score=NEW_SCORE)
    output: OutputConfig = OutputConfig()
    live: LiveConfig = LiveConfig()
    metrics: MetricsConfig = MetricsConfig()
    min_score: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    max_frames: Annotated[int, Field(ge=1)] | None = None
    duration_s: Annotated[float, Field(gt=0)] | None = None
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
