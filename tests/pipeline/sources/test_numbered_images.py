"""Order and numbering of images in a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.numbered_images import (
    frame_indices,
    holds_numbered_images,
    natural_key,
    numbered_images,
)


@pytest.mark.parametrize(
    ("names", "indices"),
    [
        (["img000001.jpg", "img000002.jpg", "img000003.jpg"], [0, 1, 2]),  # UAVDT
        (["0000001.jpg", "0000002.jpg"], [0, 1]),  # VisDrone
        (["img000101.jpg", "img000102.jpg"], [0, 1]),  # starts later
        (["0.png", "1.png", "3.png"], [0, 1, 3]),  # a gap
        (["f_8_a.png", "f_9_a.png", "f_10_a.png"], [0, 1, 2]),
        (["x10.png", "x20.png", "x30.png"], [0, 10, 20]),  # each 10th frame
        (["1.jpg", "2.png", "3.webp"], [0, 1, 2]),
        (["1700000000000.jpg", "1700000000033.jpg", "1700000000066.jpg"], [0, 1, 2]),  # ms
        (["12-00-59.jpg", "12-01-00.jpg"], [0, 1]),  # times of day
        (["1.jpg", "1.png", "2.jpg"], [0, 1, 2]),  # a number twice
        (["left1.jpg", "left2.jpg", "right1.jpg"], [0, 1, 2]),
        (["7.jpg"], [0]),
        (["1.jpg", f"{10**40}.jpg"], [0, 1]),
    ],
)
def test_frame_indices(names: list[str], indices: list[int]) -> None:
    assert frame_indices(names) == indices


@given(st.sets(st.integers(0, 10**7), min_size=1, max_size=30))
def test_indices_grow_with_the_number_in_the_name(numbers: set[int]) -> None:
    names = sorted((f"f{number}.jpg" for number in numbers), key=natural_key)
    assert [int(name[1:-4]) for name in names] == sorted(numbers)
    indices = frame_indices(names)
    assert indices[0] == 0
    assert indices == sorted(set(indices))
    assert indices[-1] < 20 * len(names)


def test_listing(tmp_path: Path) -> None:
    for name in ("a10.jpg", "a9.JPG", "a1.png", "cover.jpg", ".a2.jpg", "a3.txt", "a4.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "a5.jpg").mkdir()
    assert numbered_images(tmp_path) == ["a1.png", "a9.JPG", "a10.jpg"]
    assert numbered_images(tmp_path, "*.jpg") == ["a10.jpg"]
    assert holds_numbered_images(tmp_path)
    assert not holds_numbered_images(tmp_path / "a5.jpg")
    assert not holds_numbered_images(tmp_path / "missing")
