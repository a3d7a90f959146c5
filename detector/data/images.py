"""Image files: which lie in a folder, their sizes from the header, their pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from detector.detections import Image

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})

MAX_PIXELS = 16384 * 16384
"""Of an image; a header can claim any size, and decoding would take the memory for it."""

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Start of frame: C0-CF but for C4 (Huffman tables), C8 (reserved), CC (arithmetic coding).
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_EXIF_ORIENTATION = 0x0112


def image_files(folder: Path) -> list[Path]:
    """The images that lie in a folder, by name; folders inside it are not searched.

    Raises:
        ValueError: If the folder does not exist or has no image.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder of images")
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
    if not found:
        raise ValueError(f"{folder}: no image; known are {', '.join(sorted(IMAGE_SUFFIXES))}")
    return found


def image_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels as OpenCV decodes the file, its EXIF rotation applied.

    JPEG and PNG are read from the header (12 microseconds a file); other formats are decoded.

    Raises:
        ValueError: If the file cannot be read as an image, or has more than `MAX_PIXELS`.
    """
    try:
        with path.open("rb") as file:
            start = file.read(8)
            if start == _PNG_SIGNATURE:
                size = _png_size(file)
            elif start[:2] == b"\xff\xd8":
                file.seek(2)
                size = _jpeg_size(file)
            else:
                image = read_image(path)
                size = (image.shape[1], image.shape[0])
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    if size is None or min(size) < 1:
        raise ValueError(f"{path}: not a readable image")
    if size[0] * size[1] > MAX_PIXELS:
        raise ValueError(f"{path}: {size[0]}x{size[1]} pixels; at most {MAX_PIXELS} are read")
    return size


def read_image(path: Path) -> Image:
    """The pixels of a file, `(H, W, 3)` uint8 RGB, its EXIF rotation applied.

    Raises:
        ValueError: If the file cannot be read as an image.
    """
    image = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise ValueError(f"{path}: not a readable image")
    return np.asarray(image, np.uint8)


def decode_whole(content: bytes) -> Image | None:
    """The pixels of a file's content, `(H, W, 3)` uint8 RGB; `None` if any part is missing.

    `read_image` takes a JPEG that ends too early and leaves the rest grey; this does not.
    """
    if not content:
        return None
    image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    return None if image is None else np.asarray(image, np.uint8)


def _png_size(file: BinaryIO) -> tuple[int, int] | None:
    header = file.read(16)
    if len(header) < 16 or header[4:8] != b"IHDR":
        return None
    return int.from_bytes(header[8:12], "big"), int.from_bytes(header[12:16], "big")


def _jpeg_size(file: BinaryIO) -> tuple[int, int] | None:
    rotated = False
    for marker, length in _jpeg_segments(file):
        if marker in _JPEG_FRAMES:
            frame = file.read(5)
            if len(frame) < 5:
                return None
            height, width = int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")
            return (height, width) if rotated else (width, height)
        if marker == 0xE1:
            rotated = rotated or _exif_swaps_sides(file.read(length))
    return None


def _jpeg_segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Marker and payload length of each segment before the pixels; `file` stands at its payload."""
    while byte := file.read(1):
        if byte != b"\xff":
            return
        while (byte := file.read(1)) == b"\xff":
            pass
        length = int.from_bytes(file.read(2), "big") - 2
        if not byte or byte == b"\xda" or length < 0:
            return
        payload = file.tell()
        yield byte[0], length
        file.seek(payload + length)


def _exif_swaps_sides(segment: bytes) -> bool:
    """Whether an APP1 segment says that the picture is turned by 90 or 270 degrees."""
    if segment[:6] != b"Exif\0\0":
        return False
    tiff = segment[6:]
    order = "little" if tiff[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)  # type: ignore[arg-type]

    first = number(4, 4)
    entries = (first + 2 + 12 * row for row in range(number(first, 2)))
    return any(number(at, 2) == _EXIF_ORIENTATION and number(at + 8, 2) >= 5 for at in entries)
