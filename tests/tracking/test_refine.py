"""Gaps by hand, the smoother against least squares, and what must never change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracking import refine as module
from tracking.mot import MotRows
from tracking.refine import FILLED_SCORE, RefineConfig, frames_of, refine, rows_of
from tracking.run import main
from tracking.tracks import Float64Array, Tracks

Row = tuple[int, int, float, float, float, float]


def rows(*table: Row, classes: tuple[int, ...] = ()) -> MotRows:
    """Rows of frame, id, x, y, w, h; all of score 0.5."""
    data = np.array(table, np.float64).reshape(-1, 6)
    data = data[np.argsort(data[:, 0], kind="stable")]
    boxes = np.concatenate((data[:, 2:4], data[:, 2:4] + data[:, 4:6]), axis=1)
    return MotRows(
        data[:, 0].astype(np.int64),
        data[:, 1].astype(np.int64),
        boxes,
        np.full(len(data), 0.5),
        np.array(classes or [0] * len(data), np.int64),
    )


def table(found: MotRows) -> list[list[float]]:
    """Rows of frame, id, x, y, w, h."""
    size = found.boxes[:, 2:] - found.boxes[:, :2]
    columns = np.c_[found.frames, found.ids, found.boxes[:, :2], size]
    return [list(row) for row in columns.round(3)]


def moving(frames: list[int], track_id: int = 1, speed: float = 3.0) -> list[Row]:
    return [(f, track_id, 10 + speed * f, 20.0, 40.0, 30.0) for f in frames]


@pytest.mark.parametrize("max_gap", [0, 1, 3])
def test_a_gap_of_max_gap_is_filled_and_one_more_is_not(max_gap: int) -> None:
    for missing in (max_gap, max_gap + 1):
        frames = [2, 3, 4, *(5 + missing + k for k in range(3))]
        refined = refine(rows(*moving(frames)), RefineConfig(max_gap=max_gap))
        filled = missing if missing <= max_gap else 0
        assert len(refined) == 6 + filled
        assert (refined.scores == FILLED_SCORE).sum() == filled
        if filled:
            assert table(refined) == [list(row) for row in moving(list(range(2, 8 + missing)))]


def test_constant_speed_is_a_fixed_point() -> None:
    given_rows = rows(*moving(list(range(1, 60))), *moving(list(range(5, 40)), 2, -7.0))
    refined = refine(given_rows, RefineConfig())
    np.testing.assert_allclose(refined.boxes[:59:2], given_rows.boxes[:59:2], atol=1e-3)
    assert table(refined) == sorted(table(given_rows))


def test_filled_boxes_are_marked_and_have_the_class_before_the_gap() -> None:
    given_rows = rows(*moving([1, 2, 5, 6]), classes=(3, 3, 1, 1))
    refined = refine(given_rows, RefineConfig())
    assert refined.scores.tolist() == [0.5, 0.5, 0.0, 0.0, 0.5, 0.5]
    assert refined.classes.tolist() == [3, 3, 3, 3, 1, 1]


def test_nothing_before_the_first_or_behind_the_last_box() -> None:
    refined = refine(rows(*moving([7, 9]), *moving([1, 20], 2)), RefineConfig(max_gap=5))
    assert [row[:2] for row in table(refined)] == [[1, 2], [7, 1], [8, 1], [9, 1], [20, 2]]


def test_single_boxes_stay_as_they_are() -> None:
    given_rows = rows((3, 1, 1.25, 2.5, 10.0, 5.0), (9, 4, -7.0, 0.0, 0.0, 0.0))
    refined = refine(given_rows, RefineConfig())
    assert (refined.boxes == given_rows.boxes).all()
    assert (refined.scores == 0.5).all()


def test_no_rows() -> None:
    assert len(refine(rows(), RefineConfig())) == 0
    assert list(frames_of(rows())) == []


def _noisy(rng: np.random.Generator, sigma: float, tracks: int = 6) -> tuple[MotRows, Float64Array]:
    """Straight paths of 40 px boxes whose edges jitter, and the true boxes."""
    frames = np.tile(np.arange(1, 81), tracks)
    ids = np.repeat(np.arange(1, tracks + 1), 80)
    start, speed = rng.uniform(0, 800, (tracks, 2)), rng.normal(0, 3, (tracks, 2))
    corner = start[ids - 1] + frames[:, None] * speed[ids - 1]
    truth = np.concatenate((corner, corner + 40), axis=1)
    order = np.lexsort((ids, frames))
    truth, frames, ids = truth[order], frames[order], ids[order]
    boxes = truth + rng.normal(0, sigma, truth.shape)
    zeros = np.zeros(len(ids), np.int64)
    return MotRows(frames, ids, boxes, np.full(len(ids), 0.5), zeros), truth


@pytest.mark.parametrize(("sigma", "at_most"), [(0.4, 0.8), (2.0, 0.75)])
def test_smoothing_lowers_the_error_of_noisy_straight_paths(sigma: float, at_most: float) -> None:
    noisy, truth = _noisy(np.random.default_rng(0), sigma)
    error = np.sqrt(((refine(noisy, RefineConfig()).boxes - truth) ** 2).mean())
    assert error < at_most * sigma


def test_filled_boxes_follow_a_jumping_view() -> None:
    rng = np.random.default_rng(1)
    noisy, truth = _noisy(rng, 0.2, tracks=8)
    jumps = rng.normal(0, 15, (81, 2))[noisy.frames]
    truth += np.tile(jumps, 2)
    noisy.boxes[:] += np.tile(jumps, 2)
    keep = ~((noisy.ids == 2) & (noisy.frames > 30) & (noisy.frames < 40))
    seen = noisy[keep]
    refined = refine(seen, RefineConfig())
    assert (refined.scores == FILLED_SCORE).sum() == 9
    np.testing.assert_allclose(refined.boxes, truth, atol=1.5)


def test_one_object_under_a_jumping_view_keeps_its_places() -> None:
    # No size jitters as its place does, so the jumps are not the detector's noise.
    rng = np.random.default_rng(2)
    place = rng.normal(100, 10, (50, 2))
    given_rows = rows(*((f + 1, 1, x, y, 30.0, 20.0) for f, (x, y) in enumerate(place)))
    refined = refine(given_rows, RefineConfig())
    np.testing.assert_allclose(refined.boxes, given_rows.boxes, atol=0.5)


def test_the_smoother_is_the_least_squares_path() -> None:
    rng = np.random.default_rng(3)
    found = rng.random(40) > 0.3
    found[[0, -1]] = True
    places = rng.normal(0, 1, (int(found.sum()), 4))
    noise = np.array([0.02, 0.05, 0.1, 0.3])
    smooth = module._smooth(places, found, noise)
    # Unknowns: place and speed in each frame; rows: a start, 39 steps, and the places seen.
    step = np.linalg.inv(np.linalg.cholesky(np.array([[1 / 3, 1 / 2], [1 / 2, 1]])))
    move = np.zeros((78, 80))
    for frame in range(39):
        move[2 * frame : 2 * frame + 2, 2 * frame : 2 * frame + 2] = -step @ [[1, 1], [0, 1]]
        move[2 * frame : 2 * frame + 2, 2 * frame + 2 : 2 * frame + 4] = step
    for axis in range(4):
        agility = module._AGILITY[axis]
        first = np.array([[2, 1], [1, 1]]) + agility * np.array([[1 / 3, 1 / 2], [1 / 2, 1]])
        start = np.linalg.inv(np.linalg.cholesky(first))
        seen = np.eye(80)[::2][found] * noise[axis] ** -0.5
        design = np.r_[np.c_[start, np.zeros((2, 78))], move * agility**-0.5, seen]
        target = np.r_[start[:, 0] * places[0, axis], np.zeros(78), places[:, axis] * seen.max()]
        solved = np.linalg.lstsq(design, target, rcond=None)[0]
        np.testing.assert_allclose(smooth[:, axis], solved[::2][found], atol=1e-7)


def test_sizes_stay_between_the_smallest_and_the_largest() -> None:
    rng = np.random.default_rng(4)
    sizes = np.maximum(rng.normal(3, 4, (60, 2)), 0).round()
    given_rows = rows(*((f + 1, 1, 5.0, 5.0, w, h) for f, (w, h) in enumerate(sizes)))
    assert (sizes == 0).any()
    refined = refine(given_rows, RefineConfig())
    size = refined.boxes[:, 2:] - refined.boxes[:, :2]
    assert (size >= -1e-9).all()
    assert (size <= sizes.max(axis=0) + 1e-9).all()


def test_detections_and_doubled_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="frame 4: a box without an id"):
        refine(rows((4, -1, 0.0, 0.0, 1.0, 1.0)), RefineConfig())
    with pytest.raises(ValueError, match="frame 2: id 7 occurs twice"):
        refine(rows(*moving([1, 2, 2], 7)), RefineConfig())


def test_frames_of_gives_every_frame() -> None:
    frames = dict(frames_of(rows(*moving([2, 4]), *moving([4], 2))))
    assert {number: tracks.ids.tolist() for number, tracks in frames.items()} == {
        1: [],
        2: [1],
        3: [],
        4: [1, 2],
    }
    assert frames[4].detection.tolist() == [-1, -1]


def test_rows_of_takes_what_detections_fed() -> None:
    ids, boxes = np.array([4, 2, 9]), np.array([[0.0, 0, 9, 9], [5, 5, 8, 9], [np.nan] * 4])
    tracks = Tracks(ids, boxes, ids % 2, ids / 10, np.array([0, -1, 1]))
    found = rows_of([(3, tracks), (4, Tracks.empty()), (5, tracks[:1])])
    assert found.frames.tolist() == [3, 5]
    assert found.ids.tolist() == [4, 4]
    assert found.boxes.tolist() == [[0, 0, 9, 9]] * 2
    assert found.scores.tolist() == [0.4, 0.4]
    assert len(rows_of([])) == 0


@st.composite
def _tracks(draw: st.DrawFn) -> MotRows:
    found: list[Row] = []
    for track_id in range(1, draw(st.integers(1, 4)) + 1):
        rng = np.random.default_rng(draw(st.integers(0, 99)))
        frames = np.flatnonzero(rng.random(14) < draw(st.floats(0.1, 0.9))) + 1
        for frame in frames.tolist():
            x, y, w, h = rng.normal((4.0 * frame, 50.0, 20.0, 30.0), 2.0).tolist()
            found.append((frame, track_id, x, y, w, h))
    return rows(*found)


@settings(max_examples=25)
@given(_tracks(), st.integers(0, 4))
def test_what_was_there_stays_and_only_short_gaps_are_filled(found: MotRows, max_gap: int) -> None:
    refined = refine(found, RefineConfig(max_gap=max_gap))
    assert np.isfinite(refined.boxes).all()
    assert (np.diff(refined.frames) >= 0).all()
    kept = refined.scores != FILLED_SCORE
    before = set(zip(found.frames.tolist(), found.ids.tolist(), strict=True))
    after = list(zip(refined.frames.tolist(), refined.ids.tolist(), strict=True))
    assert len(set(after)) == len(after)
    assert {pair for pair, there in zip(after, kept, strict=True) if there} == before
    for track_id in np.unique(found.ids):
        seen = found.frames[found.ids == track_id]
        gaps = np.diff(seen) - 1
        filled = ((refined.ids == track_id) & ~kept).sum()
        assert filled == gaps[gaps <= max_gap].sum()


@settings(max_examples=10)
@given(_tracks(), st.floats(-500, 500))
def test_moved_boxes_give_moved_tracks(found: MotRows, shift: float) -> None:
    moved = MotRows(found.frames, found.ids, found.boxes + shift, found.scores, found.classes)
    here, there = (refine(one, RefineConfig()).boxes for one in (found, moved))
    np.testing.assert_allclose(there, here + shift, atol=1e-6)


def test_the_command_refines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = [f"{f},-1,{10 + 3 * f},20,40,30,0.9,0\n" for f in range(1, 30) if f not in (9, 10)]
    (tmp_path / "det.txt").write_text("".join(seen))
    command = [str(tmp_path / "det.txt"), "--tracker", "bytetrack", "--output"]
    for name, options, filled in (
        ("raw", [], 0),
        ("refined", ["--refine"], 2),
        ("short", ["--refine", "--max-gap", "1"], 0),
    ):
        assert main([*command, str(tmp_path / name), *options]) == 0
        found = np.loadtxt(tmp_path / name, delimiter=",")
        assert (found[:, 6] == FILLED_SCORE).sum() == filled
        assert len(found) == 27 + filled
    capsys.readouterr()
    assert main([*command, str(tmp_path / "no"), "--max-gap", "1"]) == 2
    assert capsys.readouterr().err == "error: --max-gap 1: only with --refine\n"
