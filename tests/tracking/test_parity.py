"""The fast trackers against the slow, literal ones: box for box, and id for id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.tracking.reference import Array, ReferenceByteTrack, ReferenceSort
from tests.tracking.reference_botsort import ReferenceBotSort
from tests.tracking.reference_ocsort import ReferenceOcSort
from tests.tracking.scenes import (
    AsTracker,
    Reference,
    Scene,
    camera,
    detections,
    difference,
    make,
    run,
)
from tracking import association, heaviest, overlap
from tracking.botsort import BotSort
from tracking.bytetrack import ByteTrack
from tracking.config import BotSortConfig, ByteTrackConfig, OcSortConfig, SortConfig
from tracking.mot import read_mot
from tracking.ocsort import OcSort
from tracking.sort import Sort
from tracking.tracks import Motion, Tracker

VARIANTS: dict[str, Callable[[], tuple[Tracker, Reference]]] = {
    "sort": lambda: (Sort(SortConfig()), ReferenceSort()),
    "sort, patient": lambda: (
        Sort(SortConfig(max_age=6, min_hits=1, iou_threshold=0.1)),
        ReferenceSort(6, 1, 0.1),
    ),
    "bytetrack": lambda: (ByteTrack(ByteTrackConfig()), ReferenceByteTrack()),
    "bytetrack, unfused": lambda: (
        ByteTrack(
            ByteTrackConfig(track_thresh=0.4, match_thresh=0.7, track_buffer=3, fuse_score=False)
        ),
        ReferenceByteTrack(0.4, 0.7, 3, 30, False),
    ),
    "ocsort": lambda: (OcSort(OcSortConfig()), ReferenceOcSort()),
    "ocsort, with weak": lambda: (
        OcSort(OcSortConfig(det_thresh=0.4, max_age=4, min_hits=1, delta_t=2, use_byte=True)),
        ReferenceOcSort(0.4, 4, 1, delta_t=2, use_byte=True),
    ),
    "ocsort, straight on": lambda: (
        OcSort(OcSortConfig(det_thresh=0.3, iou_threshold=0.15, delta_t=5, inertia=1.5)),
        ReferenceOcSort(0.3, iou_threshold=0.15, delta_t=5, inertia=1.5),
    ),
    "botsort": lambda: (BotSort(BotSortConfig()), ReferenceBotSort()),
    "botsort, unfused": lambda: (
        BotSort(
            BotSortConfig(
                track_high_thresh=0.4,
                track_low_thresh=0.2,
                new_track_thresh=0.45,
                track_buffer=3,
                match_thresh=0.7,
                fuse_score=False,
            )
        ),
        ReferenceBotSort(0.4, 0.2, 0.45, 3, 0.7, 30, False),
    ),
}

HOWEVER_FAR: dict[str, Callable[[], tuple[Tracker, Reference]]] = {
    "sort": lambda: (
        Sort(SortConfig(max_age=2, min_hits=-1, iou_threshold=0)),
        ReferenceSort(2, -1, 0.0),
    ),
    "bytetrack": lambda: (
        ByteTrack(ByteTrackConfig(match_thresh=1.5)),
        ReferenceByteTrack(match_thresh=1.5),
    ),
    "ocsort": lambda: (
        OcSort(OcSortConfig(max_age=4, iou_threshold=-0.1, inertia=-0.5, use_byte=True)),
        ReferenceOcSort(max_age=4, iou_threshold=-0.1, inertia=-0.5, use_byte=True),
    ),
}
"""With limits that let boxes match that do not overlap."""

SCENES = {
    "few": Scene(objects=3, false=0.2),
    "plain": Scene(),
    "flicker": Scene(miss=0.45, life=80),
    "gaps": Scene(empty=0.35),
    "crossing": Scene(objects=40, size=(40, 120), frames=40),
    "whole pixels, doubled": Scene(objects=20, decimals=0, jitter=0.4, speed=2, doubled=0.2),
    "tiny and fast": Scene(objects=25, size=(3, 9), speed=6, decimals=1),
    "crowd": Scene(objects=350, size=(20, 70), frames=8, area_wh=(1280, 720)),
}


@pytest.fixture(params=["as in use", "always sparse"])
def paths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small problems are solved whole; the second run sends them through the sparse path."""
    if request.param == "always sparse":
        monkeypatch.setattr(association, "_WHOLE", -1)
        monkeypatch.setattr(heaviest, "_ONE_TABLE", -1)
        monkeypatch.setattr(overlap, "DENSE_PAIRS", -1)
    return str(request.param)


