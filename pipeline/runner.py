"""One source through all stages."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from pydantic import TypeAdapter

from pipeline.config import PipelineConfig
from pipeline.errors import InputError
from pipeline.frame import Result
from pipeline.refined import REFINED_FILE, write_refined
from pipeline.sinks.summary import (
    InputSummary,
    Status,
    Summary,
    package_versions,
    stage_timings,
    write_summary,
)
from pipeline.stages import Line
from pipeline.steps import Parts, build_stages
from pipeline.version import VERSION

SUMMARY_FILE = "summary.json"
OUTPUT_FILES = (
    "video.mp4",
    "tracks.txt",
    REFINED_FILE,
    "classes.txt",
    "counts.csv",
    "counts_per_frame.csv",
    SUMMARY_FILE,
)
"""All that a run may write into a source's folder."""


class Progress(Protocol):
    """Shows how far a run is."""

    def begin(self, source: str, frames: int | None) -> None:
        """A source starts, with as many frames as are expected, `None` if that is unknown."""
        ...

    def step(self) -> None:
        """One more frame has passed all stages."""
        ...

    def end(self) -> None:
        """The source has ended, well or not."""
        ...


def run_source(parts: Parts, config: PipelineConfig, folder: Path, progress: Progress) -> Summary:
    """Takes every frame of a source through all stages and writes `summary.json`.

    The summary is written after a fault and after Ctrl-C too, over the frames that passed all
    stages; source and sinks are closed in any case.

    Args:
        parts: Fresh ones; the sinks write into `folder`.
        config: For the number of frames in flight, and for the record.
        folder: Exists.
        progress: Hears of every frame.

    Raises:
        InputError: If the source gave no frame.
        BaseException: The fault of a stage, with a note that says stage, source and frame.
    """
    tally = _Tally()
    stages = build_stages(
        replace(parts, sinks=[*parts.sinks, tally]),
        min_score=config.tracker_min_score,
        frame_batch=config.frame_batch,
    )
    line = Line(stages, capacity=config.frame_batch)
    record = _Record(parts, config, folder, line, tally)
    info = parts.source.info
    progress.begin(parts.source.name, _expected(info.frame_count, config.max_frames))
    try:
        with line:
            for _ in line:
                progress.step()
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


class _Tally:
    """The last sink: counts the frames that all others have taken."""

    def __init__(self) -> None:
        self.frames = 0
        self.first_s = self.last_s = 0.0

    def write(self, result: Result) -> None:
        self.last_s = result.frame.time_s
        if not self.frames:
            self.first_s = self.last_s
        self.frames += 1

    def close(self) -> None:
        pass


class _Record:
    """What becomes the summary."""

    def __init__(
        self, parts: Parts, config: PipelineConfig, folder: Path, line: Line, tally: _Tally
    ) -> None:
        self._parts = parts
        self._config = config
        self._folder = folder
        self._line = line
        self._tally = tally
        self._started_s = perf_counter()

    def write(self, status: Status, error: str | None) -> Summary:
        wall_s = perf_counter() - self._started_s
        summary = Summary(
            status=status,
            input=self._input(),
            frames_per_second=self._tally.frames / wall_s,
            counts=self._parts.counts.totals,
            lost=list(self._parts.source.lost),
            outputs=[name for name in OUTPUT_FILES if self._is_there(name)],
            timings=stage_timings(self._line.busy_s),
            versions={"drone-video-analytics": VERSION, **package_versions()},
            seeds={},
            config=_plain(self._config),
            error=error,
        )
        write_summary(self._folder / SUMMARY_FILE, summary)
        return summary

    def _input(self) -> InputSummary:
        info = self._parts.source.info
        tally = self._tally
        frame_s = float(1 / info.frame_rate)
        return InputSummary(
            path=info.path,
            width=info.width,
            height=info.height,
            frame_rate=float(info.frame_rate),
            frames=tally.frames,
            duration_s=tally.last_s - tally.first_s + frame_s if tally.frames else 0.0,
        )

    def _is_there(self, name: str) -> bool:
        return name == SUMMARY_FILE or (self._folder / name).exists()


def _plain(config: PipelineConfig) -> Any:
    return TypeAdapter(PipelineConfig).dump_python(config, mode="json")
