"""A rendered flight with known truth, through the program like any video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from detector.data.rendered import CLASS_NAMES, FlightConfig, RenderedFrame, render_flight
from detector.detections import Detector
from pipeline.batch import Outcome, run_batch
from pipeline.config import PipelineConfig
from pipeline.runner import Progress
from pipeline.score import Boxes, Score, read_boxes, score_tracks
from pipeline.sinks.files import make_folder, output_errors
from pipeline.sinks.yuv import BT709, LIMITED_RANGE, Yuv420
from pipeline.sources.discovery import discover

FLIGHT = FlightConfig(seed=4, frames=150, altitude_m=45.0, pitch_deg=60.0, scene="junction")


@dataclass(frozen=True, slots=True, eq=False)
class Demo:
    """What the program made of the flight.

    Attributes:
        outcome: As of any source.
        scores: Against the truth, by class; empty if the run failed.
    """

    outcome: Outcome
    scores: list[Score]


def run_demo(
    detector: Detector,
    config: PipelineConfig,
    progress: Progress,
    flight: FlightConfig | None = None,
) -> Demo:
    """Renders a flight, runs the program on it and compares its tracks with the truth.

    `OUTPUT/demo/` gets `flight.mp4`, its truth as `truth.txt` with `truth_classes.txt`, and the
    program's files in `flight/`.

    Args:
        detector: Of vehicles; classes that the flight lacks are not scored.
        config: Of the run; `max_frames` also shortens the flight.
        progress: Hears of the rendering, then of the run.
        flight: `FLIGHT` if it is not given.

    Raises:
        InputError: If the flight cannot be written.
    """
    flight = flight or FLIGHT
    folder = Path(config.output.folder) / "demo"
    make_folder(folder)
    frames = min(flight.frames, config.max_frames or flight.frames)
    flight = replace(flight, frames=frames)
    progress.begin("rendering", frames)
    try:
        for _ in write_flight(flight, folder):
            progress.step()
    finally:
        progress.end()
    settings = replace(config, output=replace(config.output, folder=str(folder)))
    [outcome] = run_batch(discover([str(folder / "flight.mp4")]), detector, settings, progress)
    if outcome.error is not None:
        return Demo(outcome, [])
    tracks = read_boxes(outcome.folder / "tracks.txt")
    names = [name for name in config.detector.classes or CLASS_NAMES if name in CLASS_NAMES]
    return Demo(outcome, _compare(read_boxes(folder / "truth.txt"), tracks, detector, names))


def write_flight(flight: FlightConfig, folder: Path) -> Iterator[RenderedFrame]:
    """Renders a flight into `flight.mp4`, `truth.txt` and `truth_classes.txt`, frame by frame.

    The video is H.264 in BT.709. A line of the truth is `frame,id,x,y,w,h,1,class,visibility,-1`
    with frames from 1 and classes by line of `truth_classes.txt`, from 0.

    Yields:
        Each frame once it is written; the files are complete at the end.

    Raises:
        InputError: If the files cannot be written.
    """
    path = folder / "flight.mp4"
    rate = Fraction(flight.frame_rate).limit_denominator(1001)
    yuv = Yuv420((flight.width, flight.height))
    truth: list[str] = []
    with output_errors(path), av.open(path.absolute(), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = flight.width, flight.height, "yuv420p"
        codec = stream.codec_context
        codec.colorspace = codec.color_primaries = codec.color_trc = BT709
        codec.color_range = LIMITED_RANGE
        for index, frame in enumerate(render_flight(flight)):
            picture = yuv.convert(frame.image)
            picture.pts, picture.time_base = index, 1 / rate
            picture.colorspace, picture.color_range = BT709, LIMITED_RANGE
            container.mux(stream.encode(picture))
            truth += truth_lines(index, frame)
            yield frame
        container.mux(stream.encode())
    with output_errors(folder):
        (folder / "truth.txt").write_text("".join(truth), encoding="utf-8")
        names = "".join(f"{name}\n" for name in CLASS_NAMES)
        (folder / "truth_classes.txt").write_text(names, encoding="utf-8")


def truth_lines(index: int, frame: RenderedFrame) -> Iterator[str]:
    """The MOT lines of a rendered frame, the first of which has the index 0."""
    xywh = frame.boxes.astype(np.float64)
    xywh[:, 2:] -= xywh[:, :2]
    rows = zip(
        frame.ids.tolist(),
        xywh.tolist(),
        frame.class_ids.tolist(),
        frame.visibility.tolist(),
        strict=True,
    )
    for object_id, (x, y, w, h), class_id, share in rows:
        box = f"{x:.2f},{y:.2f},{w:.2f},{h:.2f}"
        yield f"{index + 1},{object_id},{box},1,{class_id},{share:.2f},-1\n"


def _compare(truth: Boxes, tracks: Boxes, detector: Detector, names: list[str]) -> list[Score]:
    """Scores of the classes that both sides know; the detector's ids become the truth's."""
    common = [name for name in names if name in detector.class_names]
    theirs = np.array([common.index(n) if n in common else -1 for n in detector.class_names])
    ours = np.array([common.index(n) if n in common else -1 for n in CLASS_NAMES])
    truth = replace(truth, classes=ours[truth.classes])
    tracks = replace(tracks, classes=theirs[tracks.classes])
    return score_tracks(truth, tracks, common)
