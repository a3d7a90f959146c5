"""The drone mode on scenes worked out by hand, and on noisy ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.detections import Detections
from tests.tracking.noise import CLASS_NAMES, USUAL, Shake, Truth, derive, shake
from tracking.config import DroneConfig
from tracking.drone import Drone
from tracking.tracks import Motion, Tracks

NAMES = ("car", "van", "person", "dog")
CAR, VAN, PERSON, DOG = range(4)


def found(*rows: tuple[float, float, float, int]) -> Detections:
    """Detections of 20 px squares, each given as left edge, top edge, score, class."""
    table = np.array(rows, float).reshape(-1, 4)
    boxes = np.c_[table[:, :2], table[:, :2] + 20]
    return Detections(boxes, table[:, 2], table[:, 3].astype(np.int64))


def run(
    frames: Sequence[Detections],
    config: DroneConfig | None = None,
    motions: Sequence[Motion | None] | None = None,
    times: Sequence[float | None] | None = None,
) -> list[Tracks]:
    tracker = Drone(config or DroneConfig(), NAMES)
    return [
        tracker.update(
            frame,
            motion=Motion.identity() if motions is None else motions[index],
            time_s=None if times is None else times[index],
        )
        for index, frame in enumerate(frames)
    ]


def ids(tracks: Sequence[Tracks]) -> list[list[int]]:
    return [one.ids.tolist() for one in tracks]


NOTHING = found()


def test_a_flip_of_class_keeps_the_id_and_the_better_scored_class() -> None:
    frames = [
        found((0, 0, 0.9, CAR)),
        found((1, 0, 0.6, VAN)),
        found((2, 0, 0.7, VAN)),
        found((3, 0, 0.5, CAR)),
    ]
    tracks = run(frames)
    assert ids(tracks) == [[1]] * 4
    # car 0.9, then van 0.6, 1.3, then car 1.4
    assert [one.classes.tolist() for one in tracks] == [[CAR], [CAR], [VAN], [CAR]]


@pytest.mark.parametrize("other", [PERSON, DOG])
def test_another_group_never_feeds_a_track(other: int) -> None:
    frames = [found((0, 0, 0.9, CAR)), *[found((0, 0, 0.9, other))] * 4]
    tracks = run(frames)
    assert ids(tracks) == [[1], [], [], [2], [2]]
    assert tracks[-1].classes.tolist() == [other]


def test_classes_without_names_are_one_group() -> None:
    tracker = Drone(DroneConfig())
    shown = [tracker.update(found((0, 0, 0.9, k))) for k in (CAR, PERSON, DOG)]
    assert ids(shown) == [[1]] * 3


def test_groups_are_the_users() -> None:
    frames = [found((0, 0, 0.9, CAR)), found((0, 0, 0.9, VAN))]
    assert ids(run(frames, DroneConfig(groups=(("Car",), ("van",))))) == [[1], []]
    assert ids(run(frames, DroneConfig(groups=(("CAR", "v_an"), ("van",))))) == [[1], []]
    assert ids(run(frames, DroneConfig(groups=(("Car", "VAN"),)))) == [[1], [1]]


def test_a_false_start_takes_no_id() -> None:
    car, other = (0, 0, 0.9, CAR), (400, 300, 0.9, CAR)
    frames = [found(car)] * 2
    frames += [found(car, (200.0 * k, 300, 0.9, CAR)) for k in (0, 1, 0, 1)]
    frames += [found(car, other)] * 4
    assert ids(run(frames)) == [[1]] * 8 + [[1, 2]] * 2


@pytest.mark.parametrize(("missed", "expected"), [(29, 1), (30, 2)])
def test_a_lost_object_is_found_again_for_as_long_as_stated(missed: int, expected: int) -> None:
    car = found((0, 0, 0.9, CAR))
    frames = [car, car, *[NOTHING] * missed, car, car, car]
    assert ids(run(frames, DroneConfig(lost_s=1.0)))[-1] == [expected]


@pytest.mark.parametrize("frame_rate", [10.0, 25.0, 60.0])
@pytest.mark.parametrize("timed", [False, True])
def test_the_buffer_is_in_seconds_at_any_frame_rate(frame_rate: float, timed: bool) -> None:
    car = found((0, 0, 0.9, CAR))
    config = DroneConfig(lost_s=1.0, frame_rate=7.0 if timed else frame_rate)
    for missed, expected in ((int(frame_rate) - 1, 1), (int(frame_rate), 2)):
        frames = [car, car, *[NOTHING] * missed, car, car, car]
        times = [5 + k / frame_rate for k in range(len(frames))] if timed else None
        assert ids(run(frames, config, times=times))[-1] == [expected]


def test_a_track_fed_by_the_last_frame_survives_any_step() -> None:
    car = found((0, 0, 0.9, CAR))
    assert ids(run([car] * 4, DroneConfig(lost_s=1.0), times=[0, 5, 10, 15])) == [[1]] * 4


def moving(keep: slice = slice(None)) -> tuple[list[Detections], list[float]]:
    """Two cars that pass each other, 3 px a frame each, and the frames' times."""
    frames = [found((3.0 * k, 0, 0.9, CAR), (300 - 3.0 * k, 30, 0.8, CAR)) for k in range(100)]
    return frames[keep], [k / 30 for k in range(100)][keep]


