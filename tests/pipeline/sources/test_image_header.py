"""Stated sizes against what OpenCV writes, and against hostile bytes."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.image_header import stated_wh


def encoded(ending: str, width: int, height: int, *options: int, channels: int = 3) -> bytes:
    shape = (height, width, channels) if channels > 1 else (height, width)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    good, content = cv2.imencode(ending, pixels, options)
    assert good
    return content.tobytes()


@pytest.mark.parametrize("size_wh", [(1, 1), (37, 11), (300, 4), (1000, 3)])
@pytest.mark.parametrize(
    ("ending", "options"),
    [
        (".jpg", ()),
        (".jpg", (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)),
        (".png", ()),
        (".bmp", ()),
        (".tif", ()),
        (".webp", (cv2.IMWRITE_WEBP_QUALITY, 80)),
        (".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)),  # lossless
    ],
)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sizes(
    ending: str, options: tuple[int, ...], size_wh: tuple[int, int], channels: int
) -> None:
    if ending == ".jpg" and channels == 4:
        channels = 3
    content = encoded(ending, *size_wh, *options, channels=channels)
    assert stated_wh(io.BytesIO(content)) == size_wh


def test_jpeg_with_a_long_segment_before_its_size() -> None:
    content = encoded(".jpg", 40, 30)
    thumbnail = encoded(".jpg", 8, 8)
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    assert stated_wh(io.BytesIO(content[:2] + segment * 40 + b"\xff" + content[2:])) == (40, 30)


def test_bmp_from_top_to_bottom() -> None:
    content = bytearray(encoded(".bmp", 6, 5))
    struct.pack_into("<i", content, 22, -5)
    assert stated_wh(io.BytesIO(content)) == (6, 5)


def test_big_endian_tiff() -> None:
    entries = struct.pack(">HHIHH", 256, 3, 1, 640, 0) + struct.pack(">HHII", 257, 4, 1, 480)
    content = b"MM\0*" + struct.pack(">IH", 8, 2) + entries
    assert stated_wh(io.BytesIO(content)) == (640, 480)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8", b"hello", b"\x89PNG\r\n\x1a\n", b"GIF89a" + bytes(40), b"BM"]
)
def test_no_size(content: bytes) -> None:
    assert stated_wh(io.BytesIO(content)) is None


def test_zero_is_no_size() -> None:
    content = bytearray(encoded(".png", 3, 3))
    content[16:20] = bytes(4)
    assert stated_wh(io.BytesIO(content)) is None


@given(
    st.sampled_from([b"", b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b"BM", b"II*\0", b"MM\0*", b"RIFF"]),
    st.binary(max_size=200),
)
def test_any_bytes(start: bytes, rest: bytes) -> None:
    size_wh = stated_wh(io.BytesIO(start + rest))
    assert size_wh is None or min(size_wh) > 0
