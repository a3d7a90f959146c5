from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tests.tracking.scenes import Array, Scene, make, run
from tracking.bytetrack import ByteTrack
from tracking.config import TRACKER_CONFIGS, ByteTrackConfig, SortConfig
from tracking.mot import read_mot
from tracking.run import main, read_config
from tracking.sort import Sort


@pytest.fixture
def frames() -> list[Array]:
    return make(Scene(objects=5, frames=20, decimals=2), 1)


@pytest.fixture
def det(tmp_path: Path, frames: list[Array]) -> Path:
    path = tmp_path / "det.txt"
    lines = [
        f"{number},-1,{x1:.2f},{y1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},{score:.1f},-1,-1,-1\n"
        for number, frame in enumerate(frames, start=1)
        for x1, y1, x2, y2, score in frame
    ]
    path.write_text("".join(reversed(lines)))
    return path


def _expected(path: Path, tracker: Sort | ByteTrack, last: int, least: float = -1.0) -> Array:
    found = read_mot(path)
    frames = []
    for frame in range(1, last + 1):
        rows = found.detections(frame)
        frames.append(np.c_[rows.boxes, rows.scores][rows.scores >= least])
    numbered = [np.c_[np.full(len(r), i + 1), r] for i, r in enumerate(run(tracker, frames))]
    return np.concatenate(numbered)


@pytest.mark.parametrize(
    ("options", "tracker", "least"),
    [
        ([], ByteTrack(ByteTrackConfig()), -1.0),
        (["--tracker", "sort"], Sort(SortConfig()), -1.0),
        (["--tracker", "sort", "--min-score", "0.5"], Sort(SortConfig()), 0.5),
        (
            ["--set", "track_buffer=2", "--set", "fuse_score=false", "--set", "track_thresh=.4"],
            ByteTrack(ByteTrackConfig(track_buffer=2, fuse_score=False, track_thresh=0.4)),
            -1.0,
        ),
    ],
)
def test_writes_what_the_tracker_shows(
    det: Path, tmp_path: Path, options: list[str], tracker: Sort | ByteTrack, least: float
) -> None:
    out = tmp_path / "out.txt"
    assert main([str(det), "--output", str(out), "--precise", *options]) == 0
    written = read_mot(out)
    expected = _expected(det, tracker, 20, least)
    assert len(expected) > 20
    np.testing.assert_array_equal(written.frames, expected[:, 0])
    np.testing.assert_array_equal(written.ids, expected[:, 1])
    np.testing.assert_allclose(written.boxes, expected[:, 2:6], atol=2e-6)
    np.testing.assert_allclose(written.scores, expected[:, 6], atol=1e-6)
    assert list(tmp_path.iterdir()) == [det, out] or sorted(tmp_path.iterdir()) == [det, out]


def test_frames_without_detections_are_stepped(tmp_path: Path) -> None:
    """Four missed frames are too many for a buffer of two: the ids differ."""
    det, out = tmp_path / "det.txt", tmp_path / "out.txt"
    det.write_text("".join(f"{f},-1,10,10,64,64,0.9\n" for f in (1, 2, 7, 8)))
    assert main([str(det), "--output", str(out), "--set", "track_buffer=2"]) == 0
    rows = read_mot(out)
    assert list(zip(rows.frames.tolist(), rows.ids.tolist(), strict=True)) == [
        (1, 1),
        (2, 1),
        (8, 2),
    ]


@pytest.mark.parametrize(("count", "last"), [(1, 1), (2, 2), (50, 8)])
def test_frames_bounds_what_is_stepped(tmp_path: Path, count: int, last: int) -> None:
    det, out = tmp_path / "det.txt", tmp_path / "out.txt"
    det.write_text("".join(f"{f},-1,10,10,64,64,0.9\n" for f in range(1, 9)))
    assert main([str(det), "--output", str(out), "--frames", str(count)]) == 0
    assert read_mot(out).last_frame == last


