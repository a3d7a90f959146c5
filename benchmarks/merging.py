"""Suppression and merging on a 4K frame, beside the greedy loop and what else is installed.

    python -m benchmarks.merging [--json FILE] [--rounds N]

All contenders have the same boxes and take turns in one run; each figure is the median of its
turns, with the least beside it, which other work on the machine disturbs less.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.machine import describe_machine
from detector.config import RulesConfig
from detector.detections import Detections
from detector.inference.merging import merge_tiles
from detector.inference.nms import nms
from detector.inference.tiling import choose_tile_wh, tile_grid

FRAME_WH = (3840, 2160)
TILE_PX = 1024
OVERLAP_PX = 205
IOU = 0.5
CANDIDATES = 4
"""That the network gives for each object of a tile before suppression."""

Array = NDArray[Any]


@dataclass(frozen=True)
class Scene:
    """What the tiles of one frame show, after suppression, in pixels of the frame."""

    found: Detections
    tile_ids: Array
    tiles: Array

    def candidates(self) -> list[tuple[Array, Array]]:
        """Boxes and scores of each tile before suppression."""
        rng = np.random.default_rng(1)
        parts = []
        for tile in range(len(self.tiles)):
            rows = np.repeat(np.flatnonzero(self.tile_ids == tile), CANDIDATES)
            noise = rng.normal(0, 1.5, (len(rows), 4)).astype(np.float32)
            scores = self.found.scores[rows] * rng.uniform(0.3, 1, len(rows)).astype(np.float32)
            parts.append((self.found.boxes[rows] + noise, scores))
        return parts


def make_scene(boxes: int) -> Scene:
    """About as many boxes as asked for: vehicles of 15 to 90 px, cut and doubled by tiles.

    They are smaller where so many would cover more than 40 % of the frame.
    """
    rng = np.random.default_rng(0)
    tile_wh = choose_tile_wh(FRAME_WH, TILE_PX, OVERLAP_PX, 32)
    tiles = tile_grid(FRAME_WH, tile_wh, OVERLAP_PX)
    count = round(boxes / 1.55)
    wh = np.exp(rng.normal(3.6, 0.45, (count, 1))) * rng.uniform(0.7, 1.4, (count, 2))
    wh *= min(1.0, np.sqrt(0.4 * np.prod(FRAME_WH) / np.prod(wh, axis=1).sum()))
    centre = rng.uniform(0, 1, (count, 2)) * FRAME_WH
    truth = np.concatenate([centre - wh / 2, centre + wh / 2], axis=1)
    parts, tile_ids = [], []
    for tile_id, tile in enumerate(tiles):
        low, high = np.tile(tile[:2], 2), np.tile(tile[2:], 2)
        shown = truth.clip(low, high)
        visible = np.prod(shown[:, 2:] - shown[:, :2], axis=1) / np.prod(wh, axis=1)
        part = shown[visible >= 0.3]
        parts.append((part + rng.normal(0, 1, part.shape)).clip(low, high))
        tile_ids += [tile_id] * len(part)
    together = np.concatenate(parts).astype(np.float32)
    scores = rng.uniform(0.1, 1, len(together)).astype(np.float32)
    found = Detections(together, scores, np.zeros(len(together), np.int64))
    return Scene(found, np.array(tile_ids), tiles)


def greedy(boxes: Array, scores: Array) -> list[int]:
    """The textbook's loop, each round vectorised."""
    order = np.argsort(-scores, kind="stable")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(int(best))
        shared = np.prod(
            np.maximum(
                np.minimum(boxes[best, 2:], boxes[rest, 2:])
                - np.maximum(boxes[best, :2], boxes[rest, :2]),
                0,
            ),
            axis=1,
        )
        order = rest[shared <= IOU * (areas[best] + areas[rest] - shared)]
    return kept


def peer(module: str) -> Callable[[Scene], object] | None:
    """A package's own merging of the same boxes; `None` if it is not installed."""
    if importlib.util.find_spec(module) is None:
        return None
    if module == "sahi":
        from sahi.postprocess.combine import greedy_nmm  # type: ignore[import-not-found]

        def run_sahi(scene: Scene) -> object:
            found = scene.found
            table = np.column_stack([found.boxes, found.scores, found.class_ids])
            return greedy_nmm(table, "IOS", IOU)

        return run_sahi
    from supervision import box_non_max_merge  # type: ignore[import-not-found]

    def run_supervision(scene: Scene) -> object:
        return box_non_max_merge(np.column_stack([scene.found.boxes, scene.found.scores]), IOU)

    return run_supervision


def contenders(scene: Scene) -> dict[str, Callable[[], object]]:
    """Each is called without arguments and does one frame's work."""
    candidates = scene.candidates()
    boxes, scores = [
        torch.from_numpy(np.concatenate(column)) for column in zip(*candidates, strict=True)
    ]
    tile = torch.arange(len(candidates)).repeat_interleave(
        torch.tensor([len(scores) for _, scores in candidates])
    )
    found: dict[str, Callable[[], object]] = {
        "merge": lambda: merge_tiles(
            scene.found, scene.tile_ids, scene.tiles, RulesConfig(), nms_iou=IOU
        ),
        "merge: greedy loop over all boxes": lambda: greedy(scene.found.boxes, scene.found.scores),
        "suppress all tiles": lambda: nms(boxes, scores, IOU, tile),
        "suppress all tiles: greedy loop": lambda: [greedy(*part) for part in candidates],
    }
    for module in ("sahi", "supervision"):
        run = peer(module)
        if run is not None:
            found[f"merge: {module}"] = lambda run=run: run(scene)  # type: ignore[misc]
    return found


def measure(boxes: int, rounds: int) -> dict[str, dict[str, float]]:
    """Milliseconds per frame of each contender, median and least of interleaved rounds."""
    work = contenders(make_scene(boxes))
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            begin = time.perf_counter()
            run()
            times[name].append(1e3 * (time.perf_counter() - begin))
    return {
        name: {"median_ms": median(values), "least_ms": min(values)}
        for name, values in times.items()
    }


def report(boxes: int, figures: dict[str, dict[str, float]]) -> None:
    """Prints the figures and the ratio of each contender's median to our own."""
    print(f"\n{boxes} boxes of a {FRAME_WH[0]}x{FRAME_WH[1]} frame in {TILE_PX} px tiles")
    for name, ms in figures.items():
        ratio = ms["median_ms"] / figures[name.partition(":")[0]]["median_ms"]
        print(f"  {name:36} {ms['median_ms']:8.2f} ms {ms['least_ms']:8.2f} least {ratio:6.1f}x")
    for module in ("sahi", "supervision"):
        if f"merge: {module}" not in figures:
            print(f"  merge: {module:29} skipped: not installed")


def main() -> None:
    """Runs all sizes and prints or writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--rounds", type=int, default=15, help="of each size; 15 if not given")
    options = parser.parse_args()
    machine = describe_machine("numpy")
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    results = {}
    for boxes in (500, 2_000, 10_000):
        results[str(boxes)] = measure(boxes, options.rounds)
        report(boxes, results[str(boxes)])
    if options.json is not None:
        options.json.write_text(
            json.dumps({"machine": machine, "figures": results}, indent=2) + "\n"
        )


if __name__ == "__main__":
    main()
