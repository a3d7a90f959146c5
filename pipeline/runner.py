"""One source through all stages."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from pipeline.checkpoints import Checkpoints
from pipeline.config import PipelineConfig
from pipeline.errors import InputError
from pipeline.identity import plain_config
from pipeline.metrics import Figures, Metrics
from pipeline.refined import REFINED_FILE, write_refined
from pipeline.sinks.segments import segments_in
from pipeline.sinks.summary import (
    InputSummary,
    LiveSummary,
    Status,
    Summary,
    package_versions,
    stage_timings,
    write_summary,
)
from pipeline.sources.live import LiveSource
from pipeline.stages import Line
from pipeline.steps import Parts, build_stages
from pipeline.tally import Spent, Tally
from pipeline.version import VERSION

SUMMARY_FILE = "summary.json"
VIDEO_FILE = "video.mp4"
TRACKS_FILE = "tracks.txt"
OUTPUT_FILES = (
    VIDEO_FILE,
    TRACKS_FILE,
    REFINED_FILE,
    "classes.txt",
    "counts.csv",
    "counts_per_frame.csv",
    SUMMARY_FILE,
)
"""What a run may leave in a source's folder, beside the segments of a video."""


class Progress(Protocol):
    """Shows how far a run is."""

    def begin(self, source: str, frames: int | None) -> None:
        """A source starts, with as many frames as are expected, `None` if that is unknown."""
        ...

    def step(self, note: str = "") -> None:
        """One more frame has passed all stages; `note` is shown beside the count."""
        ...

    def end(self) -> None:
        """The source has ended, well or not."""
        ...


def run_source(
    parts: Parts,
    config: PipelineConfig,
    folder: Path,
    progress: Progress,
    metrics: Metrics | None = None,
) -> Summary:
    """Takes every frame of a source through all stages and writes `summary.json`.

    The summary is written after a fault and after Ctrl-C too, over the frames that passed all
    stages; source and sinks are closed in any case.

    Args:
        parts: Fresh ones; the sinks write into `folder`.
        config: For the number of frames in flight, and for the record.
        folder: Exists.
        progress: Hears of every frame.
        metrics: May ask for figures while the source runs.

    Raises:
        InputError: If the source gave no frame.
        BaseException: The fault of a stage, with a note that says stage, source and frame.
    """
    saved = parts.saved
    tally, spent = (saved.tally, saved.spent) if saved else (Tally(), Spent())
    # Frames of a live stream do not wait for each other.
    live = isinstance(parts.source, LiveSource) and not parts.source.ends
    frame_batch = 1 if live else config.frame_batch
    sinks = [*parts.sinks, tally]
    if parts.identity is not None:
        kept = [parts.counts, *sinks]
        lost = parts.source
        sinks.append(Checkpoints(folder, parts.identity, kept, lambda: lost.lost, spent.state))
    stages = build_stages(
        replace(parts, sinks=sinks),
        min_score=config.tracker_min_score,
        frame_batch=frame_batch,
        duration_s=config.duration_s,
        memory_s=None if parts.identity is None else config.output.checkpoint_s,
    )
    line = spent.line = Line(stages, capacity=frame_batch)
    record = _Record(parts, config, folder, spent, tally)
    info = parts.source.info
    expected = _expected(info.frame_count, config.max_frames)
    progress.begin(parts.source.name, expected and max(expected - tally.frames, 0))
    if metrics is not None:
        metrics.follow(parts.source.name, record.figures)
    try:
        with line:
            for _ in line:
                progress.step(tally.latency.note())
        if not tally.frames:
            raise InputError(f"{info.path}: no frame could be decoded")
        if config.output.refine is not None:
            write_refined(folder, config.output.refine, (info.width, info.height))
    except BaseException as error:
        with suppress(InputError):
            interrupted = isinstance(error, KeyboardInterrupt)
            record.write("interrupted" if interrupted else "failed", describe(error))
        raise
    finally:
        progress.end()
        if metrics is not None:
            metrics.finish(parts.source.name)
    return record.write("complete", None)


def describe(error: BaseException) -> str:
    """An exception in one line, with the stage, source and frame where it happened.

    >>> error = ValueError("no such box")
    >>> error.add_note("flight: detect, frame 7")
    >>> describe(error)
    'ValueError: no such box (flight: detect, frame 7)'
    """
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = " ".join(str(error).split())
    if not isinstance(error, InputError):
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    notes = getattr(error, "__notes__", [])
    return f"{text} ({notes[0]})" if notes else text


def _expected(frame_count: int | None, max_frames: int | None) -> int | None:
    return min((count for count in (frame_count, max_frames) if count is not None), default=None)


class _Record:
    """What becomes the summary."""

    def __init__(
        self, parts: Parts, config: PipelineConfig, folder: Path, spent: Spent, tally: Tally
    ) -> None:
        self._parts = parts
        self._config = config
        self._folder = folder
        self._spent = spent
        self._tally = tally

    def write(self, status: Status, error: str | None) -> Summary:
        summary = Summary(
            status=status,
            input=self._input(),
            frames_per_second=self._tally.frames / self._spent.wall_s,
            counts=self._parts.counts.totals,
            lost=list(self._parts.source.lost),
            live=self._live(),
            outputs=[
                *(name for name in OUTPUT_FILES if self._is_there(name)),
                *segments_in(self._folder),
            ],
            timings=stage_timings(self._spent.busy_s),
            versions={"drone-video-analytics": VERSION, **package_versions()},
            seeds=self._seeds(),
            config=plain_config(self._config),
            error=error,
        )
        write_summary(self._folder / SUMMARY_FILE, summary)
        return summary

    def figures(self) -> Figures:
        """What is known by now; called by other threads."""
        tally, counts = self._tally, self._tally.counts
        names = self._parts.detector.class_names
        live = self._live()
        stream = live.stream if live else None
        counters = {"frames_written": tally.frames}
        if stream is not None:
            counters |= {"frames_received": stream.received, "reconnects": stream.reconnects}
        unique = dict(zip(names, counts.unique, strict=True)) if counts else {}
        visible = dict(zip(names, counts.visible, strict=True)) if counts else {}
        return Figures(
            counters=counters,
            gauges={"tracks": tally.tracks},
            labelled_counters={
                "frames_dropped": ("reason", stream.dropped if stream else {}),
                "faults": ("reason", stream.faults if stream else {}),
                "stage_busy_seconds": ("stage", self._spent.busy_s),
            },
            labelled_gauges={
                "queue_frames": ("stage", self._spent.queued),
                "objects_visible": ("class", visible),
                "objects_unique": ("class", unique),
            },
            latency=tally.latency.cumulative(),
        )

    def _input(self) -> InputSummary:
        info = self._parts.source.info
        tally = self._tally
        frame_s = float(1 / info.frame_rate)
        return InputSummary(
            path=info.path,
            width=info.width,
            height=info.height,
            frame_rate=float(info.frame_rate),
            pixel_aspect=float(info.pixel_aspect),
            frames=tally.frames,
            duration_s=tally.last_s - tally.first_s + frame_s if tally.frames else 0.0,
        )

    def _live(self) -> LiveSummary | None:
        source = self._parts.source
        if not isinstance(source, LiveSource):
            return None
        return LiveSummary(source.report, self._tally.latency.percentiles_s())

    def _seeds(self) -> dict[str, int]:
        live = isinstance(self._parts.source, LiveSource)
        return {"live.seed": self._config.live.seed} if live else {}

    def _is_there(self, name: str) -> bool:
        return name == SUMMARY_FILE or (self._folder / name).exists()
