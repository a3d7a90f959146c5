from __future__ import annotations

from pathlib import Path

import pytest

from tracking.tracks import Motion
from tracking.warps import read_warps

LINE = "0\t1.5\t0.25\t-3\t-0.25\t1.5\t4\t\n"
MATRIX = [[1.5, 0.25, -3], [-0.25, 1.5, 4]]


def _read(folder: Path, text: str) -> list[list[list[float]]]:
    path = folder / "warps.txt"
    path.write_text(text)
    return [motion.matrix.tolist() for motion in read_warps(path)]


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        LINE.replace("\t", " "),
        LINE.replace("\t", ","),
        LINE.replace("\t", " , "),
        LINE.replace("\t\n", ""),
        "# index h00 h01 h02 h10 h11 h12\n\n" + LINE,
        LINE.replace("0", "1", 1),
    ],
)
def test_ways_to_write_the_same(tmp_path: Path, text: str) -> None:
    assert _read(tmp_path, text) == [MATRIX]


@pytest.mark.parametrize(
    ("indexes", "at"),
    [((0, 1, 2), (0, 1, 2)), ((1, 2, 3), (0, 1, 2)), ((0, 3), (0, 3)), ((2, 4), (1, 3))],
)
def test_the_index_counts_frames(
    tmp_path: Path, indexes: tuple[int, ...], at: tuple[int, ...]
) -> None:
    found = _read(tmp_path, "".join(LINE.replace("0", str(index), 1) for index in indexes))
    still = Motion.identity().matrix.tolist()
    assert found == [MATRIX if frame in at else still for frame in range(at[-1] + 1)]


def test_an_empty_file_has_none(tmp_path: Path) -> None:
    assert _read(tmp_path, "\n") == []


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 1 0", "3 columns in '0 1 0'; a line is index h00 h01 h02 h10 h11 h12"),
        ("1 1 0 0 0 1 x", "h12 is 'x', not a number"),
        ("1 1 0 nan 0 1 0", "'1 1 0 nan 0 1 0' has a number that is not finite"),
        ("0 1 0 0 0 1 0", "index is 0; it must rise from line to line, from 0 or 1"),
        ("1.5 1 0 0 0 1 0", "index is 1.5; a whole number from 0 to 10000000"),
        ("-1 1 0 0 0 1 0", "index is -1; a whole number from 0"),
        ("1e99 1 0 0 0 1 0", "index is 1e99; a whole number from 0"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"warps\.txt") as caught:
        _read(tmp_path, f"{LINE}\n{line}\n{LINE}")
    assert str(caught.value).startswith(f"{tmp_path / 'warps.txt'}, line 3: {message}")
