"""HOTA, IDF1 and identity switches of every mode, on detections derived from true tracks.

`python -m benchmarks.drone_tracking GT [--levels mild usual harsh] [--every N] [--seed N] [--json
FILE]`. GT is a folder with UAVDT's `SEQ_gt_whole.txt`. The detections come from the test suite's
noise model: drifting jitter, misses and runs of misses, false detections single and persistent,
scores that fall with size and cover, flips of the class. Each level is run as it is and under a
camera that jumps by 20 px from frame to frame, `--every N` with every N-th frame only (the
trackers are not told).

All modes run with their defaults, and see boxes alone; `+warps` means that the camera's
true motion is given. DeepSORT is left out, as it needs pictures.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe_machine
from detector.detections import Detections
from tests.tracking.noise import (
    CLASS_NAMES,
    HARSH,
    MILD,
    USUAL,
    Noise,
    Shake,
    Truth,
    derive,
    shake,
)
from tracking.build import build_tracker
from tracking.config import TRACKER_CONFIGS
from tracking.evaluation.counting import Counts, add_up, count, figures
from tracking.evaluation.rows import TrackRows
from tracking.tracks import Motion, Tracks

LEVELS = {"mild": MILD, "usual": USUAL, "harsh": HARSH}
MODES = ("sort", "bytetrack", "ocsort", "botsort", "drone", "botsort+warps", "drone+warps")
HIDDEN = np.array([0.0, 0.0, 0.25, 0.6, 0.9])
"""How much of a box is covered, by UAVDT's grade of occlusion (from 1)."""

FIGURES = ("HOTA", "DetA", "AssA", "IDF1", "MOTA")


def read_truth(path: Path, every: int) -> Truth:
    """One sequence, every so many frames of it."""
    table = np.loadtxt(path, delimiter=",", ndmin=2)
    table = table[(table[:, 0] - 1) % every == 0]
    table = table[np.argsort(table[:, 0], kind="stable")]
    return Truth(
        frames=(table[:, 0].astype(np.int64) - 1) // every + 1,
        ids=table[:, 1].astype(np.int64),
        boxes=np.concatenate((table[:, 2:4], table[:, 2:4] + table[:, 4:6]), axis=1),
        classes=table[:, 8].astype(np.int64) - 1,
        hidden=HIDDEN[table[:, 7].astype(np.int64)],
    )


def run(mode: str, frames: Sequence[Detections], motions: Sequence[Motion]) -> list[Tracks]:
    """What a mode shows of each frame."""
    name, _, warps = mode.partition("+")
    tracker = build_tracker(TRACKER_CONFIGS[name](), CLASS_NAMES)
    return [
        tracker.update(frame, motion=motion if warps else None)
        for frame, motion in zip(frames, motions, strict=True)
    ]


def measure(
    mode: str, truths: Sequence[Truth], noise: Noise, seed: int, jumps: Shake | None
) -> Any:
    """The figures of one mode over all sequences, and its milliseconds per frame."""
    counts: dict[str, Counts] = {}
    spent, frames = 0.0, 0
    for index, clear in enumerate(truths):
        truth, detections = clear, derive(clear, noise, seed)
        motions = [Motion.identity()] * len(detections)
        if jumps is not None:
            truth, detections, motions = shake(clear, detections, jumps, seed)
        begin = time.perf_counter()
        tracks = run(mode, detections, motions)
        spent += time.perf_counter() - begin
        frames += len(tracks)
        true = TrackRows(truth.frames, truth.ids, truth.boxes, truth.classes)
        counts[str(index)] = count(true, TrackRows.from_frames(enumerate(tracks, 1)))
    found = figures(add_up(counts))
    row = {name: round(100 * getattr(found, name), 1) for name in FIGURES}
    return row | {"IDSW": found.IDSW, "ms": round(spent / frames * 1e3, 2)}


def cases(levels: Sequence[str]) -> Iterator[tuple[str, Noise, Shake | None, str]]:
    """Each level with a camera as it was and with one that jumps, and each mode in turn."""
    for level in levels:
        for jumps in (None, Shake()):
            for mode in MODES:
                if jumps is not None or "+" not in mode:
                    yield level, LEVELS[level], jumps, mode


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the table and writes it as json where asked."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("truth", type=Path, help="folder with SEQ_gt_whole.txt files")
    parser.add_argument("--levels", nargs="+", choices=LEVELS, default=list(LEVELS))
    parser.add_argument("--every", type=int, default=1, help="take every N-th frame only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args(argv)
    paths = sorted(arguments.truth.glob("*_gt_whole.txt"))
    if not paths:
        parser.error(f"{arguments.truth}: no SEQ_gt_whole.txt, as UAVDT names its files")
    truths = [read_truth(path, arguments.every) for path in paths]
    machine = describe_machine("numpy", "scipy", "lap", "trackeval")
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    print(f"{len(paths)} sequences, every frame {arguments.every}, seed {arguments.seed}")
    columns = (*FIGURES, "IDSW", "ms")
    print(f"{'noise':<7}{'camera':<8}{'mode':<15}" + "".join(f"{name:>8}" for name in columns))
    rows = []
    for level, noise, jumps, mode in cases(arguments.levels):
        camera = "real" if jumps is None else "shaken"
        row = measure(mode, truths, noise, arguments.seed, jumps)
        rows.append({"noise": level, "camera": camera, "mode": mode} | row)
        cells = "".join(f"{row[name]:>8}" for name in columns)
        print(f"{level:<7}{camera:<8}{mode:<15}{cells}", flush=True)
    if arguments.json:
        report = {"machine": machine, "every": arguments.every, "results": rows}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
