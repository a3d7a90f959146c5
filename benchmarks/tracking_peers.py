"""Other projects' trackers behind one face, loaded from where the user has them.

Nothing of them is part of this project. A peer that cannot be loaded is left out, and the reason
is told.
"""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tests.tracking.reference import ReferenceByteTrack, ReferenceSort

Array = NDArray[np.float64]


class Steps(Protocol):
    """A tracker at its first frame."""

    def prepare(self, frame: Array) -> Any:
        """What `step` takes, made of `(N, 5)` xyxy and score; not timed."""
        ...

    def step(self, prepared: Any) -> Any:
        """The next frame."""
        ...

    def rows(self, shown: Any) -> Array:
        """`(M, 6)` id, xyxy, score of what `step` gave; not timed."""
        ...


@dataclass(frozen=True, slots=True)
class Peer:
    """A tracker to be compared with.

    Attributes:
        name: As shown.
        rival: The mode of ours with the same algorithm and parameters.
        make: Gives a fresh one.
        exact: Whether it must show the same tracks as ours.
    """

    name: str
    rival: str
    make: Callable[[], Steps]
    exact: bool = False


class _OfArrays:
    """A tracker that takes and gives arrays."""

    def __init__(self, update: Callable[[Array], Any], rows: Callable[[Any], Array]) -> None:
        self._update = update
        self.rows = rows

    def prepare(self, frame: Array) -> Array:
        return frame.copy()

    def step(self, prepared: Array) -> Any:
        return self._update(prepared)


def references() -> list[Peer]:
    """The literal trackers of the test suite, which are always there."""
    return [
        Peer(
            "reference", "sort", lambda: _OfArrays(ReferenceSort().update, np.asarray), exact=True
        ),
        Peer(
            "reference",
            "bytetrack",
            lambda: _OfArrays(ReferenceByteTrack().update, np.asarray),
            exact=True,
        ),
    ]


def load(name: str, path: Path | None) -> list[Peer]:
    """The trackers of a project.

    Args:
        name: One of `PROJECTS`.
        path: Its checkout, or the folder that it is installed in; `None`: it is importable.

    Raises:
        Exception: Whatever keeps it from being loaded.
    """
    if path is not None:
        if not path.is_dir():
            raise FileNotFoundError(f"{path}: no such folder")
        sys.path.insert(0, str(path))
    return PROJECTS[name]()


def _sort() -> list[Peer]:
    _pretend("matplotlib", "matplotlib.pyplot", "matplotlib.patches", "skimage", "skimage.io")
    sys.modules["matplotlib"].use = lambda *_: None  # type: ignore[attr-defined]
    official = importlib.import_module("sort")
    return [
        Peer("official", "sort", lambda: _OfArrays(official.Sort().update, _id_last), exact=True)
    ]


def _bytetrack() -> list[Peer]:
    _old_numpy()
    _pretend("loguru", "torchvision", "thop", "tabulate")
    _bare_package("yolox", "tracker")
    official = importlib.import_module("yolox.tracker.byte_tracker")
    settings = SimpleNamespace(track_thresh=0.6, match_thresh=0.9, track_buffer=30, mot20=False)

    def make() -> Steps:
        tracker = official.BYTETracker(settings, frame_rate=30)
        return _OfArrays(lambda frame: tracker.update(frame, (1, 1), (1, 1)), _of_objects)

    return [Peer("official", "bytetrack", make, exact=True)]


def _ocsort() -> list[Peer]:
    _old_numpy()
    _bare_package("trackers", "ocsort_tracker")
    official = importlib.import_module("trackers.ocsort_tracker.ocsort")
    for name in [name for name in sys.modules if name.partition(".")[0] == "trackers"]:
        del sys.modules[name]  # another project has this name too

    def make() -> Steps:
        tracker = official.OCSort(det_thresh=0.6)
        return _OfArrays(lambda frame: tracker.update(frame, (1, 1), (1, 1)), _id_last)

    return [Peer("official", "ocsort", make, exact=True)]


def _botsort() -> list[Peer]:
    _old_numpy()
    _pretend("fast_reid", "fast_reid.fast_reid_interfece", "matplotlib", "matplotlib.pyplot")
    sys.modules["fast_reid.fast_reid_interfece"].FastReIDInterface = None  # type: ignore[attr-defined]
    _bare_package("tracker")
    official = importlib.import_module("tracker.bot_sort")
    settings = SimpleNamespace(
        track_high_thresh=0.6,
        track_low_thresh=0.1,
        new_track_thresh=0.7,
        track_buffer=30,
        match_thresh=0.8,
        mot20=False,
        with_reid=False,
        proximity_thresh=0.5,
        appearance_thresh=0.25,
        cmc_method="none",
        name="",
        ablation=False,
    )

    def make() -> Steps:
        tracker = official.BoTSORT(settings, frame_rate=30)
        return _OfArrays(lambda frame: tracker.update(frame, None), _of_objects)

    return [Peer("official", "botsort", make, exact=True)]


