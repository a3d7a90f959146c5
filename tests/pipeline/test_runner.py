"""One source through the stages, with parts that fail where the test says."""

from __future__ import annotations

import json
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detector.detections import Detections, Image
from pipeline.config import OutputConfig, PipelineConfig
from pipeline.counting import Counter
from pipeline.errors import InputError
from pipeline.frame import Counts, Frame, Result, SourceInfo
from pipeline.runner import describe, run_source
from pipeline.sinks.counts import CountsSink
from pipeline.sinks.summary import Summary
from pipeline.steps import Parts
from tests.pipeline.flights import Silent
from tracking.tracks import Motion, Tracks

WATCHDOG_S = 20.0
FRAMES = 12


class FaultError(Exception):
    """What the test injects."""


def never(_: int) -> None:
    """No fault at any frame."""


def at(bad: int, error: type[BaseException] = FaultError) -> Callable[[int], None]:
    """A fault at one frame."""

    def check(index: int) -> None:
        if index == bad:
            raise error(f"frame {bad} is bad")

    return check


@dataclass
class FakeSource:
    """Frames whose first pixel is their index."""

    count: int = FRAMES
    check: Callable[[int], None] = never
    name: str = "clip"
    lost: list[str] = field(default_factory=list)
    closed: int = 0

    @property
    def info(self) -> SourceInfo:
        return SourceInfo("some/clip.mp4", 8, 6, Fraction(25), self.count)

    def __iter__(self) -> Iterator[Frame]:
        for index in range(self.count):
            self.check(index)
            image = np.full((6, 8, 3), index % 256, np.uint8)
            yield Frame(image, self.name, index, index, Fraction(1, 25))

    def close(self) -> None:
        self.closed += 1


@dataclass
class FakeDetector:
    """One box in each frame."""

    check: Callable[[int], None] = never
    class_names: tuple[str, ...] = ("car", "bus")

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        for image in images:
            self.check(int(image[0, 0, 0]))
        box = np.array([[0, 0, 4, 4]], np.float32)
        return [Detections(box, np.ones(1, np.float32), np.zeros(1, np.int64)) for _ in images]


@dataclass
class FakeTracker:
    """Makes each detection the track 1."""

    check: Callable[[int], None] = never
    seen: int = 0

    def update(
        self,
        detections: Detections,
        *,
        motion: Motion | None = None,
        time_s: float | None = None,
    ) -> Tracks:
        self.check(self.seen)
        self.seen += 1
        count = len(detections)
        ids, rows = np.arange(1, count + 1), np.arange(count)
        boxes, scores = detections.boxes.astype(float), detections.scores.astype(float)
        return Tracks(ids, boxes, detections.class_ids, scores, rows)


@dataclass
class FakeSink:
    """Remembers the frames it took."""

    check: Callable[[int], None] = never
    check_close: Callable[[int], None] = never
    indexes: list[int] = field(default_factory=list)
    closed: int = 0

    def write(self, result: Result) -> None:
        self.check(result.frame.index)
        self.indexes.append(result.frame.index)

    def close(self) -> None:
        self.closed += 1
        self.check_close(self.closed)


@dataclass
class Bench:
    """Parts to run, and what came of it."""

    folder: Path
    source: FakeSource = field(default_factory=FakeSource)
    detector: FakeDetector = field(default_factory=FakeDetector)
    tracker: FakeTracker = field(default_factory=FakeTracker)
    sinks: list[FakeSink] = field(default_factory=lambda: [FakeSink(), FakeSink()])
    progress: Silent = field(default_factory=Silent)

    def run(self, frame_batch: int = 3) -> Summary:
        """Runs in a thread of its own, so that a hang fails the test instead of the suite."""
        config = PipelineConfig(frame_batch=frame_batch, output=OutputConfig(str(self.folder)))
        counts = CountsSink(self.folder, self.detector.class_names)
        counter = Counter(self.detector.class_names)
        parts = Parts(self.source, self.detector, self.tracker, None, counter, counts, self.sinks)
        outcome: dict[str, Any] = {}

        def act() -> None:
            try:
                outcome["summary"] = run_source(parts, config, self.folder, self.progress)
            except BaseException as error:  # noqa: BLE001 - raised again below
                outcome["error"] = error

        thread = threading.Thread(target=act, daemon=True)
        thread.start()
        thread.join(WATCHDOG_S)
        assert not thread.is_alive(), "hangs"
        if "error" in outcome:
            raise outcome["error"]
        summary = outcome["summary"]
        assert isinstance(summary, Summary)
        return summary

    def summary(self) -> dict[str, Any]:
        found = json.loads((self.folder / "summary.json").read_text())
        assert isinstance(found, dict)
        return found


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.mark.parametrize("frame_batch", [1, 3, 12, 50])
def test_every_frame_passes_in_order(frame_batch: int, bench: Bench) -> None:
    summary = bench.run(frame_batch)
    assert [sink.indexes for sink in bench.sinks] == [list(range(FRAMES))] * 2
    assert (summary.status, summary.input.frames) == ("complete", FRAMES)
    assert bench.progress.heard == [("clip", FRAMES)]
    assert (bench.progress.steps, bench.progress.ended) == (FRAMES, 1)
    assert bench.source.closed >= 1
    assert all(sink.closed for sink in bench.sinks)


