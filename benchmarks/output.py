"""CPU time of drawing and encoding, beside supervision's annotators and libswscale where they are.

Example:
    python -m benchmarks.output --json FILE
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from importlib import metadata
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from benchmarks.machine import describe_machine
from detector.detections import Detections, Image
from pipeline.counting import Counter
from pipeline.drawing import Memory, draw
from pipeline.frame import Frame, Result
from pipeline.sinks.video import VideoSink
from pipeline.sinks.yuv import Yuv420
from tracking.tracks import Tracks

WH = (1920, 1080)
RATE = 30
NAMES = ("car", "truck", "bus")


def scene(boxes: int, frames: int) -> tuple[list[Image], list[Tracks]]:
    """A textured ground that pans, and boxes that drive over it."""
    rng = np.random.default_rng(0)
    width, height = WH
    coarse = rng.integers(60, 180, (height // 8, width // 8 + 64, 3), dtype=np.uint8)
    ground = cv2.resize(coarse, (width + 512, height), interpolation=cv2.INTER_CUBIC)
    noise = rng.integers(0, 12, (height, width + 512, 3), dtype=np.uint8)
    ground = cv2.add(ground, noise)
    corner = rng.uniform((0, 0), (width - 80, height - 60), (boxes, 2))
    sides = rng.uniform(20, 70, (boxes, 2))
    speed = rng.normal(0, 60, (boxes, 2))
    images: list[Image] = []
    tracks: list[Tracks] = []
    for index in range(frames):
        left = index * 4 % 512
        images.append(np.array(ground[:, left : left + width], np.uint8))
        now = corner + speed * index / RATE
        tracks.append(
            Tracks(
                np.arange(1, boxes + 1),
                np.hstack([now, now + sides]),
                np.arange(boxes) % len(NAMES),
                rng.uniform(0.3, 1.0, boxes),
                np.arange(boxes),
            )
        )
    return images, tracks


def median_ms(work: Callable[[int], object], frames: int) -> float:
    """Median milliseconds of CPU in a call, all threads, the first second of video left out.

    CPU and not wall, so that figures of a busy machine compare with those of an idle one.
    """
    times = []
    for index in range(frames):
        start = time.process_time()
        work(index)
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times[min(RATE, frames // 2) :])


def ours(images: list[Image], tracks: list[Tracks]) -> dict[str, float]:
    """Our drawing without and with the trails, our colour conversion, and the whole sink."""
    canvas = images[0].copy()
    counter = Counter(NAMES)
    counts = [counter.update(shown) for shown in tracks]

    def drawn(index: int, memory: Memory | None) -> None:
        time_s = index / RATE
        draw(canvas, tracks[index], counts[index], NAMES, time_s=time_s, memory=memory)

    memory = Memory()
    found = {
        "draw_ms": median_ms(lambda index: drawn(index, None), len(images)),
        "draw_with_trails_ms": median_ms(lambda index: drawn(index, memory), len(images)),
    }
    yuv = Yuv420(WH)
    found["to_yuv_ms"] = median_ms(lambda index: yuv.convert(images[index]), len(images))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        sink = VideoSink(path, frame_rate=Fraction(RATE), class_names=NAMES)

        def write(index: int) -> None:
            frame = Frame(images[index], "scene", index, index, Fraction(1, RATE))
            sink.write(Result(frame, Detections.empty(), tracks[index], counts[index]))

        start = time.process_time()
        for index in range(len(images)):
            write(index)
        sink.close()
        found["sink_ms"] = 1000 * (time.process_time() - start) / len(images)
        found["mbit_per_s"] = path.stat().st_size * 8e-6 * RATE / len(images)
    return found


def swscale_ms(images: list[Image]) -> float:
    """The same colour conversion by libswscale, chroma averaged too."""
    reformatter = VideoReformatter()

    def convert(index: int) -> None:
        reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(images[index], format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.AREA,
        )

    return median_ms(convert, len(images))


def supervision_ms(images: list[Image], tracks: list[Tracks]) -> dict[str, float] | str:
    """Boxes and labels, and trails as well, by supervision's annotators."""
    if importlib.util.find_spec("supervision") is None:
        return "skipped: not installed"
    sv: Any = importlib.import_module("supervision")
    box, label, trace = sv.BoxAnnotator(), sv.LabelAnnotator(), sv.TraceAnnotator()
    canvas = images[0].copy()

    def annotate(index: int, *, trails: bool) -> None:
        shown = tracks[index]
        found = sv.Detections(
            xyxy=shown.boxes.astype(np.float32),
            confidence=shown.scores,
            class_id=shown.classes,
            tracker_id=shown.ids,
        )
        rows = zip(shown.classes, shown.ids, shown.scores, strict=True)
        box.annotate(canvas, found)
        label.annotate(canvas, found, labels=[f"{NAMES[c]} {i} {s:.0%}" for c, i, s in rows])
        if trails:
            trace.annotate(canvas, found)

    return {
        "draw_ms": median_ms(lambda index: annotate(index, trails=False), len(images)),
        "draw_with_trails_ms": median_ms(lambda index: annotate(index, trails=True), len(images)),
    }


def measure(boxes: int, frames: int) -> dict[str, Any]:
    """All figures, with ratios of the others' time to ours."""
    images, tracks = scene(boxes, frames)
    found = ours(images, tracks)
    peer = supervision_ms(images, tracks)
    scale_ms = swscale_ms(images)
    ratios = {"swscale_to_ours": scale_ms / found["to_yuv_ms"]}
    peers: dict[str, str] = {}
    if isinstance(peer, dict):
        ratios |= {f"supervision_{key}_to_ours": peer[key] / found[key] for key in peer}
        peers["supervision"] = metadata.version("supervision")
    return {
        "frame": "x".join(map(str, WH)),
        "boxes": boxes,
        "frames": frames,
        "ours": found,
        "supervision": peer,
        "swscale_to_yuv_ms": scale_ms,
        "ratios": ratios,
        "machine": describe_machine("av", "opencv-python-headless") | peers,
    }


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--boxes", type=int, default=100)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments = parser.parse_args()
    found = measure(arguments.boxes, arguments.frames)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    for name, value in found.items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for part, number in parts:
            shown = f"{number:.2f}" if isinstance(number, float) else number
            print(f"{name} {part}".ljust(36), shown)


if __name__ == "__main__":
    main()
