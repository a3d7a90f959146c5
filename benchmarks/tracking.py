"""Milliseconds per frame of our trackers beside a literal implementation of the same rules.

`python -m benchmarks.tracking [--json FILE]`. The peer is the test suite's reference: SORT with
one filterpy filter a track, ByteTrack with one dense 8x8 filter a track, both with whole
IoU and cost matrices. Both see the same frames, in turns, and must show the same tracks.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe_machine
from detector.detections import Detections
from tests.tracking.reference import ReferenceByteTrack, ReferenceSort
from tests.tracking.scenes import AsTracker, Scene, detections, difference, make
from tracking.bytetrack import ByteTrack
from tracking.config import ByteTrackConfig, SortConfig
from tracking.sort import Sort
from tracking.tracks import Tracker, Tracks

PEER = "literal reference of the spec (filterpy)"
WARM_UP = 5

PAIRS: dict[str, tuple[Callable[[], Tracker], Callable[[], Tracker]]] = {
    "sort": (lambda: Sort(SortConfig()), lambda: AsTracker(ReferenceSort())),
    "bytetrack": (lambda: ByteTrack(ByteTrackConfig()), lambda: AsTracker(ReferenceByteTrack())),
}


def scene(objects: int) -> list[Detections]:
    """A busy full-HD view: 16-60 px boxes, 8 % missed, 3 % false."""
    frames = 60 if objects < 1000 else 30
    settings = Scene(
        objects=objects,
        frames=frames,
        area_wh=(1920, 1080),
        size=(16, 60),
        miss=0.08,
        false=0.03 * objects,
        life=200,
    )
    return [detections(frame) for frame in make(settings, seed=0)]


def measure(objects: int, name: str, repeats: int) -> dict[str, Any]:
    """Median times of both, frame by frame in turns; each frame's best of the repeats."""
    frames = scene(objects)
    best = np.full((2, len(frames)), np.inf)
    for _ in range(repeats):
        trackers = [make_tracker() for make_tracker in PAIRS[name]]
        shown: list[list[Tracks]] = [[], []]
        for index, frame in enumerate(frames):
            for side, tracker in enumerate(trackers):
                begin = time.perf_counter()
                tracks = tracker.update(frame)
                best[side, index] = min(best[side, index], time.perf_counter() - begin)
                shown[side].append(tracks)
        rows = [[np.c_[t.ids, t.boxes] for t in side] for side in shown]
        if fault := difference(*rows):
            raise RuntimeError(f"{name}, {objects} objects: {fault}")
    ours, theirs = best[:, WARM_UP:] * 1e3
    return {
        "tracker": name,
        "objects": objects,
        "ours_ms": float(np.median(ours)),
        "ours_worst_ms": float(ours.max()),
        "reference_ms": float(np.median(theirs)),
        "ratio": float(np.median(theirs) / np.median(ours)),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the table and writes it as json where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, nargs="+", default=[20, 100, 300, 1000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args(argv)
    machine = describe_machine("numpy", "scipy", "lap", "filterpy")
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(f"ms per frame (median); peer: {PEER}")
    print(f"{'tracker':<10}{'objects':>8}{'ours':>9}{'worst':>9}{'peer':>9}{'ratio':>8}")
    rows = []
    for name in PAIRS:
        for objects in arguments.objects:
            row = measure(objects, name, arguments.repeats)
            rows.append(row)
            print(
                f"{name:<10}{objects:>8}{row['ours_ms']:>9.2f}{row['ours_worst_ms']:>9.2f}"
                f"{row['reference_ms']:>9.2f}{row['ratio']:>7.1f}x",
                flush=True,
            )
    if arguments.json:
        report = {"machine": machine, "peer": PEER, "results": rows}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
