from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from pipeline.score import Boxes, Score, read_boxes, score_tracks


def boxes(*rows: tuple[int, int, float, int]) -> Boxes:
    """Squares of 10 px from `(frame, id, x, class)`."""
    table = np.array(rows, np.float64).reshape(-1, 4)
    x = table[:, 2]
    corners = np.stack([x, np.zeros(len(x)), x + 10, np.full(len(x), 10.0)], axis=1)
    whole = table.astype(np.int64)
    return Boxes(whole[:, 0], whole[:, 1], corners, whole[:, 3])


def score(truth: Boxes, tracks: Boxes) -> Score:
    return score_tracks(truth, tracks, ["car"])[0]


def test_the_truth_itself_is_perfect() -> None:
    truth = boxes((1, 1, 0, 0), (1, 2, 50, 0), (2, 1, 3, 0), (2, 2, 50, 1))
    car, bus, everything = score_tracks(truth, truth, ["car", "bus"])
    assert astuple(car) == ("car", 2, 2, 2, 1.0, 1.0, 0)
    assert astuple(bus) == ("bus", 1, 1, 1, 1.0, 1.0, 0)
    assert astuple(everything) == ("any class", 2, 2, 2, 1.0, 1.0, 0)


def test_a_switch_a_miss_and_a_false_box() -> None:
    truth = boxes(*[(frame, 1, 0, 0) for frame in (1, 2, 3, 4)])
    tracks = boxes((1, 7, 0, 0), (3, 8, 0, 0), (4, 8, 0, 0), (4, 9, 90, 0))
    assert astuple(score(truth, tracks)) == ("car", 1, 1, 3, 0.75, 0.75, 1)


def test_found_needs_half_of_the_frames() -> None:
    truth = boxes(*[(frame, 1, 0, 0) for frame in (1, 2, 3, 4)])
    assert score(truth, boxes((1, 7, 0, 0))).found == 0
    assert score(truth, boxes((1, 7, 0, 0), (2, 7, 0, 0))).found == 1


@pytest.mark.parametrize(("shift", "recall"), [(10 / 3 - 1e-9, 1.0), (10 / 3 + 1e-9, 0.0)])
def test_an_iou_of_one_half_is_the_limit(shift: float, recall: float) -> None:
    assert score(boxes((1, 1, 0, 0)), boxes((1, 1, shift, 0))).recall == recall


def test_a_pair_of_before_stays_although_another_overlaps_more() -> None:
    truth = boxes((1, 1, 0, 0), (2, 1, 0, 0))
    tracks = boxes((1, 7, 0, 0), (2, 7, 2, 0), (2, 8, 0, 0))
    assert score(truth, tracks).switches == 0


def test_two_objects_do_not_share_a_track() -> None:
    truth = boxes((1, 1, 0, 0), (1, 2, 1, 0))
    found = score(truth, boxes((1, 7, 0, 0)))
    assert (found.recall, found.precision) == (0.5, 1.0)


def test_a_wrong_class_counts_only_over_all() -> None:
    car, bus, everything = score_tracks(boxes((1, 1, 0, 0)), boxes((1, 1, 0, 1)), ["car", "bus"])
    assert (car.recall, bus.precision, everything.recall) == (0.0, 0.0, 1.0)


def test_nothing_is_no_number() -> None:
    nothing = score(boxes(), boxes())
    assert (nothing.objects, nothing.tracks) == (0, 0)
    assert np.isnan([nothing.recall, nothing.precision]).all()


def test_mot_files_are_read(tmp_path: Path) -> None:
    path = tmp_path / "tracks.txt"
    path.write_text("1,3,10.5,20,30,40,0.9,2,1.00,-1\n7,4,0,0,1,1,1,0,1,-1\n")
    found = read_boxes(path)
    assert found.frames.tolist() == [1, 7]
    assert found.ids.tolist() == [3, 4]
    assert found.boxes.tolist() == [[10.5, 20, 40.5, 60], [0, 0, 1, 1]]
    assert found.classes.tolist() == [2, 0]
    path.write_text("")
    assert read_boxes(path).boxes.shape == (0, 4)