@cache
def _scene(name: str, seed: int) -> list[Array]:
    return make(SCENES[name], seed)


@cache
def _reference_on_scene(variant: str, name: str, seed: int) -> list[Array]:
    return run(AsTracker(VARIANTS[variant]()[1]), _scene(name, seed))


def _compare(
    variant: str,
    frames: list[Array],
    expected: list[Array] | None = None,
    motions: list[Motion] | None = None,
) -> str | None:
    tracker, reference = VARIANTS[variant]()
    ours = run(tracker, frames, motions)
    theirs = run(AsTracker(reference), frames, motions) if expected is None else expected
    if variant.startswith(("sort", "ocsort")):
        # Of two detections in one place either may feed a track: same box, another score.
        ours, theirs = [rows[:, :5] for rows in ours], [rows[:, :5] for rows in theirs]
    return difference(ours, theirs)


@pytest.mark.parametrize(
    ("scene", "variant"),
    [
        (scene, variant)
        for scene in SCENES
        for variant in VARIANTS
        if "," not in variant or scene in ("plain", "gaps", "whole pixels, doubled")
    ],
)
@pytest.mark.usefixtures("paths")
def test_random_scenes(scene: str, variant: str) -> None:
    for seed in range(1 if scene == "crowd" or "," in variant else 2):
        expected = _reference_on_scene(variant, scene, seed)
        assert _compare(variant, _scene(scene, seed), expected) is None, f"seed {seed}"


@pytest.mark.parametrize("scene", ["few", "gaps", "whole pixels, doubled"])
@pytest.mark.parametrize("variant", list(HOWEVER_FAR))
@pytest.mark.usefixtures("paths")
def test_boxes_that_do_not_overlap(variant: str, scene: str) -> None:
    tracker, reference = HOWEVER_FAR[variant]()
    frames = _scene(scene, 0)
    ours, theirs = run(tracker, frames), run(AsTracker(reference), frames)
    assert difference([rows[:, :5] for rows in ours], [rows[:, :5] for rows in theirs]) is None


