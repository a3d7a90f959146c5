"""Folders of numbered images: which files belong to the sequence, and in what order."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

# Sequences sampled from a video keep its numbers (each 10th frame, say). Numbers that are
# sparser than this are something else, milliseconds for one.
_MAX_SPARSENESS = 20

_DIGITS = re.compile(r"(\d+)")
_LAST_NUMBER = re.compile(r"^(.*?)(\d+)(\D*)$")


def natural_key(name: str) -> tuple[list[str | int], str]:
    """Sorts numbers within names by their value: `2` before `10`.

    >>> sorted(["img10", "img2", "img1"], key=natural_key)
    ['img1', 'img2', 'img10']
    """
    parts = _DIGITS.split(name.casefold())
    return [int(part) if index % 2 else part for index, part in enumerate(parts)], name


def numbered_images(folder: Path, pattern: str = "*") -> list[str]:
    """Names of the images in a folder that have a number in their name, in natural order.

    Hidden files are left out; `pattern` narrows the names further.
    """
    names = (name for name in _iter_numbered(folder) if fnmatch.fnmatchcase(name, pattern))
    return sorted(names, key=natural_key)


def holds_numbered_images(folder: Path) -> bool:
    """Whether a folder has at least one; False if it cannot be read."""
    try:
        return any(True for _ in _iter_numbered(folder))
    except OSError:
        return False


def _iter_numbered(folder: Path) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            stem, suffix = os.path.splitext(entry.name)  # noqa: PTH122
            if entry.name.startswith(".") or suffix.lower() not in IMAGE_SUFFIXES:
                continue
            if _DIGITS.search(stem) and entry.is_file():
                yield entry.name


def frame_indices(names: Sequence[str]) -> list[int]:
    """The 0-based frame index of each image of a sequence, in natural order.

    Names that differ in one number only are numbered by it, from the first image on: a missing
    image leaves its index, and its time, free. Other names (times of day, several series,
    numbers of which fewer than one in twenty is there) are counted.

    >>> frame_indices(["img000001.jpg", "img000002.jpg", "img000005.jpg"])
    [0, 1, 4]
    >>> frame_indices(["a1.png", "a2.png", "b1.png"])
    [0, 1, 2]
    """
    matches = [_LAST_NUMBER.match(Path(name).stem) for name in names]
    series = {(match[1], match[3]) for match in matches if match}
    numbers = [int(match[2]) for match in matches if match]
    distinct = all(before < after for before, after in pairwise(numbers))
    if len(series) != 1 or len(numbers) != len(names) or not distinct:
        return list(range(len(names)))
    if numbers[-1] - numbers[0] >= _MAX_SPARSENESS * len(numbers):
        return list(range(len(names)))
    return [number - numbers[0] for number in numbers]