@pytest.mark.parametrize("kept", [slice(0, 100, 2), slice(0, 100, 3), slice(1, 100, 2)])
def test_dropped_frames_change_no_id(kept: slice) -> None:
    whole, whole_times = moving()
    part, part_times = moving(kept)
    full = run(whole, times=whole_times)[kept]
    thin = run(part, times=part_times)
    assert ids(thin)[2:] == ids(full)[2:]
    for a, b in zip(thin[8:], full[8:], strict=True):
        np.testing.assert_allclose(a.boxes, b.boxes, atol=1.0)


def test_frames_lost_in_an_unsteady_stream_change_no_id() -> None:
    rng = np.random.default_rng(0)
    keep = np.sort(rng.permutation(100)[:60])
    frames, times = moving()
    thin = run([frames[k] for k in keep], times=[times[k] for k in keep])
    assert {tuple(one) for one in ids(thin)[2:]} == {(1, 2)}


def test_times_that_do_not_rise_are_unknown_ones() -> None:
    frames, _ = moving()
    assert ids(run(frames, times=[3.0] * 100)) == ids(run(frames))
    assert ids(run(frames, times=[-k / 30 for k in range(100)])) == ids(run(frames))


def test_tracks_name_the_row_that_fed_them() -> None:
    frames = [
        found((0, 0, 0.9, CAR), (100, 0, 0.9, CAR)),
        found((500, 0, 0.05, CAR), (100, 0, 0.9, CAR), (0, 0, 0.9, CAR)),
    ]
    assert [one.detection.tolist() for one in run(frames)] == [[0, 1], [2, 1]]


def test_lost_tracks_are_shown_on_request() -> None:
    frames = [found((4.0 * k, 0, 0.9, CAR)) for k in range(20)] + [NOTHING] * 3
    tracks = run(frames, DroneConfig(show_lost=True, lost_s=2.5 / 30))
    assert ids(tracks)[-4:] == [[1], [1], [1], []]
    assert [one.detection.tolist() for one in tracks[-4:-1]] == [[0], [-1], [-1]]
    assert tracks[-2].boxes[0, 0] == pytest.approx(4.0 * 21, abs=2)
    assert ids(run(frames, DroneConfig(lost_s=2.5 / 30)))[-4:] == [[1], [], [], []]


def test_weak_detections_keep_tracks_alive_but_start_and_find_none() -> None:
    frames = [
        found((0, 0, 0.9, CAR)),
        found((0, 0, 0.2, CAR), (100, 0, 0.2, CAR)),
        found((0, 0, 0.05, CAR), (100, 0, 0.2, CAR)),
        found((0, 0, 0.2, CAR)),
        found((0, 0, 0.5, CAR)),
    ]
    assert ids(run(frames)) == [[1], [1], [], [], [1]]


