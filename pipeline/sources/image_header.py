"""The size that an image file states, read from its first bytes.

OpenCV takes the memory for a picture before it can be asked how large it is, and for each part
of a PNG as much as that states.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

_PNG = b"\x89PNG\r\n\x1a\n"
_MAX_SEGMENTS = 4096
_START_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
_END_OR_SCAN = frozenset({0xD9, 0xDA})


def stated_wh(file: BinaryIO) -> tuple[int, int] | None:
    """Width and height of a JPEG, PNG, BMP, TIFF or WebP file; `None` if it is none of them.

    Args:
        file: Opened at its start; it is left behind the size.
    """
    try:
        size_wh = _stated_wh(file)
    except struct.error:  # the file ends within its header
        return None
    return size_wh if size_wh is not None and min(size_wh) > 0 else None


def png_is_whole(content: bytes) -> bool:
    """Whether the parts of a PNG file, up to the last, lie within it."""
    start = len(_PNG)
    while start + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, start)
        start += 12 + size
        if kind == b"IEND":
            return bool(start <= len(content))
    return False


def _stated_wh(file: BinaryIO) -> tuple[int, int] | None:
    head = file.read(32)
    if head[:2] == b"\xff\xd8":
        return _jpeg_wh(file)
    if head[:8] == _PNG:
        return _two(struct.unpack_from(">II", head, 16))
    if head[:2] == b"BM":
        return _bmp_wh(head)
    if head[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_wh(file, "<" if head[:1] == b"I" else ">")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp_wh(head)
    return None


def _two(values: tuple[int, ...]) -> tuple[int, int]:
    width, height = values
    return abs(width), abs(height)


def _jpeg_wh(file: BinaryIO) -> tuple[int, int] | None:
    file.seek(2)
    for _ in range(_MAX_SEGMENTS):
        byte = file.read(1)
        while byte and byte != b"\xff":
            byte = file.read(1)
        while byte == b"\xff":
            byte = file.read(1)
        if not byte or byte[0] in _END_OR_SCAN:
            return None
        if byte[0] in _WITHOUT_LENGTH:
            continue
        (length,) = struct.unpack(">H", file.read(2))
        if byte[0] in _START_OF_FRAME:
            height, width = struct.unpack(">xHH", file.read(5))
            return width, height
        file.seek(max(0, length - 2), 1)
    return None


def _bmp_wh(head: bytes) -> tuple[int, int]:
    (header_size,) = struct.unpack_from("<I", head, 14)
    return _two(struct.unpack_from("<HH" if header_size == 12 else "<ii", head, 18))


def _webp_wh(head: bytes) -> tuple[int, int] | None:
    if head[12:16] == b"VP8X":
        return (
            1 + int.from_bytes(head[24:27], "little"),
            1 + int.from_bytes(head[27:30], "little"),
        )
    if head[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", head, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if head[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff_wh(file: BinaryIO, order: str) -> tuple[int, int] | None:
    file.seek(4)
    (offset,) = struct.unpack(order + "I", file.read(4))
    file.seek(offset)
    (count,) = struct.unpack(order + "H", file.read(2))
    sizes: dict[int, int] = {}
    for _ in range(min(count, _MAX_SEGMENTS)):
        entry = file.read(12)
        tag, kind = struct.unpack_from(order + "HH", entry)
        if tag in (256, 257):
            (sizes[tag],) = struct.unpack_from(order + ("H" if kind == 3 else "I"), entry, 8)
    return (sizes[256], sizes[257]) if len(sizes) == 2 else None
