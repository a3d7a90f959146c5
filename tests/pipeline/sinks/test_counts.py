from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.frame import Counts, Result
from pipeline.sinks.counts import ClassTotals, CountsSink

MakeResult = Callable[..., Result]

HEADER = "class,frames,detections,unique_tracks\n"


def write_all(sink: CountsSink, results: list[Result]) -> None:
    for result in results:
        sink.write(result)


def test_files_hand_worked(tmp_path: Path, make_result: MakeResult) -> None:
    sink = CountsSink(tmp_path, ["car", "truck"])
    table = [
        (0, [0, 0, 1], Counts((2, 0), (2, 0))),
        (1, [], Counts((0, 0), (2, 0))),
        (3, [0], Counts((1, 1), (3, 1))),
    ]
    for index, detected, counts in table:
        pts = 1001 * index
        base = Fraction(1, 30_000)
        result = make_result(index, pts=pts, time_base=base, detected=detected, counts=counts)
        sink.write(result)
    assert sink.totals == {"car": ClassTotals(2, 3, 3), "truck": ClassTotals(1, 1, 1)}
    sink.close()
    sink.close()
    assert (tmp_path / "counts_per_frame.csv").read_text() == (
        "frame,time_s,car,truck\n1,0.000000,2,0\n2,0.033367,0,0\n4,0.100100,1,1\n"
    )
    assert (tmp_path / "counts.csv").read_text() == HEADER + "car,2,3,3\ntruck,1,1,1\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "counts.csv",
        "counts_per_frame.csv",
    ]


def test_no_frames_give_zeros(tmp_path: Path) -> None:
    CountsSink(tmp_path, ["car"]).close()
    assert (tmp_path / "counts.csv").read_text() == HEADER + "car,0,0,0\n"
    assert (tmp_path / "counts_per_frame.csv").read_text() == "frame,time_s,car\n"


def test_names_are_quoted(tmp_path: Path) -> None:
    CountsSink(tmp_path, ['van, "big"']).close()
    assert (tmp_path / "counts.csv").read_text() == HEADER + '"van, ""big""",0,0,0\n'
    assert (tmp_path / "counts_per_frame.csv").read_text() == 'frame,time_s,"van, ""big"""\n'


def test_both_files_are_on_disk_within_the_interval(
    tmp_path: Path, make_result: MakeResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("pipeline.sinks.files.time.monotonic", lambda: clock[0])
    sink = CountsSink(tmp_path, ["car", "truck"])
    sink.write(make_result(0, counts=Counts((1, 0), (1, 0))))
    assert (tmp_path / "counts.csv").read_text() == HEADER + "car,0,0,0\ntruck,0,0,0\n"
    clock[0] = 1.0
    sink.write(make_result(1, counts=Counts((1, 0), (2, 0))))
    assert (tmp_path / "counts.csv").read_text() == HEADER + "car,2,0,2\ntruck,0,0,0\n"
    assert len((tmp_path / "counts_per_frame.csv").read_text().splitlines()) == 3
    sink.close()


@pytest.mark.parametrize("name", ["counts_per_frame.csv", "counts.csv"])
def test_full_disk_is_one_clear_line(name: str, tmp_path: Path) -> None:
    (tmp_path / (name if name.count("_") else f"{name}.part")).symlink_to("/dev/full")
    with pytest.raises(InputError, match=rf"{name}: cannot be written: no space"):
        CountsSink(tmp_path, ["car", "truck"])


def test_vanished_folder_is_one_clear_line(tmp_path: Path, make_result: MakeResult) -> None:
    folder = tmp_path / "out"
    sink = CountsSink(folder, ["car", "truck"])
    sink.write(make_result(0))
    for path in list(folder.iterdir()):
        path.unlink()
    folder.rmdir()
    with pytest.raises(InputError, match=r"counts.*\.csv: cannot be written: no such file"):
        sink.close()
    sink.close()
