"""Milliseconds per frame of our trackers beside other projects', on the same detections.

`python -m benchmarks.tracking [--peer NAME=PATH ...] [--objects N ...] [--json FILE]`

Always there is the test suite's reference: SORT with one filterpy filter a track, ByteTrack with
one dense 8x8 filter a track, both with whole matrices. Others come from where you have them:

- `--peer sort=PATH`, `bytetrack=PATH`, `ocsort=PATH`, `botsort=PATH`, `deepsort=PATH`: the
  official repositories' checkouts. ByteTrack and BoT-SORT need `cython_bbox`.
- `--peer ultralytics=PATH`, `trackers=PATH`: folders that these packages (`trackers` beside
  `supervision`) were installed in with `pip install --target PATH`; `--peer NAME` if they
  are importable anyway.

All trackers of a mode and number of objects see the same frames, the whole sequence in turns, and
each frame counts with its best of the repeats. A peer with the same algorithm must show the same
tracks; a row where it does not says so. DeepSORT gets vectors that hang on where a box is.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import describe_machine
from benchmarks.tracking_peers import PROJECTS, Array, Peer, Steps, load, looks, references
from detector.detections import Detections
from tests.tracking.scenes import Scene, detections, difference, make
from tracking.build import build_tracker
from tracking.config import TRACKER_CONFIGS
from tracking.tracks import Tracks

WARM_UP = 5


def scene(objects: int) -> list[Array]:
    """A busy full-HD view: 16-60 px boxes, 8 % missed, 3 % false."""
    settings = Scene(
        objects=objects,
        frames=60 if objects < 1000 else 30,
        area_wh=(1920, 1080),
        size=(16, 60),
        miss=0.08,
        false=0.03 * objects,
        life=200,
    )
    return make(settings, seed=0)


class _Ours:
    """One of our modes, at its first frame."""

    def __init__(self, mode: str) -> None:
        self._tracker = build_tracker(TRACKER_CONFIGS[mode]())

    def prepare(self, frame: Array) -> Detections:
        return replace(detections(frame), features=looks(frame))

    def step(self, prepared: Detections) -> Tracks:
        return self._tracker.update(prepared)

    def rows(self, shown: Tracks) -> Array:
        return np.asarray(np.c_[shown.ids, shown.boxes, shown.scores])


def measure(
    frames: Sequence[Array], mode: str, peers: Sequence[Peer], repeats: int
) -> tuple[Array, list[list[Array]]]:
    """`(1 + peers, frames)` best times in ms, ours first, and each one's tracks."""
    makers: list[Callable[[], Steps]] = [lambda: _Ours(mode), *(peer.make for peer in peers)]
    best = np.full((len(makers), len(frames)), np.inf)
    shown: list[list[Array]] = []
    gc.disable()
    for _ in range(repeats):
        trackers = [maker() for maker in makers]
        shown = [[] for _ in trackers]
        for side, tracker in enumerate(trackers):
            for index, frame in enumerate(frames):
                prepared = tracker.prepare(frame)
                begin = time.perf_counter()
                tracks = tracker.step(prepared)
                took = time.perf_counter() - begin
                best[side, index] = min(best[side, index], took * 1e3)
                shown[side].append(tracker.rows(tracks))
            gc.collect()
    gc.enable()
    return best[:, WARM_UP:], shown


def compare(mode: str, objects: int, peers: Sequence[Peer], repeats: int) -> list[dict[str, Any]]:
    """A row of figures for each peer; one without a peer if there is none."""
    times, shown = measure(scene(objects), mode, peers, repeats)
    ours = float(np.median(times[0]))
    common = {"tracker": mode, "objects": objects, "ours_ms": ours}
    common["ours_worst_ms"] = float(times[0].max())
    if not peers:
        return [common]
    rows = []
    for peer, theirs, tracks in zip(peers, times[1:], shown[1:], strict=True):
        # Ids and boxes: official SORT and OC-SORT forget the score.
        fault = difference(*([f[:, :5] for f in side] for side in (shown[0], tracks)))
        same = "yes" if fault is None else "NO: " + fault if peer.exact else "-"
        milliseconds = float(np.median(theirs))
        rows.append(
            common
            | {"peer": peer.name, "peer_ms": milliseconds}
            | {"ratio": milliseconds / ours, "same_tracks": same}
        )
    return rows


def find_peers(wanted: Sequence[str]) -> tuple[list[Peer], dict[str, str]]:
    """The peers that could be loaded, and why others could not."""
    given = dict(word.partition("=")[::2] for word in wanted)
    peers, skipped = references(), {}
    for name in PROJECTS:
        if name not in given:
            skipped[name] = f"not asked for (--peer {name}=PATH)"
            continue
        try:
            peers += load(name, Path(given[name]).expanduser().resolve() if given[name] else None)
        except Exception as error:  # noqa: BLE001 - whatever another project does when loaded
            skipped[name] = f"{type(error).__name__}: {error}"
    return peers, skipped


def _peer(word: str) -> str:
    if word.partition("=")[0] not in PROJECTS:
        raise argparse.ArgumentTypeError(f"{word}: NAME=PATH, NAME of {', '.join(PROJECTS)}")
    return word


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def main(argv: Sequence[str] | None = None) -> None:
    """Prints the table and writes it as json where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--objects", type=int, nargs="+", default=[20, 100, 300, 1000])
    parser.add_argument("--trackers", nargs="+", default=list(TRACKER_CONFIGS), metavar="MODE")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer", type=_peer, nargs="+", default=[], metavar="NAME=PATH")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.trackers) - set(TRACKER_CONFIGS):
        parser.error(f"--trackers {' '.join(unknown)}: there is {', '.join(TRACKER_CONFIGS)}")
    peers, skipped = find_peers(arguments.peer)
    machine = describe_machine("numpy", "scipy", "lap", "filterpy")
    machine |= {name: v for name in ("ultralytics", "trackers") if (v := _version(name))}
    print(", ".join(f"{key} {value}" for key, value in machine.items()))
    for name, reason in skipped.items():
        print(f"without {name}: {reason}")
    print("ms per frame (median)")
    head = f"{'tracker':<10}{'objects':>8}{'ours':>8}{'worst':>8}  {'peer':<12}{'peer ms':>8}"
    print(f"{head}{'ratio':>8}  same tracks")
    rows = []
    for mode in arguments.trackers:
        rivals = [peer for peer in peers if peer.rival == mode]
        for objects in arguments.objects:
            found = compare(mode, objects, rivals, arguments.repeats)
            rows += found
            for row in found:
                _show(row)
    if arguments.json:
        report = {"machine": machine, "skipped": skipped, "results": rows}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def _show(row: dict[str, Any]) -> None:
    line = f"{row['tracker']:<10}{row['objects']:>8}{row['ours_ms']:>8.2f}"
    line += f"{row['ours_worst_ms']:>8.2f}"
    if "peer" in row:
        line += f"  {row['peer']:<12}{row['peer_ms']:>8.2f}{row['ratio']:>7.1f}x"
        line += f"  {row['same_tracks']}"
    print(line, flush=True)


if __name__ == "__main__":
    main()