def test_two_detections_of_one_object_make_one_track() -> None:
    pair = found((0, 0, 0.9, CAR), (3, 0, 0.8, VAN))
    assert ids(run([found((0, 0, 0.9, CAR)), pair, pair, pair])) == [[1]] * 4
    # A person in a car's box is no second car.
    rider = found((0, 0, 0.9, CAR), (3, 0, 0.8, PERSON))
    assert ids(run([found((0, 0, 0.9, CAR)), rider, rider, rider])) == [[1], [1], [1], [1, 2]]


def test_of_two_tracks_on_one_object_the_older_one_stays() -> None:
    # Two boxes of one object drift together; then only one is found, nearer to the younger track.
    old = [(0.0, 0, 0.9, CAR)] * 9
    young = [(25.0, 0, 0.9, CAR), (20.0, 0, 0.9, CAR), (16.0, 0, 0.9, CAR)]
    young += [(12.0, 0, 0.9, CAR), (9.0, 0, 0.9, CAR), (6.0, 0, 0.9, CAR), (4.0, 0, 0.9, CAR)]
    frames = [found(old[0])] * 2 + [found(a, b) for a, b in zip(old[2:], young, strict=True)]
    shown = run([*frames, *[found((3.5, 0, 0.9, CAR))] * 4])
    assert [1, 2] in ids(shown)
    assert ids(shown)[-4:] == [[1]] * 4


def test_a_small_box_that_jumps_past_its_own_length_is_followed() -> None:
    # 25 px a frame, 20 px long: the boxes never meet.
    frames = [found((25.0 * k, 0, 0.9, CAR)) for k in range(10)]
    assert ids(run(frames)) == [[1]] * 10


def test_a_lost_object_is_found_where_the_view_has_moved_it() -> None:
    frames = [found((100, 100, 0.9, CAR))] * 5 + [NOTHING] * 5 + [found((350, 100, 0.9, CAR))]
    still, pan = Motion.identity(), Motion(np.array([[1.0, 0, 50], [0, 1, 0]]))
    assert ids(run(frames, motions=[still] * 5 + [pan] * 5 + [still]))[-1] == [1]
    assert ids(run(frames))[-1] == []


def passing(frames: int, hidden: range, back_px: float = 0.0) -> list[Detections]:
    """Four parked cars and one hidden for a while, seen by a camera that soon speeds up.

    The view moves by 2 px a frame from frame 40 on; the car comes back so far from its place.
    """
    shown = []
    for k in range(frames):
        view = sum(min(0.1 * max(j - 20, 0), 2.0) for j in range(k))
        cars = [(120.0 * n + view, 0, 0.9, CAR) for n in range(4)]
        place = 180 + view + (back_px if k >= hidden.stop else 0)
        shown.append(found(*cars, *([] if k in hidden else [(place, 50, 0.9, CAR)])))
    return shown


def test_a_car_hidden_by_a_bridge_goes_on_as_the_view_around_it_does() -> None:
    # Two seconds, in which the view has gone from rest to 2 px a frame: 110 px in all.
    assert ids(run(passing(100, range(20, 80))))[-1] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("back_px", "expected"), [(35.0, 5), (80.0, 6)])
def test_a_new_track_near_a_lost_one_goes_on_as_that_one(back_px: float, expected: int) -> None:
    shown = run(passing(100, range(20, 80), back_px))
    assert ids(shown)[-1] == [1, 2, 3, 4, expected]
    # It is seen three times before it has an id, the old one too.
    assert ids(shown)[80:83] == [[1, 2, 3, 4]] * 2 + [[1, 2, 3, 4, expected]]


def test_a_joined_track_has_one_history() -> None:
    hidden = passing(100, range(20, 80), 35.0)
    tracker = Drone(DroneConfig(), NAMES)
    shown = [tracker.update(frame, motion=Motion.identity()) for frame in hidden[:83]][-1]
    assert shown.ids.tolist() == [1, 2, 3, 4, 5]
    assert shown.detection.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(shown.boxes[4], hidden[82].boxes[4], atol=3)
    assert tracker._tracklets.clock["hits"].tolist() == [83] * 4 + [23]
    assert tracker._tracklets.votes[4, CAR] == pytest.approx(0.9 * 23)
    assert len(tracker._filters) == 5


