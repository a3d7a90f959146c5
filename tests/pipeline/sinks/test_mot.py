from __future__ import annotations

import resource
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.frame import Result
from pipeline.sinks.mot import MotSink, visible_share

MakeResult = Callable[..., Result]


def write_all(sink: MotSink, results: list[Result]) -> None:
    for result in results:
        sink.write(result)


def test_lines_hand_worked(tmp_path: Path, make_result: MakeResult) -> None:
    sink = MotSink(tmp_path, ["car", "truck"])
    first = [[10.0, 20.0, 40.5, 32.25], [-8.0, 40.0, 8.0, 56.0]]
    sink.write(make_result(0, boxes=first, ids=[3, 12], classes=[0, 1], scores=[0.87654, 1.0]))
    sink.write(make_result(1))
    sink.write(make_result(4, boxes=[[0, 0, 64, 48]], ids=[3], scores=[0.1]))
    sink.close()
    sink.close()
    assert (tmp_path / "tracks.txt").read_text() == (
        "1,3,10.00,20.00,30.50,12.25,0.8765,0,1.00,-1\n"
        "1,12,-8.00,40.00,16.00,16.00,1.0000,1,0.25,-1\n"
        "5,3,0.00,0.00,64.00,48.00,0.1000,0,1.00,-1\n"
    )
    assert (tmp_path / "classes.txt").read_text() == "car\ntruck\n"


def test_round_trip(tmp_path: Path, make_result: MakeResult) -> None:
    rng = np.random.default_rng(1)
    sink = MotSink(tmp_path, ["car", "truck"])
    expected = []
    for index in range(20):
        corner = rng.uniform(-20, 60, (5, 2))
        boxes = np.hstack([corner, corner + rng.uniform(1, 30, (5, 2))])
        ids, scores = rng.permutation(50)[:5] + 1, rng.uniform(0, 1, 5)
        classes = rng.integers(0, 2, 5)
        sink.write(make_result(index, boxes=boxes, ids=ids, classes=classes, scores=scores))
        xywh = np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]])
        number = np.full((5, 1), index + 1)
        expected.append(np.hstack([number, ids[:, None], xywh, scores[:, None], classes[:, None]]))
    sink.close()
    found = np.loadtxt(tmp_path / "tracks.txt", delimiter=",")
    assert found.shape == (100, 10)
    np.testing.assert_allclose(found[:, :8], np.vstack(expected), atol=0.0051)
    assert (found[:, 9] == -1).all()


def test_visible_share_of_boxes_without_area_is_zero() -> None:
    boxes = np.array([[5.0, 5, 5, 9], [9, 9, 5, 5], [0, 0, 64, 48], [-64, 0, 64, 48]])
    assert visible_share(boxes, (64, 48)).tolist() == [0, 0, 1, 0.5]


def test_class_names_stay_one_line_each(tmp_path: Path) -> None:
    MotSink(tmp_path, ["big\nvan", " 车 "]).close()
    assert (tmp_path / "classes.txt").read_text("utf-8") == "big van\n车\n"


def test_lines_reach_the_disk_at_once(tmp_path: Path, make_result: MakeResult) -> None:
    sink = MotSink(tmp_path, ["car"])
    for count in (1, 2, 3):
        sink.write(make_result(count, boxes=[[0, 0, 5, 5]]))
        assert len((tmp_path / "tracks.txt").read_text().splitlines()) == count
    sink.close()


def test_full_disk_is_one_clear_line(tmp_path: Path, make_result: MakeResult) -> None:
    (tmp_path / "tracks.txt").symlink_to("/dev/full")
    sink = MotSink(tmp_path, ["car"])
    with pytest.raises(InputError, match=r"tracks\.txt: cannot be written: no space left"):
        write_all(sink, [make_result(index, boxes=[[0, 0, 5, 5]]) for index in range(2000)])
    sink.close()
    sink.close()


def test_full_disk_leaves_no_part_of_a_frame(tmp_path: Path, make_result: MakeResult) -> None:
    one = make_result(0, boxes=[[0, 0, 5, 5]])
    sink = MotSink(tmp_path, ["car"])
    sink.write(one)
    whole = (tmp_path / "tracks.txt").read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 7, before[1]))
    try:
        with pytest.raises(InputError, match="no space left"):
            sink.write(one)
        sink.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (tmp_path / "tracks.txt").read_bytes() == whole


def test_vanished_folder_is_one_clear_line(tmp_path: Path, make_result: MakeResult) -> None:
    folder = tmp_path / "out"
    sink = MotSink(folder, ["car"])
    sink.write(make_result(0, boxes=[[0, 0, 5, 5]]))
    for path in list(folder.iterdir()):
        path.unlink()
    folder.rmdir()
    with pytest.raises(InputError, match=r"tracks\.txt: cannot be written: no such file"):
        sink.close()
