"""A run that was killed and gone on with leaves the files of one that was not.

What a killed process leaves is a copy of its folder, taken while it works: what is not on its
way to the disk by then is not in it.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import kill_resume
from benchmarks.kill_resume import differences, times
from detector.detections import Detections, Image
from pipeline.batch import Outcome, run_batch
from pipeline.checkpoints import CHECKPOINT_FILE
from pipeline.config import OutputConfig, PipelineConfig
from pipeline.errors import InputError
from pipeline.frame import Place
from pipeline.identity import identity_of
from pipeline.ledger import Ledger
from pipeline.lock import locked
from pipeline.sinks.segments import segments_in
from pipeline.sources.discovery import discover
from pipeline.sources.resuming import checksum, open_behind
from pipeline.sources.video import VideoSource
from pipeline.state_file import read_state, write_state
from tests.pipeline.blobs import Blobs
from tests.pipeline.flights import Flight, Silent

FRAMES = 40
MOST_LEVELS = 30.0
"""By which a small picture may differ, as key frames lie elsewhere; it is 16, and 88 without the
trails and places of before."""


@dataclass
class Counting(Blobs):
    """Counts the images that it got."""

    images: int = 0

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self.images += len(images)
        return super().detect(images)


class KilledError(Exception):
    """Stands for the kill."""


class Failing(Counting):
    """Fails at the 17th image."""

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        if self.images == 16:
            raise KilledError
        return super().detect(images)


@dataclass
class Killing(Silent):
    """Copies the folder of a run after so many frames, then ends the run."""

    folder: Path = Path()
    left: Path = Path()
    after: int = 0
    heard: list[tuple[str, int | None]] = field(default_factory=list)
    steps: int = 0
    ended: int = 0

    def step(self, note: str = "") -> None:
        super().step(note)
        if self.steps == self.after:
            self.left.mkdir(parents=True)
            # First, as what is behind it has reached the disk before it.
            names = sorted(self.folder.iterdir(), key=lambda path: path.name != CHECKPOINT_FILE)
            for path in names:
                if not path.name.endswith(".part"):
                    shutil.copy(path, self.left)
            raise KilledError


def configured(**changes: Any) -> PipelineConfig:
    output = {"checkpoint_s": 0.0} | changes.pop("output", {})
    return PipelineConfig(output=OutputConfig(**output), **changes)


@dataclass
class Bench:
    """One source, run whole and in parts."""

    source: Path
    root: Path
    config: PipelineConfig = field(default_factory=configured)
    runs: int = 0

    def run(
        self,
        out: Path,
        *,
        resume: bool = False,
        progress: Silent | None = None,
        detector: Counting | None = None,
    ) -> Outcome:
        config = replace(self.config, output=replace(self.config.output, folder=str(out)))
        self.detector = detector or Counting()
        self.progress = progress or Silent()
        [spec] = discover([str(self.source)])
        [outcome] = run_batch([spec], self.detector, config, self.progress, resume=resume)
        return outcome

    @property
    def name(self) -> str:
        return self.source.stem

    def whole(self) -> Path:
        out = self.root / "whole"
        assert self.run(out).error is None
        return out / self.name

    def killed(self, after: int, left_before: Path | None = None) -> Path:
        """What a run leaves that is killed after so many frames."""
        self.runs += 1
        work, left = self.root / f"work{self.runs}", self.root / f"left{self.runs}"
        if left_before is not None:
            shutil.copytree(left_before, work)
        progress = Killing(folder=work / self.name, left=left / self.name, after=after)
        outcome = self.run(work, resume=left_before is not None, progress=progress)
        assert isinstance(outcome.error, KilledError)
        shutil.copy(work / "ledger.jsonl", left)
        return left

    def resumed(self, left: Path) -> Path:
        outcome = self.run(left, resume=True)
        assert outcome.error is None
        return left / self.name


@pytest.fixture
def bench(flight: Flight, tmp_path: Path) -> Bench:
    return Bench(flight.path, tmp_path)


def pictures(folder: Path) -> Iterator[NDArray[np.float32]]:
    """Each pixel is the mean of 8 x 8."""
    with av.open(folder / "video.mp4") as container:
        for picture in container.decode(video=0):
            image = picture.to_ndarray(format="rgb24").astype(np.float32)
            yield np.asarray(cv2.resize(image, (48, 27), interpolation=cv2.INTER_AREA), np.float32)


def images_of(flight: Flight, folder: Path, leave_out: Callable[[int], bool]) -> Path:
    folder.mkdir()
    with av.open(flight.path) as container:
        for number, picture in enumerate(container.decode(video=0)):
            if not leave_out(number):
                image = picture.to_ndarray(format="bgr24")
                cv2.imwrite(str(folder / f"img{number:06d}.png"), image)
    return folder


@pytest.mark.parametrize("after", [1, 9, 24, FRAMES])
def test_a_killed_run_is_gone_on_with(after: int, bench: Bench) -> None:
    whole = bench.whole()
    left = bench.killed(after)
    resumed = bench.resumed(left)
    assert differences(whole, resumed) == []
    # At most the encoder's frames and those in the line are done again.
    assert bench.detector.images <= max(FRAMES - after, 0) + 12
    assert bench.progress.heard == [("flight", bench.progress.steps)]
    assert not (resumed / CHECKPOINT_FILE).exists()


def test_killed_again_and_again(bench: Bench) -> None:
    whole = bench.whole()
    left = bench.killed(12)
    for _ in range(3):
        left = bench.killed(9, left)
    resumed = bench.resumed(left)
    assert differences(whole, resumed) == []
    # Trails, labels and counts are drawn as if nothing had been.
    shown = zip(pictures(whole), pictures(resumed), strict=True)
    assert max(float(np.abs(one - other).max()) for one, other in shown) < MOST_LEVELS


@pytest.mark.parametrize(
    "config",
    [
        configured(frame_batch=3),
        configured(max_frames=31),
        configured(duration_s=1.1),
        configured(output={"refine": {}}),
    ],
    ids=["batches of three", "the first frames", "the first second", "refined"],
)
def test_it_goes_on_under_all_settings(config: PipelineConfig, bench: Bench) -> None:
    bench.config = config
    whole = bench.whole()
    assert differences(whole, bench.resumed(bench.killed(20))) == []
    assert bench.detector.images < 32


def test_without_video(bench: Bench) -> None:
    bench.config = configured(output={"video": False})
    whole = bench.whole()
    resumed = bench.resumed(bench.killed(20))
    for name in ("tracks.txt", "counts.csv", "counts_per_frame.csv", "classes.txt"):
        assert (whole / name).read_bytes() == (resumed / name).read_bytes()


def test_segments_go_on(bench: Bench) -> None:
    bench.config = configured(output={"segment_s": 0.5})
    whole = bench.whole()
    for after in (17, 25):
        resumed = bench.resumed(bench.killed(after))
        names = segments_in(whole)
        assert len(names) > 2
        assert segments_in(resumed) == names
        assert [times(resumed / n) for n in names] == [times(whole / n) for n in names]


def test_images_go_on_and_gaps_stay_told(flight: Flight, bench: Bench) -> None:
    bench.source = images_of(flight, bench.root / "images", lambda number: number in {11, 23, 24})
    whole = bench.whole()
    assert "3 numbers have no image" in json.loads((whole / "summary.json").read_text())["lost"][0]
    assert differences(whole, bench.resumed(bench.killed(20))) == []
    assert bench.detector.images < 32


def test_the_tracker_hears_of_a_gap_behind_the_place(flight: Flight, bench: Bench) -> None:
    bench.source = images_of(flight, bench.root / "images", lambda number: 15 < number < 20)
    bench.config = configured(output={"video": False}, max_frames=24, frame_batch=1)
    tracks = (bench.whole() / "tracks.txt").read_bytes()
    out = bench.root / "failed"
    outcome = bench.run(out, detector=Failing())
    assert isinstance(outcome.error, KilledError)
    assert read_state(out / "images" / CHECKPOINT_FILE)["place"]["index"] == 15
    assert (bench.resumed(out) / "tracks.txt").read_bytes() == tracks


def test_what_was_lost_before_stays_told(flight: Flight, bench: Bench) -> None:
    bench.source = images_of(flight, bench.root / "images", lambda number: number == 5)
    (bench.source / "img000003.png").write_bytes(b"no image")
    whole = bench.whole()
    assert len(json.loads((whole / "summary.json").read_text())["lost"]) == 2
    assert differences(whole, bench.resumed(bench.killed(20))) == []


def test_a_damaged_video_goes_on(flight: Flight, bench: Bench) -> None:
    content = bytearray(flight.path.read_bytes())
    middle = len(content) // 4
    content[middle : middle + 200] = bytes(200)
    bench.source = bench.root / "flight.mp4"
    bench.source.write_bytes(content)
    whole = bench.whole()
    assert json.loads((whole / "summary.json").read_text())["lost"]
    assert differences(whole, bench.resumed(bench.killed(25))) == []


def encoded(path: Path, flight: Flight, options: dict[str, str], **how: Any) -> Path:
    """The flight once more, as another encoder makes it."""
    with av.open(flight.path) as source, av.open(path, "w") as target:
        stream = target.add_stream(how.get("codec", "libx264"), rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 384, 216, "yuv420p"
        for number, picture in enumerate(source.decode(video=0)):
            picture.pts = number + number // 10 * how.get("pause", 0)
            picture.time_base = Fraction(1, 25)
            picture.pict_type = av.video.frame.PictureType.NONE
            target.mux(stream.encode(picture))
        target.mux(stream.encode())
    return path


OPEN_GOP = {"x264-params": "keyint=8:min-keyint=8:bframes=3:open-gop=1:scenecut=0:b-adapt=0"}
CLOSED_GOP = {"x264-params": "keyint=8:bframes=3:b-adapt=0"}


@pytest.mark.parametrize(
    ("name", "options", "how"),
    [
        ("a.mp4", OPEN_GOP, {}),
        ("a.mp4", CLOSED_GOP, {}),
        ("a.mkv", CLOSED_GOP, {"pause": 7}),
        ("a.avi", CLOSED_GOP, {}),
        ("a.ts", OPEN_GOP, {}),
        ("a.h264", CLOSED_GOP, {}),
        ("a.mp4", {"x264-params": "keyint=infinite:intra-refresh=1:bframes=0"}, {}),
        ("a.webm", {"cpu-used": "8", "deadline": "realtime", "g": "8"}, {"codec": "libvpx-vp9"}),
    ],
    ids=["open gop", "closed gop", "pauses", "avi", "ts", "no times", "no key frames", "vp9"],
)
def test_a_source_goes_on_at_exactly_the_next_frame(
    name: str, options: dict[str, str], how: dict[str, Any], flight: Flight, bench: Bench
) -> None:
    bench.source = encoded(bench.root / name, flight, options, **how)
    with closing(VideoSource(bench.source)) as source:
        seen = [(frame, checksum(frame.image)) for frame in source]
        lost = source.lost
    assert len(seen) == FRAMES
    for number, (frame, pixels) in enumerate(seen):
        place = Place(frame.index, frame.pts, frame.time_base, pixels, tuple(lost))
        with closing(open_behind(lambda: VideoSource(bench.source), place)) as source:
            after = [(frame.index, frame.pts, checksum(frame.image)) for frame in source]
            assert source.lost == lost
        assert after == [(f.index, f.pts, pixels) for f, pixels in seen[number + 1 :]]


def test_what_lies_before_the_key_frame_is_not_decoded(
    flight: Flight, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.source = encoded(bench.root / "a.mp4", flight, OPEN_GOP)
    bench.config = configured(output={"video": False})
    left = bench.killed(30)
    shown: list[int | None] = []

    class Watched(VideoSource):
        def _to_frame(self, picture: av.VideoFrame) -> Any:
            shown.append(picture.pts)
            return super()._to_frame(picture)

    monkeypatch.setattr("pipeline.sources.discovery.VideoSource", Watched)
    bench.resumed(left)
    # The first frame, which tells the size, the last one analysed, and those after it.
    assert len(shown) == bench.detector.images + 2


def test_images_before_the_place_are_not_read(
    flight: Flight, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.source = images_of(flight, bench.root / "images", lambda _: False)
    left = bench.killed(30)
    opened: list[str] = []
    real = Path.open

    def watched(path: Path, *args: Any, **kwargs: Any) -> Any:
        opened.append(path.name)
        return real(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", watched)
    bench.resumed(left)
    assert len([name for name in opened if name.endswith(".png")]) == bench.detector.images + 2


def test_what_is_done_is_left_alone(bench: Bench) -> None:
    whole = bench.whole()
    before = {path.name: path.stat().st_mtime_ns for path in whole.iterdir()}
    outcome = bench.run(bench.root / "whole", resume=True)
    assert bench.detector.images == 0
    assert outcome.summary is not None
    assert outcome.summary.input.frames == FRAMES
    assert {path.name: path.stat().st_mtime_ns for path in whole.iterdir()} == before


def test_without_resume_all_is_done_again(bench: Bench) -> None:
    bench.whole()
    bench.whole()
    assert bench.detector.images == FRAMES


def test_other_settings_begin_anew(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    left = bench.killed(20)
    bench.config = replace(bench.config, min_score=0.6)
    resumed = bench.resumed(left)
    assert bench.detector.images == FRAMES
    assert "flight: begins anew" in caplog.text
    assert "of other settings" in caplog.text
    assert differences(bench.whole(), resumed) == []


def test_another_folder_or_interval_is_no_other_setting(bench: Bench) -> None:
    [spec] = discover([str(bench.source)])
    one = identity_of(spec, configured())
    assert identity_of(spec, configured(output={"folder": "x", "checkpoint_s": 9.0})) == one
    assert identity_of(spec, configured(output={"segment_s": 3.0})) != one


def test_another_input_of_the_same_name_begins_anew(
    flight: Flight, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.source = Path(shutil.copy(flight.path, bench.root / "flight.mp4"))
    bench.whole()
    encoded(bench.source, flight, {"crf": "40"})
    resumed = bench.resumed(bench.root / "whole")
    assert bench.detector.images == FRAMES
    assert differences(Bench(bench.source, bench.root / "b").whole(), resumed) == []
    assert not caplog.text


def changed(path: Path, change: Callable[[Any], None]) -> None:
    state = read_state(path)
    change(state)
    write_state(path, state)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda left: (left / CHECKPOINT_FILE).write_bytes(b"nonsense"),
        lambda left: (left / "tracks.txt").unlink(),
        lambda left: (left / "counts_per_frame.csv").write_text(""),
        lambda left: (left / "video.mp4").unlink(),
        lambda left: (left / "video.mp4").write_bytes(b"no video"),
        lambda left: changed(left / CHECKPOINT_FILE, lambda s: s["place"].update(checksum=1)),
        lambda left: changed(left / CHECKPOINT_FILE, lambda s: s["place"].update(pts=2**40)),
        lambda left: changed(left / CHECKPOINT_FILE, lambda s: s["place"].update(time_base=[0])),
        lambda left: changed(left / CHECKPOINT_FILE, lambda s: s["memory"].pop("tracker")),
        lambda left: changed(left / CHECKPOINT_FILE, lambda s: s["sinks"].pop("VideoSink")),
        lambda left: changed(
            left / CHECKPOINT_FILE, lambda s: s["sinks"]["VideoSink"].update(wh=[9**9, 2])
        ),
        lambda left: changed(
            left / CHECKPOINT_FILE, lambda s: s["sinks"]["VideoSink"].update(frames=10**6)
        ),
        lambda left: changed(left / CHECKPOINT_FILE, lambda s: s.update(format=99)),
        lambda left: changed(left / CHECKPOINT_FILE, lambda s: s.update(spent=[])),
    ],
)
def test_what_cannot_be_used_begins_anew(
    spoil: Callable[[Path], object], bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.config = configured(max_frames=16)
    left = bench.killed(12)
    spoil(left / "flight")
    resumed = bench.resumed(left)
    assert caplog.text.count("begins anew") == 1
    assert differences(bench.whole(), resumed) == []


def test_a_failed_source_is_tried_again(bench: Bench) -> None:
    class Broken(Silent):
        def step(self, note: str = "") -> None:
            raise MemoryError("no room")

    out = bench.root / "whole"
    assert isinstance(bench.run(out, progress=Broken()).error, MemoryError)
    entry = Ledger(out).last()["flight"]
    assert (entry.event, entry.reason) == ("failed", "MemoryError: no room")
    assert bench.run(out, resume=True).error is None
    assert Ledger(out).last()["flight"].event == "done"


def test_two_runs_do_not_mix(bench: Bench) -> None:
    out = bench.root / "whole"
    with locked(out / "flight"):
        error = bench.run(out).error
    assert isinstance(error, InputError)
    assert "choose another folder with --output" in str(error)
    assert not (out / "ledger.jsonl").exists()
    assert bench.run(out).error is None


def test_what_was_seen_of_a_stream_is_not_replaced(tmp_path: Path) -> None:
    [spec] = discover(["rtsp://user:secret@127.0.0.1:9/x"])
    folder = tmp_path / spec.name
    folder.mkdir()
    (folder / "tracks.txt").write_text("seen")
    config = configured(output={"folder": str(tmp_path)})
    [outcome] = run_batch([spec], Blobs(), config, Silent(), resume=True)
    assert "a live stream cannot be gone on with" in str(outcome.error)
    assert (folder / "tracks.txt").read_text() == "seen"
    assert "secret" not in (tmp_path / "ledger.jsonl").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_batch_killed_at_three_random_moments(jobs: int, tmp_path: Path) -> None:
    clips = kill_resume.render(tmp_path, 1, 60)
    options = ["--jobs", str(jobs), "--set", "output.checkpoint_s=0.1"]
    first = kill_resume.command(clips, tmp_path / "out", options)
    whole = kill_resume.command(clips, tmp_path / "whole", options)
    began_s = perf_counter()
    assert kill_resume.start(whole).wait() == 0
    took_s = perf_counter() - began_s
    chance = random.Random(3)
    moments = [chance.uniform(0.3, 0.9) * took_s for _ in range(3)]
    report = kill_resume.Report()
    kill_resume.run_batch(report, first, [*first, "--resume"], tmp_path / "out", moments)
    for name in ("flight0", "images"):
        report.faults += differences(tmp_path / "whole" / name, tmp_path / "out" / name)
    assert report.kills >= 1
    assert report.faults == []
