"""The four steps of a frame: decode, detect, track, write."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import islice
from types import TracebackType

from detector.detections import Detections, Detector
from pipeline.checkpoints import Saved
from pipeline.counting import Counter
from pipeline.frame import Frame, Place, Result, Sink, Source
from pipeline.identity import Identity
from pipeline.sinks.counts import CountsSink
from pipeline.sinks.files import Timer
from pipeline.sources.live import LiveSource
from pipeline.stages import Stage, Step
from pipeline.state import state_of
from tracking.camera_motion import CameraMotion
from tracking.tracks import Tracker

LONGEST_GAP = 10_000
"""Missing frames that the tracker's clock runs through at most; by then all tracks have ended."""


@dataclass(slots=True, eq=False)
class Memory:
    """What remembers frames on their way through the track step."""

    tracker: Tracker
    camera: CameraMotion | None
    counter: Counter


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """What the frames of one source pass through; all but the detector belong to it alone.

    Attributes:
        camera: Follows the view for the tracker; `None` if that takes no notice of it.
        counts: Also keeps the totals of the run.
        sinks: Those beside `counts`.
        identity: By which a later run can go on; `None` if none can.
        saved: Where an earlier run was, from which this one goes on.
    """

    source: Source
    detector: Detector
    tracker: Tracker
    camera: CameraMotion | None
    counter: Counter
    counts: CountsSink
    sinks: Sequence[Sink]
    identity: Identity | None = None
    saved: Saved | None = None

    @property
    def memory(self) -> Memory:
        """What the track step needs to go on after the last frame that it took."""
        return Memory(self.tracker, self.camera, self.counter)


@dataclass(frozen=True, slots=True, eq=False)
class Detected:
    """A frame on its way from the detector to the tracker."""

    frame: Frame
    detections: Detections


def build_stages(
    parts: Parts,
    *,
    min_score: float,
    frame_batch: int,
    duration_s: float | None = None,
    memory_s: float | None = None,
) -> list[Stage]:
    """The four stages of a source; the last yields each frame's index.

    The source is closed by the first and the sinks by the last, however they end. An
    exception leaves with a note that says stage, source and frame.

    Args:
        parts: What the frames pass through.
        min_score: Detections with a lower score do not reach the tracker. Frames that are
            missing from the source's order reach it as frames without detections.
        frame_batch: Frames that the detector gets at once. The last batch may be shorter; no
            other is, so the same input makes the same batches.
        duration_s: Frames so many seconds after the first are left out; `None` takes all.
        memory_s: Seconds of wall time after which a result bears the tracker's memory again;
            `None`: none does. It is the last of a batch, so that a later run makes the same
            batches.
    """
    name = parts.source.name
    due = _Due(memory_s, frame_batch, parts.saved.tally.frames if parts.saved else 0)
    first_s = parts.saved.tally.first_s if parts.saved else None
    return [
        _first_stage(parts.source, duration_s, first_s),
        Stage("detect", _detect(parts.detector, name, frame_batch)),
        Stage("track", _track(parts, min_score, due)),
        Stage("write", _write([parts.counts, *parts.sinks], name)),
    ]


class _Place:
    """Notes on an exception where it happened."""

    def __init__(self, stage: str, source: str) -> None:
        self._stage = stage
        self._source = source
        self.at = "before the first frame"

    def frames(self, first: Frame, last: Frame) -> None:
        """The frames in hand."""
        one = first.index == last.index
        self.at = f"frame {first.index}" if one else f"frames {first.index}-{last.index}"

    def __enter__(self) -> _Place:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception):
            error.add_note(f"{self._source}: {self._stage}, {self.at}")


class _Due:
    """Tells after which frames the tracker's memory is to be kept."""

    def __init__(self, memory_s: float | None, frame_batch: int, frames: int) -> None:
        self._timer = None if memory_s is None else Timer(memory_s)
        self._frame_batch = frame_batch
        self._frames = frames

    def next(self) -> bool:
        self._frames += 1
        if self._timer is None or self._frames % self._frame_batch:
            return False
        return self._timer.due()


def _first_stage(source: Source, duration_s: float | None, first_s: float | None) -> Stage:
    step = _decode(source, duration_s, first_s)
    if not isinstance(source, LiveSource):
        return Stage("decode", step, stop=source.close)
    # Frames that wait in the line get old.
    return Stage("decode", step, source.in_haste, source.close, lambda: source.waited_s)


def _decode(source: Source, duration_s: float | None, first_s: float | None) -> Step:
    def step(_: Iterator[None]) -> Generator[Frame, None, None]:
        nonlocal first_s
        with _Place("decode", source.name) as place, closing(source):
            for frame in source:
                first_s = frame.time_s if first_s is None else first_s
                if duration_s is not None and frame.time_s - first_s >= duration_s:
                    return
                yield frame
                place.at = f"after frame {frame.index}"

    return step


def _detect(detector: Detector, source: str, frame_batch: int) -> Step:
    def step(frames: Iterator[Frame]) -> Generator[Detected, None, None]:
        with _Place("detect", source) as place:
            while batch := list(islice(frames, frame_batch)):
                place.frames(batch[0], batch[-1])
                found = detector.detect([frame.image for frame in batch])
                for frame, detections in zip(batch, found, strict=True):
                    yield Detected(frame, detections)

    return step


def _track(parts: Parts, min_score: float, due: _Due) -> Step:
    tracker = parts.tracker

    def step(items: Iterator[Detected]) -> Generator[Result, None, None]:
        last: Frame | Place | None = parts.saved.place if parts.saved else None
        with _Place("track", parts.source.name) as place:
            for item in items:
                frame = item.frame
                place.frames(frame, frame)
                for time_s in _missing(last, frame):
                    tracker.update(Detections.empty(), time_s=time_s)
                last = frame
                detections = item.detections[item.detections.scores >= min_score]
                motion = None
                if parts.camera is not None:
                    motion = parts.camera.update(frame.image, detections.boxes)
                tracks = tracker.update(detections, motion=motion, time_s=frame.time_s)
                counts = parts.counter.update(tracks)
                memory = state_of(parts.memory) if due.next() else None
                yield Result(frame, detections, tracks, counts, memory)

    return step


def _missing(last: Frame | Place | None, frame: Frame) -> Iterator[float]:
    """The times at which frames between these two would have been."""
    steps = 1 if last is None else frame.index - last.index
    if last is None or steps < 2:
        return
    each_s = (frame.time_s - last.time_s) / steps
    for step in range(1, min(steps, LONGEST_GAP + 1)):
        yield last.time_s + step * each_s


def _write(sinks: Sequence[Sink], source: str) -> Step:
    def step(results: Iterator[Result]) -> Generator[int, None, None]:
        with _Place("write", source) as place, ExitStack() as open_sinks:
            for sink in sinks:
                open_sinks.callback(sink.close)
            for result in results:
                place.frames(result.frame, result.frame)
                for sink in sinks:
                    sink.write(result)
                yield result.frame.index
            place.at = "completing the files"

    return step
