"""Tables of numbers: what is a row, and which line is to blame."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.data import tables
from detector.data.tables import read_table

COLUMNS = ("a", "b", "c")


def write(folder: Path, content: str) -> Path:
    path = folder / "t.txt"
    path.write_bytes(content.encode())
    return path


def test_rows_know_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeff1,2,3,\r\n\r\n  4 , -5.5 ,6e1,,\r\n,\n7,8,9")
    table = read_table(path, COLUMNS)
    assert table.values.tolist() == [[1, 2, 3], [4, -5.5, 60], [7, 8, 9]]
    assert table.lines.tolist() == [1, 3, 5]
    assert table["b"].tolist() == [2, -5.5, 8]
    assert table.place(2) == f"{path}: line 5"


@pytest.mark.parametrize("content", ["", "\n \n", ",,\n"])
def test_an_empty_file_has_no_rows(tmp_path: Path, content: str) -> None:
    assert read_table(write(tmp_path, content), COLUMNS).values.shape == (0, 3)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("1,2,3\n1,2", "line 2: expected 3 columns (a b c), found 2"),
        ("1,2,3\n\n1,2,3,4\n1", "line 3: expected 3 columns (a b c), found 4"),
        ("1,2,3,4\n1,2,3,4", "line 1: expected 3 columns (a b c), found 4"),
        ("1,2,3\n1,,3", "line 2: b '': expected a number"),
        ("1,2,x", "line 1: c 'x': expected a number"),
        ("1,2,nan", "line 1: c 'nan': expected a number"),
        ("1,2,3\n-inf,2,3", "line 2: a '-inf': expected a number"),
        ("1,2,1e999", "line 1: c '1e999': expected a number"),
        ("# 1,2,3", "line 1: a '# 1': expected a number"),
        ("1;2;3", "line 1: expected 3 columns (a b c), found 1"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, content: str, fault: str) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        read_table(path, COLUMNS)
    assert str(caught.value) == f"{path}: {fault}"


def test_blanks_between_the_columns(tmp_path: Path) -> None:
    assert read_table(write(tmp_path, " 1  2\t3 \n"), COLUMNS, None).values.tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("1,2,3\n1,4,3\n1,9,3", "line 2: b 4: expected a whole number from 0 to 3"),
        ("1,-1,3", "line 1: b -1: expected a whole number from 0 to 3"),
        ("1,0.5,3", "line 1: b 0.5: expected a whole number from 0 to 3"),
    ],
)
def test_whole_numbers_in_a_range(tmp_path: Path, content: str, fault: str) -> None:
    table = read_table(write(tmp_path, content), COLUMNS)
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole message is compared
        table.require_whole("b", 0, 3)
    assert str(caught.value) == f"{table.path}: {fault}"
    table.require_whole("a", 1, 1)


@given(st.lists(st.tuples(*[st.floats(allow_nan=False, allow_infinity=False)] * 3), max_size=9))
def test_numbers_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float, float]]
) -> None:
    content = "".join(f"{a!r},{b!r},{c!r},\n" for a, b, c in rows)
    table = read_table(write(tmp_path_factory.mktemp("t"), content), COLUMNS)
    assert [tuple(row) for row in table.values.tolist()] == rows


def test_files_that_are_missing_large_or_no_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.txt: no such file$"):
        read_table(tmp_path / "nowhere.txt", COLUMNS)
    with pytest.raises(ValueError, match=r"cannot be read: Is a directory$"):
        read_table(tmp_path, COLUMNS)
    path = write(tmp_path, "1,2,3\n")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"t\.txt: not a text file in UTF-8$"):
        read_table(path, COLUMNS)
    monkeypatch.setattr(tables, "MAX_BYTES", 2)
    with pytest.raises(ValueError, match=r"t\.txt: more than 0 MiB$"):
        read_table(path, COLUMNS)
