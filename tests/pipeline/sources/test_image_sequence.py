"""Image sequences: order, gaps, damage, sizes and formats."""

from __future__ import annotations

import base64
import resource
import struct
import zlib
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.sources.image_sequence import ImageError, ImageSequenceSource, read_image

# Pillow wrote it.
CMYK_JPEG = """
/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBET
FBUVFQwPFxgWFBgSFBUU/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//E
ALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2
Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrC
w8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD7Ar4Ur8+q/VOiiiivwfr7Wr9+
qKKKKK//2Q==
"""


def picture(level: int, size_wh: tuple[int, int] = (32, 24)) -> NDArray[np.uint8]:
    """RGB that is darker to the left and has `level` in its red."""
    width, height = size_wh
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = level
    pixels[..., 2] = np.linspace(0, 200, width).astype(np.uint8)
    return pixels


def save(path: Path, pixels: NDArray[Any], *options: int) -> Path:
    bgr = pixels[..., ::-1] if pixels.ndim == 3 else pixels
    good, content = cv2.imencode(path.suffix, np.ascontiguousarray(bgr), options)
    assert good
    path.write_bytes(content.tobytes())
    return path


def read(folder: Path, **options: Any) -> tuple[ImageSequenceSource, list[Any]]:
    source = ImageSequenceSource(folder, **options)
    frames = list(source)
    source.close()
    return source, frames


@pytest.mark.parametrize("form", ["img{:06d}.jpg", "{:07d}.jpg", "{}.png", "frame_{}_rgb.bmp"])
def test_sequences_of_each_form(tmp_path: Path, form: str) -> None:
    for number in range(1, 13):
        save(tmp_path / form.format(number), picture(10 * number))
    source, frames = read(tmp_path)
    assert [round(float(frame.image[..., 0].mean()) / 10) for frame in frames] == [*range(1, 13)]
    assert [frame.index for frame in frames] == [*range(12)]
    assert [frame.pts * frame.time_base for frame in frames] == [
        Fraction(index, 30) for index in range(12)
    ]
    assert source.lost == []
    assert source.name == tmp_path.name
    info = source.info
    assert (info.width, info.height, info.frame_count) == (32, 24, 12)
    assert info.frame_rate == 30


def test_frame_rate_is_kept_exactly(tmp_path: Path) -> None:
    for number in (1, 2):
        save(tmp_path / f"{number}.png", picture(number))
    source, frames = read(tmp_path, frame_rate=Fraction(30000, 1001))
    assert frames[1].pts * frames[1].time_base == Fraction(1001, 30000)
    assert source.info.frame_rate == Fraction(30000, 1001)


def test_gaps_keep_their_time_and_are_told(tmp_path: Path) -> None:
    for number in (1, 2, 5, 6, 8):
        save(tmp_path / f"img{number:06d}.png", picture(number))
    source, frames = read(tmp_path)
    assert [frame.index for frame in frames] == [0, 1, 4, 5, 7]
    assert [frame.time_s * 30 for frame in frames] == pytest.approx([0, 1, 4, 5, 7])
    assert source.lost == ["3 numbers have no image, first after img000002.png"]
    assert source.info.frame_count == 5


def test_damaged_images_are_left_out_and_others_scaled(tmp_path: Path) -> None:
    for number in range(1, 10):
        save(tmp_path / f"{number}.jpg", picture(number * 20))
    whole = (tmp_path / "2.jpg").read_bytes()
    (tmp_path / "2.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "3.jpg").write_bytes(b"")
    (tmp_path / "4.jpg").write_bytes(b"no image" * 100)
    save(tmp_path / "6.jpg", picture(120, (40, 24)))
    save(tmp_path / "7.jpg", picture(140, (24, 32)))
    (tmp_path / "9.jpg").write_bytes(whole[:40])
    source, frames = read(tmp_path)
    assert [frame.index for frame in frames] == [0, 4, 5, 6, 7]
    assert {frame.image.shape for frame in frames} == {(24, 32, 3)}
    assert [round(float(frame.image[..., 0].mean()) / 20) for frame in frames] == [1, 5, 6, 7, 8]
    assert source.lost == [
        "left out, cut off or damaged: 1 frame, first 2.jpg",
        "left out, no image: 3 frames, first 3.jpg",
        "scaled from 40x24 to the first image's size: 1 frame, first 6.jpg",
        "scaled from 24x32 to the first image's size: 1 frame, first 7.jpg",
    ]


def test_first_image_damaged(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"no image")
    save(tmp_path / "2.jpg", picture(50))
    source, frames = read(tmp_path)
    assert [frame.index for frame in frames] == [1]
    assert source.info.width == 32


@pytest.mark.parametrize("ending", [".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"])
def test_each_format(tmp_path: Path, ending: str) -> None:
    wanted = picture(180)
    found = read_image(save(tmp_path / f"1{ending}", wanted))[0]
    assert np.abs(found.astype(int) - wanted).max() <= (
        25 if ending in (".jpg", ".jpeg", ".webp") else 0
    )
    assert found.flags.c_contiguous


def test_16_bit_grey_and_alpha_become_rgb(tmp_path: Path) -> None:
    deep = np.full((8, 9, 3), 200 * 257, np.uint16)
    assert (read_image(save(tmp_path / "1.png", deep))[0] == 200).all()
    grey = np.full((8, 9), 77, np.uint8)
    assert read_image(save(tmp_path / "2.png", grey))[0].shape == (8, 9, 3)
    alpha = np.full((8, 9, 4), 99, np.uint8)
    good, content = cv2.imencode(".png", alpha)
    assert good
    (tmp_path / "3.png").write_bytes(content.tobytes())
    assert (read_image(tmp_path / "3.png")[0] == 99).all()


def test_orientation_is_left_as_stored(tmp_path: Path) -> None:
    path = save(tmp_path / "1.jpg", picture(90))
    content = path.read_bytes()
    # TIFF header, one entry: orientation (0x112), short, 6 = turn by 90 degrees.
    tiff = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x112, 3, 1, 6, 0, 0)
    exif = b"Exif\0\0" + tiff
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(exif)) + exif
    path.write_bytes(content[:2] + segment + content[2:])
    turned = cv2.imread(str(path))  # as OpenCV would do it
    assert turned is not None
    assert turned.shape == (32, 24, 3)
    assert read_image(path)[0].shape == (24, 32, 3)


