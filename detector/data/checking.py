"""What is wrong or odd in a labelled data set, found by reading all of it."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from detector.data.classes import IGNORED
from detector.data.images import decode_whole, image_size
from detector.data.labels import LabelRows, clipped
from detector.data.reading import Part
from detector.data.tables import read_bytes
from detector.detections import Image, IntArray

FAULTS: Final = ("broken images", "bad labels", "wrong image sizes", "boxes without area")
"""What stops a training or loses a box."""

NOTES: Final = (
    "images without objects",
    "boxes over the border",
    "boxes twice",
    "pictures twice",
    "sequences in two parts",
    "files alone",
)
"""What may be meant. Files alone are labels without an image and images without labels."""

SIZES_PX: Final = (8, 16, 32, 64, 96)
"""Bounds of the sizes that boxes are counted by: square roots of areas; the last is open."""

# Labels are rounded to whole pixels or to shares of the image.
_BORDER_PX = 1.0
_MAX_FILE_BYTES = 1024**3
_THREADS = min(8, os.cpu_count() or 1)


@dataclass(slots=True)
class Findings:
    """What the check of a data set has found so far.

    Attributes:
        images: How many were looked at.
        places: Where each kind in `FAULTS` and `NOTES` was found, in order.
        sizes: Of each of the data set's classes `(6,)` int64, its boxes by size, see `SIZES_PX`.
        regions: Ignore regions that the data set itself states.
        sequences: The part in which each sequence was seen first.
        pictures: The file in which each picture was seen first, by its digest.
        known: Kinds and places that are noted, to find them at once.
    """

    images: int = 0
    places: dict[str, list[str]] = field(
        default_factory=lambda: {kind: [] for kind in (*FAULTS, *NOTES)}
    )
    sizes: dict[str, IntArray] = field(default_factory=dict)
    regions: int = 0
    sequences: dict[str, str] = field(default_factory=dict)
    pictures: dict[bytes, Path] = field(default_factory=dict)
    known: set[tuple[str, str]] = field(default_factory=set)

    def add(self, kind: str, place: str) -> None:
        """Notes where one of `FAULTS` or `NOTES` was found; the same place counts once."""
        if (kind, place) not in self.known:
            self.known.add((kind, place))
            self.places[kind].append(place)

    @property
    def faults(self) -> int:
        """How many faults there are; notes are none."""
        return sum(len(self.places[kind]) for kind in FAULTS)


@dataclass(frozen=True, slots=True, eq=False)
class CheckedImage:
    """An image that was looked at.

    Attributes:
        path: The file.
        pixels: `(H, W, 3)` uint8 RGB; `None` if it is broken.
        rows: Its labels; `None` if they, or the image, are broken.
    """

    path: Path
    pixels: Image | None
    rows: LabelRows | None


def check_part(part: Part, findings: Findings) -> Iterator[CheckedImage]:
    """Looks at every image of a part, in order, and adds to `findings` what is found.

    Images are decoded by several threads, a few ahead.
    """
    for name in part.source.class_names:
        findings.sizes.setdefault(name, np.zeros(len(SIZES_PX) + 1, np.int64))
    for path, picture in zip(part.images, _pictures(part.images), strict=True):
        findings.images += 1
        if isinstance(picture, str):
            findings.add("broken images", picture)
            yield CheckedImage(path, None, None)
            continue
        _note_twin(path, picture, findings)
        yield CheckedImage(path, picture.pixels, _read_rows(part, path, picture, findings))


@dataclass(frozen=True, slots=True, eq=False)
class _Picture:
    pixels: Image
    digest: bytes


def _pictures(paths: Sequence[Path]) -> Iterator[_Picture | str]:
    """What each file holds, in order, or what is wrong with it."""
    with ThreadPoolExecutor(_THREADS) as threads:
        coming: deque[Future[_Picture | str]] = deque()
        for path in paths:
            coming.append(threads.submit(_decode, path))
            if len(coming) > 2 * _THREADS:
                yield coming.popleft().result()
        for rest in coming:
            yield rest.result()


def _decode(path: Path) -> _Picture | str:
    try:
        image_size(path)  # refuses a header that would take all memory
        content = read_bytes(path, _MAX_FILE_BYTES)
    except ValueError as error:
        return str(error)
    pixels = decode_whole(content)
    if pixels is None:
        return f"{path}: its pixels are cut off or damaged"
    return _Picture(pixels, hashlib.blake2b(content, digest_size=16).digest())


def _note_twin(path: Path, picture: _Picture, findings: Findings) -> None:
    first = findings.pictures.setdefault(picture.digest, path)
    if first != path:
        findings.add("pictures twice", f"{path}: the same as {first}")


def _read_rows(part: Part, path: Path, picture: _Picture, findings: Findings) -> LabelRows | None:
    try:
        rows = part.source.read(path)
    except ValueError as error:
        findings.add("bad labels", str(error))
        return None
    height, width = picture.pixels.shape[:2]
    if (width, height) != rows.image_wh:
        stated = f"{rows.image_wh[0]}x{rows.image_wh[1]}"
        findings.add(
            "wrong image sizes", f"{path}: {width}x{height} pixels, but labelled as {stated}"
        )
    if rows.sequence:
        first = findings.sequences.setdefault(rows.sequence, part.name)
        if first != part.name:
            findings.add("sequences in two parts", f"{rows.sequence}: in {first} and {part.name}")
    _look_at_boxes(path, rows, part.source.class_names, findings)
    return rows


def _look_at_boxes(path: Path, rows: LabelRows, names: Sequence[str], findings: Findings) -> None:
    own = rows.class_ids != IGNORED
    findings.regions += int((~own).sum())
    if not own.any():
        findings.add("images without objects", str(path))
    boxes, solid = clipped(rows)
    low, high = rows.boxes[:, :2], rows.boxes[:, 2:]
    over = ((low < -_BORDER_PX) | (high > np.add(rows.image_wh, _BORDER_PX))).any(1)
    twice = np.ones(len(boxes), np.bool_)
    keys = np.column_stack((rows.class_ids, rows.boxes))
    twice[np.unique(keys, axis=0, return_index=True)[1]] = False
    for kind, found in (
        ("boxes without area", ~solid),
        ("boxes over the border", over & solid & own),
        ("boxes twice", twice & own),
    ):
        for row in np.flatnonzero(found).tolist():
            box = ", ".join(f"{value:.6g}" for value in rows.boxes[row])
            findings.add(kind, f"{rows.place(row)}: {box}")
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64)
    bins = np.searchsorted(SIZES_PX, np.sqrt(sides.prod(1)), side="right")
    for class_id, size in zip(*np.array((rows.class_ids, bins))[:, own & solid], strict=True):
        findings.sizes[names[class_id]][size] += 1
