from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tracking.evaluation.rows import NO_CLASS
from tracking.evaluation.tables import BOX_COLUMNS, read_table

COLUMNS = (*BOX_COLUMNS, "score")


def _file(folder: Path, text: str) -> Path:
    path = folder / "rows.txt"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3,4,5,6,0.5\n2,2,3,4,5,6,0.5\n",
        "1,2,3,4,5,6,0.5,9,9\n2,2,3,4,5,6,0.5,9,9\n",
        "1,2,3,4,5,6,0.5,9,9\n\n2,2,3,4,5,6,0.5\n",  # rows of different length
        "1 2 3 4 5 6 0.5\n2  2 3 4 5 6 0.5",
        "\ufeff1,2,3,4,5,6,0.5,\n2,2,3,4,5,6,0.5,\n",  # VisDrone ends some rows with a comma
        "1, 2, 3, 4, 5, 6, .5\r\n2, 2, 3, 4, 5, 6, 5e-1\r\n",
    ],
)
def test_reads_rows(tmp_path: Path, text: str) -> None:
    table = read_table(_file(tmp_path, text), COLUMNS, required=6)
    assert table.values.tolist() == [[1, 2, 3, 4, 5, 6, 0.5], [2, 2, 3, 4, 5, 6, 0.5]]


def test_missing_columns_are_minus_one(tmp_path: Path) -> None:
    table = read_table(_file(tmp_path, "1,2,3,4,5,6\n"), COLUMNS, required=6)
    assert table["score"].tolist() == [-1]


@pytest.mark.parametrize("text", ["", "\n\n  \n"])
def test_an_empty_file_has_no_rows(tmp_path: Path, text: str) -> None:
    table = read_table(_file(tmp_path, text), COLUMNS, required=6)
    assert table.values.shape == (0, 7)
    assert len(table.tracks(np.zeros(0, np.int64))) == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2,3", r"line 3: 3 columns in '1,2,3'; a row begins with frame,id,x,y,width,height"),
        ("1;2;3;4;5;6", "line 3: 1 column in '1;2;3;4;5;6'"),
        ("1,2,x,4,5,6,7", "line 3: x is 'x', not a number"),
        ("1,2,3,4,,6,7", "line 3: width is '', not a number"),
        ("1,2,3,4,5,nan,7", "line 3: height is nan, not a finite number"),
        ("1,2,3,inf,5,6,7", "line 3: y is inf, not a finite number"),
        ("0,2,3,4,5,6,7", "line 3: frame is 0, not a whole number from 1 up"),
        ("1.5,2,3,4,5,6,7", "line 3: frame is 1.5, not a whole number from 1 up"),
        ("1,2.5,3,4,5,6,7", "line 3: id is 2.5, not a whole number"),
        ("1,1e300,3,4,5,6,7", "line 3: id is 1e"),
    ],
)
def test_a_fault_names_file_line_and_value(tmp_path: Path, line: str, message: str) -> None:
    path = _file(tmp_path, f"1,2,3,4,5,6,7\n\n{line}\n2,2,3,4,5,6,7\n")
    with pytest.raises(ValueError, match=message) as caught:
        read_table(path, COLUMNS, required=6).tracks(np.zeros(3, np.int64))
    assert str(caught.value).startswith(f"{path}, ")


def test_tracks_are_by_frame_in_the_files_order(tmp_path: Path) -> None:
    text = "2,1,10,20,30,40,0\n1,9,0,0,1,1,0\n2,7,1,2,3,4,0\n2,8,0,0,2,2,0\n"
    table = read_table(_file(tmp_path, text), COLUMNS, required=6)
    classes = np.array([5, 6, 7, NO_CLASS])
    rows = table.tracks(classes)
    assert rows.frames.tolist() == [1, 2, 2, 2]
    assert rows.ids.tolist() == [9, 1, 7, 8]
    assert rows.classes.tolist() == [6, 5, 7, NO_CLASS]
    assert rows.boxes[1].tolist() == [10, 20, 40, 60]
    assert table.tracks(classes, classes != 5).ids.tolist() == [9, 7, 8]


def test_a_column_of_whole_numbers_has_limits(tmp_path: Path) -> None:
    table = read_table(_file(tmp_path, "1,2,3,4,5,6,0\n1,3,3,4,5,6,9\n"), COLUMNS, required=6)
    assert table.whole("score", 0, 9).tolist() == [0, 9]
    with pytest.raises(ValueError, match="line 2: score is 9, not a whole number from 0 to 8"):
        table.whole("score", 0, 8)