def _deepsort() -> list[Peer]:
    _old_numpy()
    detection = importlib.import_module("deep_sort.detection").Detection
    metric = importlib.import_module("deep_sort.nn_matching").NearestNeighborDistanceMetric
    official = importlib.import_module("deep_sort.tracker").Tracker

    class Tracker:
        def __init__(self) -> None:
            self._tracker = official(metric("cosine", 0.2, 100))

        def prepare(self, frame: Array) -> Any:
            xywh = np.c_[frame[:, :2], frame[:, 2:4] - frame[:, :2]]
            return list(map(detection, xywh, frame[:, 4], looks(frame)))

        def step(self, prepared: Any) -> Any:
            self._tracker.predict()
            self._tracker.update(prepared)
            return self._tracker.tracks

        def rows(self, shown: Any) -> Array:
            rows = [
                [track.track_id, *track.to_tlwh(), 1.0]
                for track in shown
                if track.is_confirmed() and track.time_since_update <= 1
            ]
            found = np.array(rows, np.float64).reshape(-1, 6)
            found[:, 3:5] += found[:, 1:3]
            return found

    return [Peer("official", "deepsort", Tracker, exact=True)]


def _ultralytics() -> list[Peer]:
    module = importlib.import_module("ultralytics.trackers.byte_tracker")
    boxes = importlib.import_module("ultralytics.engine.results").Boxes
    settings = SimpleNamespace(
        track_high_thresh=0.6,
        track_low_thresh=0.1,
        new_track_thresh=0.7,
        track_buffer=30,
        match_thresh=0.9,
        fuse_score=True,
    )

    class Tracker:
        def __init__(self) -> None:
            self._tracker = module.BYTETracker(settings)

        def prepare(self, frame: Array) -> Any:
            rows = np.c_[frame, np.zeros(len(frame))].astype(np.float32)
            return boxes(rows, (1080, 1920))

        def step(self, prepared: Any) -> Any:
            return self._tracker.update(prepared)

        def rows(self, shown: Any) -> Array:
            return np.asarray(np.c_[shown[:, 4], shown[:, :4], shown[:, 5]])

    return [Peer("ultralytics", "bytetrack", Tracker)]


def _trackers() -> list[Peer]:
    module = importlib.import_module("trackers")
    detections = importlib.import_module("supervision").Detections

    class Tracker:
        def __init__(self, kind: str) -> None:
            self._tracker = getattr(module, kind)()

        def prepare(self, frame: Array) -> Any:
            ids = np.zeros(len(frame), int)
            return detections(xyxy=frame[:, :4].copy(), confidence=frame[:, 4].copy(), class_id=ids)

        def step(self, prepared: Any) -> Any:
            return self._tracker.update(prepared)

        def rows(self, shown: Any) -> Array:
            rows = np.c_[shown.tracker_id, shown.xyxy, shown.confidence]
            return np.asarray(rows[rows[:, 0] >= 0])

    return [
        Peer("trackers", "sort", lambda: Tracker("SORTTracker")),
        Peer("trackers", "bytetrack", lambda: Tracker("ByteTrackTracker")),
        Peer("trackers", "ocsort", lambda: Tracker("OCSORTTracker")),
    ]


PROJECTS: dict[str, Callable[[], list[Peer]]] = {
    "sort": _sort,
    "bytetrack": _bytetrack,
    "ocsort": _ocsort,
    "botsort": _botsort,
    "deepsort": _deepsort,
    "ultralytics": _ultralytics,
    "trackers": _trackers,
}


def looks(frame: Array) -> NDArray[np.float32]:
    """`(N, 128)` vectors of length 1, alike for boxes that are near each other."""
    waves = np.random.default_rng(0).normal(0, 0.01, (2, 128))
    found = np.sin(frame[:, :2] @ waves + np.arange(128))
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found, np.float32)


def _id_last(rows: Any) -> Array:
    """Rows of xyxy and id; these trackers forget the score."""
    return np.asarray(np.c_[rows[:, 4], rows[:, :4], np.ones(len(rows))])


def _of_objects(tracks: Any) -> Array:
    rows = [[track.track_id, *track.tlbr, track.score] for track in tracks]
    return np.array(rows, np.float64).reshape(-1, 6)


def _pretend(*names: str) -> None:
    """Empty modules in place of those that a tracker's file names but does not need."""
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError:
            module = types.ModuleType(name)
            module.__path__ = []
            sys.modules[name] = module
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(sys.modules[parent], child, module)


def _bare_package(*names: str) -> None:
    """Packages whose own `__init__`, which loads far more, does not run."""
    folder, full = Path(sys.path[0]), ""
    for name in names:
        folder, full = folder / name, f"{full}.{name}".lstrip(".")
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder; is this the project's checkout?")
        package = types.ModuleType(full)
        package.__path__ = [str(folder)]
        sys.modules[full] = package


def _old_numpy() -> None:
    """Names that numpy has dropped since these trackers were written."""
    for name, kind in (("float", float), ("int", int), ("bool", bool), ("float_", np.float64)):
        if name not in vars(np):
            setattr(np, name, kind)
