"""Frames per second of the video source beside PyAV alone and OpenCV, measured in turns.

    python -m benchmarks.decode [VIDEO ...] [--rounds N] [--json FILE]

Without a video it renders its own clips. Every reader gives each frame as an RGB or BGR array of
full size, and the last few are held, as the queues of the pipeline hold them. On a machine with
other load the CPU times tell more than the frames per second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.machine import describe_machine
from pipeline.sources.video import VideoSource

RENDERED = {"720p": (1280, 720, 240), "1080p": (1920, 1080, 150), "4K": (3840, 2160, 40)}
HELD = 8
OURS, PYAV, OPENCV = "pipeline.sources.video", "PyAV to_ndarray", "cv2.VideoCapture"


def render(path: Path, width: int, height: int, count: int) -> Path:
    """A clip of drifting texture and noise, H.264, about the rate that cameras write."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 8 + 40, width // 8 + 80, 3), dtype=np.uint8)
    texture = cv2.resize(coarse, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC) // 2
    noise = rng.integers(0, 30, (height + 64, width + 64, 3), dtype=np.uint8)
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"preset": "veryfast", "crf": "19"}
        for index in range(count):
            shift, (down, right) = 2 * index % 300, rng.integers(0, 64, 2)
            image = texture[shift // 2 :, shift:][:height, :width]
            image = image + noise[down:, right:][:height, :width]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def read_ours(path: Path) -> int:
    """Number of frames that the video source gave."""
    source = VideoSource(path)
    held: deque[Any] = deque(maxlen=HELD)
    count = 0
    for frame in source:
        held.append(frame)
        count += 1
    source.close()
    return count


def read_pyav(path: Path) -> int:
    """Number of frames that PyAV's own conversion gave."""
    with av.open(str(path.absolute())) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        held: deque[Any] = deque(maxlen=HELD)
        count = 0
        for frame in container.decode(stream):
            held.append(frame.to_ndarray(format="rgb24"))
            count += 1
    return count


def read_opencv(path: Path) -> int:
    """Number of frames that OpenCV gave."""
    capture = cv2.VideoCapture(str(path))
    held: deque[Any] = deque(maxlen=HELD)
    count = 0
    while (picture := capture.read())[0]:
        held.append(picture)
        count += 1
    capture.release()
    return count


READERS: dict[str, Callable[[Path], int]] = {
    OURS: read_ours,
    PYAV: read_pyav,
    OPENCV: read_opencv,
}


def measure(path: Path, rounds: int) -> dict[str, Any]:
    """Frames per second and CPU ms per frame of each reader, medians over the rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in READERS}
    cpu_ms: dict[str, list[float]] = {name: [] for name in READERS}
    counts: dict[str, int] = {}
    for _ in range(rounds):
        for name, read in READERS.items():
            wall, cpu = time.perf_counter(), time.process_time()
            counts[name] = read(path)
            seconds[name].append((time.perf_counter() - wall) / counts[name])
            cpu_ms[name].append((time.process_time() - cpu) * 1000 / counts[name])
    return {
        "clip": path.name,
        "frames": counts,
        "frames_per_s": {name: round(1 / statistics.median(seconds[name]), 1) for name in READERS},
        "cpu_ms_per_frame": {name: round(statistics.median(cpu_ms[name]), 2) for name in READERS},
        # Within a round the readers ran under the same load.
        "times_as_fast": {peer: ratio(seconds, peer) for peer in (PYAV, OPENCV)},
        "cpu_to_peer": {peer: round(1 / ratio(cpu_ms, peer), 3) for peer in (PYAV, OPENCV)},
    }


def ratio(costs: dict[str, list[float]], peer: str) -> float:
    """The peer's cost per frame over ours, median over the rounds."""
    pairs = zip(costs[peer], costs[OURS], strict=True)
    return round(statistics.median(theirs / ours for theirs, ours in pairs), 3)


def main() -> None:
    """Measures the clips named, or rendered ones, and prints a table or json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = options.videos or [
            render(Path(folder) / f"{name}.mp4", *size) for name, size in RENDERED.items()
        ]
        results = [measure(path, options.rounds) for path in paths]
    report = {
        "machine": describe_machine("av", "opencv-python-headless"),
        "rounds": options.rounds,
        "clips": results,
    }
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")
    print(report["machine"])
    for result in results:
        print(f"\n{result['clip']}: {result['frames'][OURS]} frames")
        for name in READERS:
            rate, cpu = result["frames_per_s"][name], result["cpu_ms_per_frame"][name]
            print(f"  {name:24} {rate:8.1f} frames/s {cpu:8.2f} CPU ms/frame")
        for peer, times in result["times_as_fast"].items():
            cpu = result["cpu_to_peer"][peer]
            print(f"  {times:.2f} times as fast as {peer}, with {cpu:.2f} of its CPU time")


if __name__ == "__main__":
    main()
