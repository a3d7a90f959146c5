from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tracking.mot import MAX_FRAME, format_tracks, read_mot
from tracking.tracks import Tracks

ROW = "1,-1,10,20,30,40,0.9\n"


def _file(folder: Path, text: str | bytes) -> Path:
    path = folder / "det.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_rows_may_be_unsorted_and_keep_their_order_in_a_frame(tmp_path: Path) -> None:
    text = "3,-1,1,2,3,4,0.5,2,-1,-1\n1,-1,5.5,6,7,8,0.6,0,-1,-1\n3,-1,9,10,1,2,0.25,-1,-1,-1\n"
    rows = read_mot(_file(tmp_path, text))
    assert rows.frames.tolist() == [1, 3, 3]
    assert rows.last_frame == 3
    assert rows.detections(1).boxes.tolist() == [[5.5, 6, 12.5, 14]]
    assert rows.detections(2).boxes.shape == (0, 4)
    found = rows.detections(3)
    assert found.boxes.tolist() == [[1, 2, 4, 6], [9, 10, 10, 12]]
    assert found.scores.tolist() == [0.5, 0.25]
    assert found.class_ids.tolist() == [2, 0]  # -1: no class
    assert found.boxes.dtype == np.float64


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        (ROW, [0]),
        ("1,-1,10,20,30,40,0.9,\n", [0]),
        ("1,-1,10,20,30,40,0.9,3\n", [3]),
        ("1,-1,10,20,30,40,0.9,3,0.5,-1\n" + ROW, [3, 0]),  # rows of different length
        (ROW + "1,-1,10,20,30,40,0.9,3,0.5,-1\n", [0, 3]),
        ("1,-1,10,20,30,40,0.9,2,1,1\n1,-1,10,20,30,40,0.9,-12.7,3,1\n", [0, 0]),  # MOT15: X, Y, Z
        ("1,-1,10,20,30,40,0.9,99999\n", [0]),
    ],
)
def test_the_class_column_is_optional(tmp_path: Path, text: str, classes: list[int]) -> None:
    assert read_mot(_file(tmp_path, text)).classes.tolist() == classes


@pytest.mark.parametrize("text", ["", "\n\n", "  \n"])
def test_an_empty_file_has_no_rows(tmp_path: Path, text: str) -> None:
    rows = read_mot(_file(tmp_path, text))
    assert (len(rows), rows.last_frame) == (0, 0)
    assert len(rows.detections(1)) == 0


@pytest.mark.parametrize(
    "text",
    [
        ROW.replace("\n", "\r\n"),
        b"\xef\xbb\xbf" + ROW.encode(),
        ROW.replace(",", " , "),
        "\n\n" + ROW + "\n",
        "   \n" + ROW,
        ROW.strip(),
        "1.0,-1.0,1e1,20,30,40,.9\n",
        ROW.replace(",", " "),
        "  " + ROW.replace(",", "\t"),
        ROW.replace(",", ",\t"),
        "# frame,id,x,y,w,h,score\n\n" + ROW,
        ROW.replace("\n", " # the first\n"),
        ROW.replace("\n", ",3,1,-1\n"),
        ROW.replace(",", " ").replace("\n", " 3 1 -1\n"),
    ],
)
def test_ways_to_write_the_same(tmp_path: Path, text: str | bytes) -> None:
    rows = read_mot(_file(tmp_path, text))
    assert rows.frames.tolist() == [1]
    assert rows.boxes.tolist() == [[10, 20, 40, 60]]
    assert rows.scores.tolist() == [0.9]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,-1,10,20,30", "5 columns in '1,-1,10,20,30'; a row is frame,id,x,y,w,h,score"),
        ("1;-1;10;20;30;40;0.9", "1 column in '1;-1;10;20;30;40;0.9'; a row is"),
        ("1 -1 10 20 30", "5 columns in '1 -1 10 20 30'; a row is"),
        ("frame,id,x,y,w,h,score", "frame is 'frame', not a number"),
        ("1,-1,10,20,3O,40,0.9", "width is '3O', not a number"),
        ("1,-1,,20,30,40,0.9", "x is '', not a number"),
        ("1,-1,10,20,30,40,0.9,car", "class is 'car', not a number"),
        ("1,-1,10,nan,30,40,0.9", "y is nan; drop the row or give a finite number"),
        ("1,-1,10,20,30,40,inf", "score is inf; drop"),
        ("nan,-1,10,20,30,40,0.9", "frame is nan"),
        ("1,nan,10,20,30,40,0.9", "id is nan"),
        ("1,-1,1e999,20,30,40,0.9", "x is inf"),
        ("-4,-1,10,20,30,40,0.9", "frame is -4; frames are whole numbers from 1"),
        ("1.5,-1,10,20,30,40,0.9", "frame is 1.5; frames are whole numbers from 1"),
        ("1e12,-1,10,20,30,40,0.9", f"frame is 1000000000000; numbers up to {MAX_FRAME}"),
        ("1,-1,-1e300,20,30,40,0.9", "x is -1e+300; numbers up to 10000000 are believed"),
        ("1,1e30,10,20,30,40,0.9", "id is 1e+30; numbers up to 1e+15 are believed"),
    ],
)
@pytest.mark.parametrize("before", ["", ROW, "\n" + ROW + "\n" + ROW])
def test_a_bad_row_is_named(tmp_path: Path, line: str, message: str, before: str) -> None:
    path = _file(tmp_path, f"{before}{line}\n{ROW}")
    with pytest.raises(ValueError, match=r"det\.txt") as caught:
        read_mot(path)
    text = str(caught.value)
    assert text.startswith(f"{path}, line {before.count(chr(10)) + 1}: {message}")
    assert "\n" not in text