def test_two_decimals_without_precise(det: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    assert main([str(det), "--output", str(out)]) == 0
    for line in out.read_text().splitlines():
        fields = line.split(",")
        assert len(fields) == 10
        assert all(len(field.split(".")[1]) == 2 for field in fields[2:6])
        assert fields[7:] == ["0", "1", "-1"]


def test_an_empty_file_gives_an_empty_file(tmp_path: Path) -> None:
    det, out = tmp_path / "det.txt", tmp_path / "out.txt"
    det.write_text("")
    out.write_text("old")
    assert main([str(det), "--output", str(out), "--frames", "5"]) == 0
    assert out.read_text() == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tracker", "byte"], "--tracker byte: unknown; there is sort, bytetrack, ocsort, "),
        (["--set", "max_age=3"], "--set max_age=3: unknown key; bytetrack takes track_thresh, "),
        (["--set", "name=sort"], "--set name=sort: unknown key"),
        (["--set", "track_buffer"], "--set track_buffer: write it as key=value"),
        (["--set", "track_buffer=many"], "--set track_buffer=many: "),
        (["--set", "track_buffer=-1"], "--set track_buffer=-1: "),
        (["--frames", "0"], "--frames 0: a number from 1"),
        (["--frames", "x"], "Invalid value for '--frames'"),
        (["--min-score", "nan"], "--min-score nan: a finite number"),
        (["--warps", "w.txt"], "--warps: bytetrack knows no camera; botsort"),
        (["--bogus"], "No such option: --bogus"),
    ],
)
def test_bad_options_are_one_line(
    det: Path,
    tmp_path: Path,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.txt"
    assert main([str(det), "--output", str(out), *options]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"error: {message}")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not out.exists()


def test_bad_files_are_one_line(
    det: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, out = tmp_path / "bad.txt", tmp_path / "out.txt"
    bad.write_text("-1,-1,10,10,5,10,0.9\n")
    for arguments, message in (
        ([tmp_path / "none.txt", "--output", out], f"{tmp_path / 'none.txt'}: No such file"),
        ([tmp_path, "--output", out], f"{tmp_path}: Is a directory"),
        ([bad, "--output", out], f"{bad}, line 1: frame is -1; "),
        ([det, "--output", tmp_path / "no" / "out.txt"], "--output "),
        ([det, "--output", tmp_path], f"{tmp_path}: Is a directory"),
        ([det], "Missing option '--output'"),
        ([], "Missing argument 'DET'"),
    ):
        assert main([str(argument) for argument in arguments]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"error: {message}")
        assert error.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == sorted([bad, det])


def test_debug_shows_the_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(tmp_path / "none.txt"), "--output", str(tmp_path / "out.txt"), "--debug"]
    assert main(arguments) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupted_run_leaves_the_old_file(
    det: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "out.txt"
    out.write_text("old")
    monkeypatch.setattr(ByteTrack, "update", interrupt)
    assert main([str(det), "--output", str(out)]) == 130
    assert out.read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [det, out]
    assert capsys.readouterr().err.startswith("error: interrupted")


def test_a_device_is_written_to_and_not_replaced(det: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert main([str(det), "--output", str(pipe), "--frames", "1"]) == 0
        assert os.read(reader, 100_000).startswith(b"1,1,")
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_help_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for name in ("--tracker", "--output", "--frames", "--min-score", "--warps", "--set"):
        assert name in text
    for config in TRACKER_CONFIGS.values():
        assert all(key in text for key in vars(config()) if key not in ("name", "groups"))


def test_read_config() -> None:
    assert read_config("sort", [" max_age = 4 "]) == SortConfig(max_age=4)
    assert read_config("bytetrack", ["frame_rate=29.97"]).frame_rate == 29.97  # type: ignore[union-attr]


def test_warps_move_the_tracks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The view jumps by 300 px before the third frame; the file has no line for the fourth."""
    det, out, warps = tmp_path / "det.txt", tmp_path / "out.txt", tmp_path / "warps.txt"
    places = [10, 10, 310, 310]
    det.write_text("".join(f"{f},-1,{x},10,64,64,0.9\n" for f, x in enumerate(places, start=1)))
    warps.write_text("".join(f"{f}\t1\t0\t{300 * (f == 2)}\t0\t1\t0\t\n" for f in range(3)))
    arguments = [str(det), "--output", str(out), "--tracker", "botsort"]
    assert main([*arguments, "--warps", str(warps)]) == 0
    assert read_mot(out).ids.tolist() == [1, 1, 1, 1]
    note = capsys.readouterr().err
    assert note == "note: 1 frames at the end have no warp; they get the identity\n"
    assert main(arguments) == 0
    assert read_mot(out).ids.tolist() == [1, 1, 2, 2]
    assert capsys.readouterr().err == ""
    warps.write_text("0 1 0\n")
    assert main([*arguments, "--warps", str(warps)]) == 2
    assert capsys.readouterr().err.startswith(f"error: {warps}, line 1: 3 columns in '0 1 0'; ")


@pytest.mark.parametrize("tracker", ["sort", "bytetrack", "ocsort", "botsort", "drone"])
def test_what_the_files_leave_open_is_said(
    tmp_path: Path, tracker: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames from 0, no scores, spaces between, a comment: the same tracks, a frame earlier."""
    det, out = tmp_path / "det.txt", tmp_path / "out.txt"
    det.write_text("".join(f"{f},-1,10,10,64,64,1\n" for f in range(1, 7)))
    arguments = [str(det), "--output", str(out), "--tracker", tracker, "--frames", "5"]
    assert main(arguments) == 0
    expected = read_mot(out)
    assert capsys.readouterr().err == ""
    det.write_text("# found\n" + "".join(f"{f} -1 10 10 64 64\n" for f in range(6)))
    assert main(arguments) == 0
    found = read_mot(out)
    assert len(found)
    assert (found.frames + 1).tolist() == expected.frames.tolist()
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    assert capsys.readouterr().err.splitlines() == [
        f"note: {det} counts frames from 0, and so does the output",
        f"note: {det} has rows without a score; they get 1",
    ]


def test_min_score_leaves_the_count_of_frames_alone(tmp_path: Path) -> None:
    """A frame whose detections are all too weak is a frame."""
    det, out = tmp_path / "det.txt", tmp_path / "out.txt"
    scores = [0.3, 0.9, 0.9, 0.9]
    det.write_text("".join(f"{f},-1,10,10,64,64,{s}\n" for f, s in enumerate(scores)))
    assert main([str(det), "--output", str(out), "--min-score", "0.5"]) == 0
    assert read_mot(out).frames.tolist() == [2, 3]  # confirmed in the second frame it is seen