def test_thumbnail_and_trailer_do_not_hide_or_feign_a_cut(tmp_path: Path) -> None:
    path = save(tmp_path / "1.jpg", picture(90, (200, 100)))
    content = path.read_bytes()
    thumbnail = save(tmp_path / "2.jpg", picture(90, (8, 8))).read_bytes()
    segment = b"\xff\xe1" + struct.pack(">H", 2 + len(thumbnail)) + thumbnail
    whole = content[:2] + segment + content[2:]
    path.write_bytes(whole + b"\xff\xda" + bytes(100))
    assert read_image(path)[0].shape == (100, 200, 3)
    path.write_bytes(whole[: len(whole) - len(content) // 3])
    with pytest.raises(ImageError, match="cut off"):
        read_image(path)


def test_image_bombs_are_refused_by_their_header(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows)
    (tmp_path / "1.png").write_bytes(content + chunk(b"IEND", b""))
    with pytest.raises(ImageError, match="larger than 16384x16384"):
        read_image(tmp_path / "1.png")
    with pytest.raises(InputError, match=r"none of the images can be decoded \(left out, larger"):
        ImageSequenceSource(tmp_path)


@pytest.mark.parametrize("size", [2**32 - 1, 2**31, 10**6])
def test_parts_of_a_png_that_state_too_much_are_refused_before_they_take_memory(
    tmp_path: Path, size: int
) -> None:
    path = save(tmp_path / "1.png", picture(5))
    content = bytearray(path.read_bytes())
    at = content.index(b"IDAT")
    content[at - 4 : at] = struct.pack(">I", size)
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageError, match="cut off or damaged"):
        read_image(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_cmyk(tmp_path: Path) -> None:
    # 200, 40, 30 above 20, 120, 220, as Adobe and the TIFF standard store them.
    (tmp_path / "1.jpg").write_bytes(base64.b64decode(CMYK_JPEG))
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:8, :, :3], inks[8:, :, :3] = (55, 215, 225), (235, 135, 35)
    entries = [
        (256, 3, 1, 16), (257, 3, 1, 16), (258, 3, 4, 8 + 2 + 9 * 12 + 4), (259, 3, 1, 1),
        (262, 3, 1, 5), (273, 4, 1, 8 + 2 + 9 * 12 + 4 + 8), (277, 3, 1, 4), (278, 3, 1, 16),
        (279, 4, 1, 1024),
    ]  # fmt: skip
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    bits = struct.pack("<IHHHH", 0, 8, 8, 8, 8)
    (tmp_path / "2.tif").write_bytes(head + body + bits + inks.tobytes())
    for name in ("1.jpg", "2.tif"):
        image, damaged = read_image(tmp_path / name)
        assert not damaged
        np.testing.assert_allclose(image[2, 2], (200, 40, 30), atol=2)
        np.testing.assert_allclose(image[12, 12], (20, 120, 220), atol=2)


def test_names_beyond_ascii(tmp_path: Path) -> None:
    folder = tmp_path / 'Flüge: 飛行 "1"'
    folder.mkdir()
    save(folder / "-Bild é 1.png", picture(3))
    source, frames = read(folder)
    assert len(frames) == 1
    assert source.name == folder.name


def test_pattern_and_max_frames(tmp_path: Path) -> None:
    for number in range(1, 6):
        save(tmp_path / f"left{number}.png", picture(number))
        save(tmp_path / f"right{number}.png", picture(100 + number))
    source, frames = read(tmp_path, pattern="right*")
    assert [frame.image[0, 0, 0] for frame in frames] == [101, 102, 103, 104, 105]
    assert len(read(tmp_path, max_frames=3)[1]) == 3
    assert len(read(tmp_path, max_frames=0)[1]) == 0
    assert source.lost == []


def test_closed_source_gives_nothing_more(tmp_path: Path) -> None:
    for number in range(1, 6):
        save(tmp_path / f"{number}.png", picture(number))
    source = ImageSequenceSource(tmp_path)
    frames = iter(source)
    next(frames)
    source.close()
    source.close()
    assert list(frames) == []


def test_unusable_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no numbered images"):
        ImageSequenceSource(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        ImageSequenceSource(tmp_path / "missing")
    with pytest.raises(InputError, match="must be above 0"):
        ImageSequenceSource(tmp_path, frame_rate=Fraction(0))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["S0310", "S1001"])
def test_real_uavdt_frames(shared_data: Path, name: str) -> None:
    source, frames = read(shared_data / "uavdt-frames" / name)
    assert len(frames) == source.info.frame_count == 40
    assert {frame.image.shape for frame in frames} == {(540, 1024, 3)}
    assert source.lost == []
    first = cv2.imread(str(shared_data / "uavdt-frames" / name / "img000001.jpg"))
    assert first is not None
    np.testing.assert_array_equal(frames[0].image, first[..., ::-1])