def test_a_binary_file_is_no_mot_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"line 1: .* a row is frame,id") as caught:
        read_mot(_file(tmp_path, bytes(range(256)) * 20))
    assert len(str(caught.value)) < 400


def _tracks() -> Tracks:
    return Tracks(
        ids=np.array([3, 12]),
        boxes=np.array([[1.25, -2.5, 11.5, 7.125], [0.0, 0.0, 1 / 3, 2.0]]),
        classes=np.array([2, 0]),
        scores=np.array([0.98765, 1.0]),
        detection=np.array([0, -1]),
    )


def test_format_tracks() -> None:
    assert format_tracks(7, _tracks()) == (
        "7,3,1.25,-2.50,10.25,9.62,0.9877,2,1,-1\n7,12,0.00,0.00,0.33,2.00,1.0000,0,1,-1\n"
    )
    assert format_tracks(7, _tracks()[1:], precise=True) == (
        "7,12,0.000000,0.000000,0.333333,2.000000,1.000000,0,1,-1\n"
    )
    assert format_tracks(7, Tracks.empty()) == ""


@given(
    boxes=arrays.arrays(np.float64, (5, 4), elements=st.floats(0, 5000)),
    frame=st.integers(1, MAX_FRAME),
)
def test_what_is_written_reads_back(
    tmp_path_factory: pytest.TempPathFactory,
    boxes: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    frame: int,
) -> None:
    boxes[:, 2:] += boxes[:, :2]
    tracks = Tracks(np.arange(5) + 1, boxes, np.arange(5), np.linspace(0, 1, 5), np.arange(5))
    path = tmp_path_factory.mktemp("mot") / "tracks.txt"
    path.write_text(format_tracks(frame, tracks, precise=True))
    rows = read_mot(path)
    assert rows.frames.tolist() == [frame] * 5
    assert rows.ids.tolist() == [1, 2, 3, 4, 5]
    assert rows.classes.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(rows.boxes, boxes, atol=1.1e-6)
    np.testing.assert_allclose(rows.scores, tracks.scores, atol=1e-6)


def test_negative_sizes_are_passed_on(tmp_path: Path) -> None:
    # The reference takes them, and the exact modes are held to it.
    rows = read_mot(_file(tmp_path, "1,-1,10,20,-30,-0.5,0.9\n"))
    assert rows.boxes.tolist() == [[10, 20, -20, 19.5]]


def test_rows_without_a_score_have_one(tmp_path: Path) -> None:
    short = "1,-1,10,20,30,40\n"
    for text, scores in ((short, [1]), (short + ROW, [1, 0.9]), (ROW + short, [0.9, 1])):
        rows = read_mot(_file(tmp_path, text))
        assert rows.scores.tolist() == scores
        assert not rows.scored
    assert read_mot(_file(tmp_path, ROW)).scored


def test_frames_may_count_from_zero(tmp_path: Path) -> None:
    rows = read_mot(_file(tmp_path, ROW.replace("1,", "7,", 1) + ROW.replace("1,", "0,", 1)))
    assert (rows.first_frame, rows.last_frame) == (0, 7)
    assert [rows.next_frame(frame) for frame in (0, 1, 7, 8)] == [0, 7, 7, MAX_FRAME + 1]
    later = rows[rows.frames > 0]
    assert (later.first_frame, len(later)) == (1, 1)
    assert read_mot(_file(tmp_path, "")).first_frame == 1


def test_lines_are_counted_with_blank_ones_and_comments(tmp_path: Path) -> None:
    text = f"# head\n\n{ROW}# more\n{ROW}1,-1,10,inf,30,40,0.9,2\n"
    with pytest.raises(ValueError, match=r"line 6: y is inf"):
        read_mot(_file(tmp_path, text))