def test_a_new_track_between_two_lost_ones_is_neither() -> None:
    pair = [found((0, 0, 0.9, CAR), (70, 0, 0.9, CAR))] * 20
    middle = [found((35, 0, 0.9, CAR))] * 4
    assert ids(run(pair + [NOTHING] * 40 + middle))[-1] == [3]
    assert ids(run([found((0, 0, 0.9, CAR))] * 20 + [NOTHING] * 40 + middle))[-1] == [1]


def test_a_neighbour_found_later_is_not_taken_for_the_one_missed() -> None:
    still = [(200.0 * n, 300, 0.9, CAR) for n in range(4)]
    first, neighbour = (0, 0, 0.9, CAR), (25, 0, 0.9, CAR)
    frames = [found(*still, first), found(*still, neighbour)]
    frames += [found(*still, first, neighbour)] * 3
    assert ids(run(frames))[-1] == [1, 2, 3, 4, 5, 6]
    assert run(frames)[-1].boxes[4:, 0] == pytest.approx([0, 25], abs=2)


def test_two_cars_side_by_side_do_not_swap() -> None:
    # Each is missed for a while, in turn, while they drive 8 px apart.
    frames = []
    for k in range(120):
        cars = [(3.0 * k, 0, 0.9, CAR), (3.0 * k, 28, 0.9, CAR)]
        missed = {20: 0, 50: 1, 80: 0}.get(k // 5 * 5)
        frames.append(found(*[car for n, car in enumerate(cars) if n != missed]))
    shown = run(frames)
    for k in (30, 60, 119):
        assert shown[k].ids.tolist() == [1, 2]
        assert shown[k].boxes[:, 1] == pytest.approx([0, 28], abs=1)


def test_all_tracks_end_at_a_cut() -> None:
    car = found((0, 0, 0.9, CAR))
    cut = Motion(np.eye(2, 3), cut=True)
    still = Motion.identity()
    shown = run([car] * 6, motions=[still, still, cut, still, still, still])
    assert ids(shown) == [[1], [1], [], [], [2], [2]]


def test_sizes_grow_with_the_zoom_and_do_not_turn() -> None:
    tall = Detections(np.array([[90.0, 80, 110, 140]]), np.array([0.9]), np.zeros(1, np.int64))
    tracker = Drone(DroneConfig(show_lost=True))
    for _ in range(5):
        tracker.update(tall, motion=Motion.identity())
    quarter = Motion(np.array([[0.0, -2, 0], [2, 0, 0]]))  # a quarter turn, twice as large
    [box] = tracker.update(NOTHING, motion=quarter).boxes
    np.testing.assert_allclose(box, [-220 - 20, 200 - 60, -220 + 20, 200 + 60], atol=1e-6)


def test_unusable_boxes_are_passed_over() -> None:
    boxes = np.array(
        [[0, 0, np.nan, 5], [5, 5, 5, 9], [9, 0, 0, 9], [0, 0, np.inf, 9], [0, 0, 9, 9.0]]
    )
    frame = Detections(boxes, np.full(5, 0.9), np.zeros(5, np.int64))
    shown = run([frame] * 3)
    assert ids(shown) == [[1]] * 3
    assert shown[-1].detection.tolist() == [4]


def cars(seed: int, count: int = 12, frames: int = 60) -> Truth:
    """Cars that drive straight at random, none covering another for long."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(100, 900, (count, 2))
    speed = rng.normal(0, 2, (count, 2))
    size = rng.uniform(15, 40, (count, 2))
    number = np.repeat(np.arange(frames), count)
    row = np.tile(np.arange(count), frames)
    corner = start[row] + number[:, None] * speed[row]
    classes = rng.integers(0, len(CLASS_NAMES), count)[row]
    boxes = np.concatenate((corner, corner + size[row]), axis=1)
    return Truth(number + 1, row + 1, boxes, classes, np.zeros(len(row)))


def renumbered(tracks: Sequence[Tracks]) -> list[list[tuple[int, int]]]:
    """Detection row and id of every shown track, ids numbered by first frame and row."""
    seen: dict[int, int] = {}
    shown = []
    for one in tracks:
        pairs = sorted(zip(one.detection.tolist(), one.ids.tolist(), strict=True))
        shown.append([(row, seen.setdefault(track, len(seen))) for row, track in pairs])
    return shown


@settings(max_examples=8)
@given(st.integers(0, 1000), st.floats(-400, 400), st.floats(-400, 400))
def test_a_known_shift_of_the_view_changes_no_id(seed: int, right: float, down: float) -> None:
    frames = derive(cars(seed), USUAL, seed)
    rng = np.random.default_rng(seed)
    at = np.array([right, down]) + rng.normal(0, 30, (len(frames), 2))
    moved = [
        Detections(one.boxes + np.tile(place, 2), one.scores, one.class_ids)
        for one, place in zip(frames, at, strict=True)
    ]
    step = np.diff(at, axis=0, prepend=at[:1])
    motions = [Motion(np.c_[np.eye(2), shift]) for shift in step]
    still = run(frames)
    shifted = run(moved, motions=motions)
    assert ids(still) == ids(shifted)
    for a, b, place in zip(still, shifted, at, strict=True):
        np.testing.assert_allclose(a.boxes + np.tile(place, 2), b.boxes, atol=1e-6)


@settings(max_examples=8)
@given(st.integers(0, 1000))
def test_the_order_of_detections_is_irrelevant(seed: int) -> None:
    frames = derive(cars(seed), USUAL, seed)
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(one)) for one in frames]
    shuffled = [one[order] for one, order in zip(frames, orders, strict=True)]
    back = [
        Tracks(t.ids, t.boxes, t.classes, t.scores, order[t.detection])
        for t, order in zip(run(shuffled), orders, strict=True)
    ]
    assert renumbered(back) == renumbered(run(frames))


def test_ids_have_no_holes_and_memory_stays_flat() -> None:
    tracker = Drone(DroneConfig(), CLASS_NAMES)
    highest, sizes = 0, []
    for seed in range(12):
        for frame in derive(cars(seed), USUAL, seed):
            new = [one for one in tracker.update(frame).ids.tolist() if one > highest]
            assert sorted(new) == list(range(highest + 1, highest + 1 + len(new)))
            highest += len(new)
            sizes.append(len(tracker._tracklets))
    assert max(sizes[-120:]) <= max(sizes[:240]) + 5
    assert highest > 100


def id_changes(truth: Truth, tracks: Sequence[Tracks]) -> int:
    """How many ids met how many objects, an object being within 8 px of the centre of a box."""
    met: set[tuple[int, int]] = set()
    for number, one in enumerate(tracks, 1):
        there = truth.frames == number
        centres = [(b[:, :2] + b[:, 2:]) / 2 for b in (one.boxes, truth.boxes[there])]
        distance = np.linalg.norm(centres[0][:, None] - centres[1][None], axis=2)
        for track, row in zip(one.ids.tolist(), distance, strict=True):
            if row.min() < 8:
                met.add((track, int(truth.ids[there][row.argmin()])))
    return len(met)


def test_a_shaken_view_is_followed_by_the_boxes_alone() -> None:
    truth = cars(3, count=30)
    clear = derive(truth, USUAL, 0)
    seen, shaken, motions = shake(truth, clear, Shake(shift_px=30.0), 1)
    still = [Motion.identity()] * len(shaken)
    shaken_runs = [run(shaken, motions=m) for m in (motions, [None] * len(shaken), still)]
    by_warps, by_vote, by_none = (id_changes(seen, tracks) for tracks in shaken_runs)
    unshaken = id_changes(truth, run(clear))
    assert by_warps == unshaken
    assert by_vote <= unshaken + 3
    assert by_none > 2 * unshaken


def test_skipped_frames_are_stepped_empty_ones() -> None:
    frames = [found((0, 0, 0.9, CAR))] * 4
    stepped, skipped = Drone(DroneConfig(), NAMES), Drone(DroneConfig(), NAMES)
    assert skipped.skip(5) == 5
    for _ in range(5):
        stepped.update(NOTHING)
    expected = ids([stepped.update(one) for one in frames])
    assert ids([skipped.update(one) for one in frames]) == expected == [[], [], [1], [1]]
    assert skipped.skip(5) == 0


def test_without_detections_there_is_nothing() -> None:
    assert ids(run([NOTHING] * 3)) == [[]] * 3
