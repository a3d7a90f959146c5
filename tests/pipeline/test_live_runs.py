"""Live streams through the whole program, with a detector that knows the pictures."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from detector.data.rendered import CLASS_NAMES
from detector.detections import Detections, Image
from pipeline.batch import Outcome, run_batch
from pipeline.config import LiveConfig, OutputConfig, PipelineConfig
from pipeline.score import read_boxes
from pipeline.sources.discovery import discover
from tests.pipeline.flights import SMALL, TRUE_SCORE, Flight, Silent
from tests.pipeline.sources.rtsp_server import RtspServer, read_coded

WATCHDOG_S = 20.0
RATE = 30.0


class Knowing:
    """Gives the true boxes of whatever frame of a flight it is shown; tells which that was."""

    class_names = CLASS_NAMES

    def __init__(self, flight: Flight) -> None:
        self._frames = flight.frames
        with av.open(str(flight.path)) as container:
            decoded = container.decode(video=0)
            pictures: list[Any] = [picture.to_ndarray(format="rgb24") for picture in decoded]
        self._small = np.stack([self._shrink(picture) for picture in pictures])
        self.changed = threading.Condition()
        self.seen: list[int] = []

    @staticmethod
    def _shrink(image: Image) -> Any:
        return cv2.resize(image, (96, 54), interpolation=cv2.INTER_AREA).astype(np.int16)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        return [self._true(image) for image in images]

    def _true(self, image: Image) -> Detections:
        difference = np.abs(self._small - self._shrink(image)).sum(axis=(1, 2, 3))
        index = int(difference.argmin())
        with self.changed:
            self.seen.append(index)
            self.changed.notify_all()
        frame = self._frames[index]
        scores = np.full(len(frame.ids), TRUE_SCORE, np.float32)
        return Detections(frame.boxes, scores, frame.class_ids)

    def wait_for(self, frames: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.seen) >= frames, WATCHDOG_S)


@pytest.fixture(scope="module")
def knowing(flight: Flight) -> Knowing:
    return Knowing(flight)


def settings(output: Path, *, live: LiveConfig | None = None, **wanted: Any) -> PipelineConfig:
    live = live or LiveConfig(retry_s=0.05, stall_s=5.0)
    return PipelineConfig(live=live, output=OutputConfig(folder=str(output), video=False), **wanted)


def run(url: str, detector: Any, config: PipelineConfig) -> tuple[Outcome, dict[str, Any]]:
    [outcome] = run_batch(discover([url]), detector, config, Silent())
    if outcome.error is not None:
        raise outcome.error
    return outcome, json.loads((outcome.folder / "summary.json").read_text())


def h264(flight: Flight, tmp_path: Path) -> Any:
    """The flight and back, as a camera sends it: without B-frames, with many keys."""
    path = tmp_path / "camera.mp4"
    options = {"bf": "0", "g": "8", "crf": "18", "preset": "ultrafast"}
    with av.open(str(flight.path)) as source, av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = SMALL.width, SMALL.height, "yuv420p"
        there = list(source.decode(video=0))
        for number, picture in enumerate([*there, *there[-2:0:-1]]):
            picture.pict_type = av.video.frame.PictureType.NONE
            picture.pts, picture.time_base = number, Fraction(1, 30)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return read_coded(path)


@pytest.fixture
def server(flight: Flight, tmp_path: Path) -> Iterator[RtspServer]:
    with RtspServer(h264(flight, tmp_path), rate=RATE) as running:
        yield running


def object_of(flight: Flight, index: int, box: Any) -> int:
    """The object of a frame that a box shows best."""
    truth = flight.frames[index]
    centres = (truth.boxes[:, :2] + truth.boxes[:, 2:]) / 2
    return int(truth.ids[np.linalg.norm(centres - (box[:2] + box[2:]) / 2, axis=1).argmin()])


def test_ids_live_through_a_cut(
    server: RtspServer, flight: Flight, knowing: Knowing, tmp_path: Path
) -> None:
    knowing.seen.clear()

    def cut() -> None:
        knowing.wait_for(20)
        server.cut()

    cutter = threading.Thread(target=cut)
    cutter.start()
    outcome, summary = run(server.url, knowing, settings(tmp_path, max_frames=45))
    cutter.join()
    assert summary["live"]["stream"]["reconnects"] == 1
    assert summary["live"]["stream"]["breaks"] == []
    seen = knowing.seen

    tracks = read_boxes(outcome.folder / "tracks.txt")
    objects: dict[int, set[int]] = {}
    for frame, one, box in zip(tracks.frames, tracks.ids, tracks.boxes, strict=True):
        objects.setdefault(int(one), set()).add(object_of(flight, seen[frame - 1], box))
    ids_of: dict[int, set[int]] = {}
    for one, found in objects.items():
        assert len(found) == 1, f"track {one} shows {found}"
        ids_of.setdefault(found.pop(), set()).add(one)
    assert len(ids_of) > 5
    assert [len(ids) for ids in ids_of.values()] == [1] * len(ids_of)
    # Tracks of before the cut are there after it.
    early = set(tracks.ids[tracks.frames <= 20])
    assert early & set(tracks.ids[tracks.frames > 30])


class Slow:
    """A detector that takes as long as the stream needs for three more frames."""

    class_names = CLASS_NAMES

    def __init__(self, server: RtspServer) -> None:
        self._server = server

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        self._server.wait_for("sent", self._server.sent + 3)
        return [Detections.empty() for _ in images]


def test_latest_is_never_a_second_late(server: RtspServer, tmp_path: Path) -> None:
    _, summary = run(server.url, Slow(server), settings(tmp_path, max_frames=15))
    live = summary["live"]
    assert live["latency_s"]["max"] < 1.0
    dropped = sum(live["stream"]["dropped"].values())
    assert live["stream"]["received"] - dropped >= 15
    assert dropped >= 15
    assert "dropped" in summary["lost"][0]


def test_all_loses_nothing_though_analysis_is_slow(
    server: RtspServer, knowing: Knowing, tmp_path: Path
) -> None:
    knowing.seen.clear()
    live = LiveConfig(policy="all", queue_frames=4)
    _, summary = run(server.url, knowing, settings(tmp_path, live=live, max_frames=30))
    assert all(abs(b - a) == 1 for a, b in pairwise(knowing.seen))
    assert summary["live"]["stream"]["dropped"] == {}


def test_every_nth_takes_one_in_n(server: RtspServer, knowing: Knowing, tmp_path: Path) -> None:
    live = LiveConfig(policy="every-nth", every=4)
    _, summary = run(server.url, knowing, settings(tmp_path, live=live, max_frames=8))
    assert summary["live"]["stream"]["dropped"]["not the n-th"] >= 7 * 3
    times = (tmp_path / "127.0.0.1_yard_gate" / "counts_per_frame.csv").read_text().splitlines()[1:]
    steps = np.diff([float(line.split(",")[1]) for line in times])
    assert steps[1:] == pytest.approx(4 / RATE, abs=2e-3)


def test_the_login_is_told_nowhere(
    flight: Flight,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with RtspServer(h264(flight, tmp_path), login="b0b:s3cret", rate=RATE) as server:
        url = server.url.replace("//", "//b0b:s3cret@") + "?token=t0ken"

        def cut() -> None:
            server.wait_for("sent", 10)
            server.cut()

        cutter = threading.Thread(target=cut)
        cutter.start()
        config = settings(tmp_path / "out", max_frames=15)
        config = replace(config, output=replace(config.output, video=True))
        outcome, _ = run(url, Slow(server), config)
        cutter.join()
        refused = server.url.replace("//", "//b0b:wr0ng@")
        [failed] = run_batch(discover([refused]), Slow(server), config, Silent())
    written = b"".join(path.read_bytes() for path in outcome.folder.iterdir())
    told = capfd.readouterr()
    everything = [written.decode("latin-1"), caplog.text, *told, repr(outcome)]
    everything += [repr(failed), str(failed.error), *map(str, (tmp_path / "out").rglob("*"))]
    everything += [str(getattr(failed.error, "__context__", ""))]
    for text in everything:
        assert not any(secret in text for secret in ("b0b", "s3cret", "t0ken", "wr0ng"))
    assert "connecting again" in caplog.text


def test_a_fault_of_the_detector_ends_a_stream_that_stalls(
    server: RtspServer, tmp_path: Path
) -> None:
    class Failing(Slow):
        def detect(self, images: Sequence[Image]) -> list[Detections]:
            server.stall()
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        run(server.url, Failing(server), settings(tmp_path))
    summary = json.loads((tmp_path / "127.0.0.1_yard_gate" / "summary.json").read_text())
    assert summary["status"] == "failed"


def test_the_progress_shows_the_latency(server: RtspServer, tmp_path: Path) -> None:
    silent = Silent()
    config = settings(tmp_path, max_frames=3)
    list(run_batch(discover([server.url]), Slow(server), config, silent))
    assert silent.note.startswith("latency ")