@given(
    scene=st.builds(
        Scene,
        objects=st.integers(0, 20),
        frames=st.just(15),
        area_wh=st.sampled_from([(60.0, 60.0), (300.0, 200.0)]),
        size=st.sampled_from([(2.0, 6.0), (10.0, 30.0), (20.0, 21.0)]),
        speed=st.sampled_from([0.0, 1.0, 8.0]),
        jitter=st.sampled_from([0.0, 0.5, 3.0]),
        miss=st.sampled_from([0.0, 0.2, 0.6]),
        doubled=st.sampled_from([0.0, 0.3]),
        empty=st.sampled_from([0.0, 0.2]),
        decimals=st.sampled_from([None, 0, 2]),
    ),
    seed=st.integers(0, 1000),
    variant=st.sampled_from(list(VARIANTS)),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_drawn_scenes(scene: Scene, seed: int, variant: str) -> None:
    assert _compare(variant, make(scene, seed)) is None


@pytest.mark.parametrize("variant", list(VARIANTS))
@pytest.mark.usefixtures("paths")
def test_ties_everywhere(variant: str) -> None:
    """Equal boxes on a grid, equal scores: the solver's choice among equals must be the same."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        corner = rng.integers(0, 10, (14, 2)) * 5.0
        step = rng.integers(-1, 2, (14, 2)) * 2.0 * (seed % 2)
        frames = []
        for _ in range(20):
            corner += step
            boxes = np.c_[corner, corner + 20, rng.choice([0.3, 0.6, 0.9], 14)]
            frames.append(boxes[rng.random(14) < 0.85])
        assert _compare(variant, frames) is None, f"seed {seed}"


@pytest.mark.parametrize("kind", ["shifted", "scaled", "turned", "sheared"])
@pytest.mark.parametrize("variant", ["botsort", "botsort, unfused"])
def test_the_camera_moves(variant: str, kind: str) -> None:
    for seed, scene in enumerate(("plain", "gaps")):
        frames = _scene(scene, seed)
        motions = camera(kind, len(frames), seed)
        assert _compare(variant, frames, motions=motions) is None, f"seed {seed}"
        still = run(VARIANTS[variant]()[0], frames)
        assert difference(run(VARIANTS[variant]()[0], frames, motions), still) is not None


def test_the_last_digit_breaks_a_tie() -> None:
    """Two tracks at one point, then two boxes at equal distance from it, then one between them.

    Either track may take either box, all totals being equal but for rounding.
    """
    corners = [[(4, 16), (4, 16)], [(4, 16), (4, 16)], [(0, 12), (0, 20)], [(0, 16)]]
    frames = [np.array([[x, y, x + 20.0, y + 20, 1] for x, y in frame]) for frame in corners]
    assert _compare("sort", frames) is None


@pytest.mark.parametrize(
    ("variant", "seeds"), [("sort", (12, 21, 23, 24)), ("bytetrack", (26, 31, 43, 127))]
)
def test_crowds_on_a_grid(variant: str, seeds: tuple[int, ...]) -> None:
    """In these scenes filters that round otherwise than the reference's choose another tie."""
    for seed in seeds:
        rng = np.random.default_rng(seed)
        corner = rng.integers(0, 10, (40, 2)) * 10.0
        frames = []
        for _ in range(15):
            corner += rng.integers(-1, 2, corner.shape) * 10.0 * (rng.random((40, 1)) < 0.4)
            boxes = np.c_[corner, corner + 20, np.ones(40)]
            frames.append(boxes[rng.random(40) < 0.85])
        assert _compare(variant, frames) is None, f"seed {seed}"


@pytest.mark.parametrize("variant", [name for name in VARIANTS if "bot" not in name])
@pytest.mark.usefixtures("paths")
def test_boxes_without_area(variant: str) -> None:
    """They make tracks of NaN, and tracks that they feed NaN; no warning, no other harm."""
    seen = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        frames = make(Scene(objects=8, frames=25, area_wh=(200, 150), life=100), seed)
        for frame in frames:
            flat = rng.random((len(frame), 2)) < 0.08
            frame[:, 2:4][flat] = frame[:, :2][flat]
        assert _compare(variant, frames) is None, f"seed {seed}"
        seen += sum(int(np.isnan(rows).sum()) for rows in run(VARIANTS[variant]()[0], frames))
    assert seen


@pytest.mark.parametrize("variant", list(VARIANTS))
@pytest.mark.usefixtures("paths")
def test_boxes_turned_inside_out(variant: str) -> None:
    """Negative widths and heights, as some detection files have them."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        frames = make(Scene(objects=8, frames=25, area_wh=(200, 150), life=100), seed)
        for frame in frames:
            for side in (0, 1):
                turned = rng.random(len(frame)) < 0.08
                low, high = frame[turned, side].copy(), frame[turned, 2 + side].copy()
                frame[turned, 2 + side] = 2 * low - high
        assert _compare(variant, frames) is None, f"seed {seed}"


def test_the_comparison_sees_differences() -> None:
    rows = run(Sort(SortConfig()), make(SCENES["plain"], 0))
    for change in ([5, 0], [0, 0.002], [0, 0]):
        changed = [r.copy() for r in rows]
        changed[-1][-1, :2] += change  # its oldest track
        assert (difference(rows, changed) is None) == (change == [0, 0])
    assert difference(rows, [*rows[:-1], rows[-1][1:]]) is not None
    renumbered = [np.c_[1000 - r[:, :1], r[:, 1:]] for r in rows]
    assert difference(rows, renumbered) is None


def _noisy(path: Path, seed: int, frames: int) -> Iterator[Array]:
    """Ground truth as a detector might see it."""
    rng = np.random.default_rng(seed)
    truth = read_mot(path)
    for frame in range(1, min(truth.last_frame, frames) + 1):
        boxes = truth.detections(frame).boxes
        boxes = boxes[rng.random(len(boxes)) > 0.12]
        size = boxes[:, 2:] - boxes[:, :2]
        boxes = boxes + rng.normal(0, 0.04, boxes.shape) * np.tile(size, 2)
        false = rng.uniform(0, 500, (rng.poisson(1.5), 2))
        boxes = np.concatenate((boxes, np.c_[false, false + rng.uniform(10, 60, false.shape)]))
        yield np.c_[boxes, rng.beta(4, 2, len(boxes))]


@pytest.mark.shared
@pytest.mark.parametrize("variant", ["sort", "bytetrack", "ocsort", "botsort"])
@pytest.mark.parametrize("sequence", ["TUD-Campus", "TUD-Stadtmitte"])
def test_mot15_public_detections(shared_data: Path, sequence: str, variant: str) -> None:
    rows = read_mot(shared_data / "mot15" / sequence / "det" / "det.txt")
    frames = []
    for frame in range(1, rows.last_frame + 1):
        found = rows.detections(frame)
        frames.append(np.c_[found.boxes, found.scores])
    assert _compare(variant, frames) is None


@pytest.mark.shared
@pytest.mark.parametrize("variant", ["sort", "bytetrack", "ocsort", "botsort"])
def test_uavdt_ground_truth(shared_data: Path, variant: str) -> None:
    """UAVDT's boxes are whole pixels; as they are, and with noise."""
    for sequence in ("M0101", "M0702"):
        path = shared_data / "uavdt-gt-train" / f"{sequence}_gt.txt"
        truth = read_mot(path)
        plain = [truth.detections(frame) for frame in range(1, 41)]
        assert _compare(variant, [np.c_[d.boxes, d.scores] for d in plain]) is None
        assert _compare(variant, list(_noisy(path, 1, 40))) is None


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_ids_are_unique_and_never_used_again(variant: str) -> None:
    last_seen: dict[int, int] = {}
    highest = 0
    rows = run(VARIANTS[variant]()[0], make(Scene(frames=200, life=10), 3))
    for frame, shown in enumerate(rows):
        numbers = shown[:, 0].astype(int).tolist()
        assert len(set(numbers)) == len(numbers)
        for number in numbers:
            gap = frame - last_seen.get(number, frame)
            assert gap <= 32 or variant.startswith("ocsort")  # which may be silent for long
            last_seen[number] = frame
        highest = max([highest, *numbers])
    assert highest > 40


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_the_order_of_detections_does_not_matter(variant: str) -> None:
    rng = np.random.default_rng(0)
    frames = make(SCENES["plain"], 5)
    shuffled = [rng.permutation(frame) for frame in frames]
    first, second = (run(VARIANTS[variant]()[0], some) for some in (frames, shuffled))
    assert difference(first, second) is None


@pytest.mark.parametrize("variant", list(VARIANTS))
def test_shifted_boxes_give_shifted_tracks(variant: str) -> None:
    frames = make(SCENES["plain"], 6)
    shift = np.array([37.25, 1200.5, 37.25, 1200.5])
    # OC-SORT takes boxes that are far out to the left or above for none.
    frames = [np.c_[frame[:, :4] + 300, frame[:, 4]] for frame in frames]
    moved = [np.c_[frame[:, :4] + shift, frame[:, 4]] for frame in frames]
    here, there = (run(VARIANTS[variant]()[0], some) for some in (frames, moved))
    assert difference([np.c_[r[:, 0], r[:, 1:5] + shift, r[:, 5]] for r in here], there) is None


@pytest.mark.parametrize("variant", ["sort", "bytetrack", "ocsort", "botsort"])
def test_two_trackers_share_nothing(variant: str) -> None:
    frames = make(SCENES["plain"], 7)
    alone = run(VARIANTS[variant]()[0], frames)
    one, other = VARIANTS[variant]()[0], VARIANTS[variant]()[0]
    for frame, expected in zip(frames, alone, strict=True):
        for tracker in (one, other):
            tracks = tracker.update(detections(frame))
            assert tracks.ids.tolist() == expected[:, 0].tolist()


def _held(part: object) -> Iterator[NDArray[Any]]:
    """All arrays that a tracker keeps, whole: a view holds the array that it looks into."""
    for value in vars(part).values():
        if isinstance(value, np.ndarray):
            yield value if value.base is None else value.base
        elif type(value).__module__.startswith("tracking.") and hasattr(value, "__dict__"):
            yield from _held(value)
        else:
            assert not isinstance(value, list | dict | set)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["sort", "bytetrack", "ocsort", "botsort"])
def test_memory_stays_flat(variant: str) -> None:
    """Thousands of births and deaths, and one track that lives on, in 5000 frames."""
    frames = make(Scene(objects=3, frames=100, life=8, false=0.7, miss=0.3), 8)
    frames = [np.concatenate((frame, [[900.0, 900, 950, 940, 0.9]])) for frame in frames]
    motions = camera("turned", 1, 0) if variant == "botsort" else []
    tracker = VARIANTS[variant]()[0]
    sizes, highest = [], 0
    for _ in range(50):
        for frame in frames:
            tracks = tracker.update(detections(frame), motion=motions.pop() if motions else None)
            highest = max(highest, *tracks.ids.tolist())
        sizes.append(sum(array.nbytes for array in _held(tracker)))
    assert highest > 500
    assert max(sizes) < 50_000
    assert max(sizes[25:]) <= 1.5 * max(sizes[:25])