@pytest.mark.parametrize("bad", [0, 1, 5, FRAMES - 1])
@pytest.mark.parametrize("stage", ["decode", "detect", "track", "write"])
def test_a_fault_stops_all_and_tells_its_place(stage: str, bad: int, bench: Bench) -> None:
    parts: dict[str, FakeSource | FakeDetector | FakeTracker | FakeSink] = {
        "decode": bench.source,
        "detect": bench.detector,
        "track": bench.tracker,
        "write": bench.sinks[1],
    }
    parts[stage].check = at(bad)

    with pytest.raises(FaultError, match=f"frame {bad} is bad") as caught:
        bench.run()

    place = {
        "decode": f"after frame {bad - 1}" if bad else "before the first frame",
        "detect": f"frames {bad // 3 * 3}-{bad // 3 * 3 + 2}",
        "track": f"frame {bad}",
        "write": f"frame {bad}",
    }[stage]
    assert caught.value.__notes__[0] == f"clip: {stage}, {place}"
    assert bench.source.closed >= 1
    assert all(sink.closed for sink in bench.sinks)
    assert bench.progress.ended == 1

    # What came before the fault is written; a batch falls as a whole.
    whole = bad // 3 * 3 if stage == "detect" else bad
    assert bench.sinks[1].indexes == list(range(whole))
    summary = bench.summary()
    assert summary["status"] == "failed"
    assert summary["error"] == f"FaultError: frame {bad} is bad (clip: {stage}, {place})"
    assert summary["input"]["frames"] == whole


def test_a_fault_while_the_files_are_completed_is_told(bench: Bench) -> None:
    bench.sinks[0].check_close = at(1)
    with pytest.raises(FaultError) as caught:
        bench.run()
    assert caught.value.__notes__[0] == "clip: write, completing the files"
    assert bench.sinks[1].closed


def test_ctrl_c_in_the_caller_ends_with_complete_files(bench: Bench) -> None:
    bench.source.count = 10**9

    class Interrupting(Silent):
        def step(self, note: str = "") -> None:
            super().step(note)
            if self.steps == 5:
                raise KeyboardInterrupt

    bench.progress = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        bench.run()
    assert bench.source.closed >= 1
    assert all(sink.closed for sink in bench.sinks)
    written = bench.sinks[1].indexes
    assert written == list(range(len(written)))
    assert len(written) >= 5
    summary = bench.summary()
    assert (summary["status"], summary["error"]) == ("interrupted", "interrupted")
    assert summary["input"]["frames"] == len(written)
    rows = (bench.folder / "counts_per_frame.csv").read_text().splitlines()
    assert len(rows) == 1 + len(written)


def test_a_source_without_frames_is_no_success(bench: Bench) -> None:
    bench.source.count = 0
    with pytest.raises(InputError, match=r"some/clip.mp4: no frame could be decoded"):
        bench.run()
    assert bench.summary()["status"] == "failed"


def test_a_detector_that_forgets_an_image_is_a_fault(bench: Bench) -> None:
    whole = bench.detector.detect

    class Forgetful(FakeDetector):
        def detect(self, images: Sequence[Image]) -> list[Detections]:
            return whole(images)[:-1]

    bench.detector = Forgetful()
    with pytest.raises(ValueError, match="shorter"):
        bench.run()


@pytest.mark.parametrize("frame_batch", [1, 4])
def test_frames_in_memory_are_bounded_however_long_the_source(
    frame_batch: int, bench: Bench
) -> None:
    most = 0

    class Watched(FakeSource):
        def __iter__(self) -> Iterator[Frame]:
            nonlocal most
            for frame in super().__iter__():
                images.add(Held(frame.image))
                yield frame
                most = max(most, len(images))

    class Held:
        """Lives as long as the image, which cannot be counted itself."""

        def __init__(self, image: Image) -> None:
            weakref.finalize(image, images.discard, self)

    images: set[Held] = set()
    bench.source = Watched(count=500)
    bench.run(frame_batch)
    # Three channels, the batch in the detector, and one in each other stage's hands, with
    # what a stage still holds of its last item while it waits.
    assert most <= 4 * frame_batch + 6


def test_no_score_below_the_floor_reaches_the_tracker(bench: Bench) -> None:
    class Scored(FakeDetector):
        def detect(self, images: Sequence[Image]) -> list[Detections]:
            scores = np.array([0.0999, 0.1, 0.9], np.float32)
            boxes = np.array([[0, 0, 4, 4]] * 3, np.float32)
            return [Detections(boxes, scores, np.array([0, 1, 1])) for _ in images]

    bench.detector = Scored()
    counts = bench.run().counts
    assert (counts["car"].detections, counts["bus"].detections) == (0, 2 * FRAMES)


def test_an_unknown_length_is_told_as_such(bench: Bench) -> None:
    class Endless(FakeSource):
        @property
        def info(self) -> SourceInfo:
            return SourceInfo("x", 8, 6, Fraction(25), None)

    bench.source = Endless()
    bench.run()
    assert bench.progress.heard == [("clip", None)]


def test_errors_are_told_in_one_line() -> None:
    error = InputError("a.mp4: cut\noff")
    assert describe(error) == "a.mp4: cut off"
    assert describe(MemoryError()) == "MemoryError"
    error.add_note("a: write, frame 3")
    assert describe(error) == "a.mp4: cut off (a: write, frame 3)"


def test_counts_are_part_of_a_result(bench: Bench) -> None:
    taken: list[Counts] = []

    class Taking(FakeSink):
        def write(self, result: Result) -> None:
            taken.append(result.counts)

    bench.sinks = [Taking()]
    bench.run()
    assert taken == [Counts((1, 0), (1, 0))] * FRAMES
