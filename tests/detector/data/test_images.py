"""Image sizes from headers, held to OpenCV's decoder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from detector.data.images import image_files, image_size, read_image


def encoded(suffix: str, wh: tuple[int, int], *options: int) -> bytes:
    picture = np.random.default_rng(0).integers(0, 255, (wh[1], wh[0], 3)).astype(np.uint8)
    return bytes(cv2.imencode(suffix, picture, options)[1])


def with_exif(jpeg: bytes, orientation: int, order: str) -> bytes:
    """A JPEG whose EXIF block has another entry first, then the orientation."""
    little = order == "II"

    def number(value: int, size: int) -> bytes:
        return value.to_bytes(size, "little" if little else "big")

    entries = number(0x0100, 2) + number(4, 2) + number(1, 4) + number(77, 4)
    entries += number(0x0112, 2) + number(3, 2) + number(1, 4) + number(orientation, 2) + b"\0\0"
    tiff = order.encode() + number(42, 2) + number(8, 4) + number(2, 2) + entries + number(0, 4)
    segment = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".bmp", ".webp", ".tif"])
@pytest.mark.parametrize("wh", [(1, 1), (33, 7), (300, 260)])
def test_size_equals_the_decoded_size(tmp_path: Path, suffix: str, wh: tuple[int, int]) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(encoded(suffix, wh))
    assert image_size(path) == wh
    assert read_image(path).shape == (wh[1], wh[0], 3)


def test_a_progressive_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded(".jpg", (40, 30), cv2.IMWRITE_JPEG_PROGRESSIVE, 1))
    assert image_size(path) == (40, 30)


@pytest.mark.parametrize("order", ["II", "MM"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_as_opencv_applies_it(tmp_path: Path, orientation: int, order: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(with_exif(encoded(".jpg", (40, 30)), orientation, order))
    height, width = read_image(path).shape[:2]
    assert image_size(path) == (width, height)
    assert (width, height) == ((30, 40) if orientation >= 5 else (40, 30))


@pytest.mark.parametrize("length", range(0, 170, 3))
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_cut_header_is_refused(tmp_path: Path, suffix: str, length: int) -> None:
    content = encoded(suffix, (40, 30))
    header = content.index(b"\xff\xc0") + 9 if suffix == ".jpg" else 24
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content[: min(length, header - 1)])
    with pytest.raises(ValueError, match=r"a\.(jpg|png): not a readable image$"):
        image_size(path)


def test_rgb_order(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    blue_in_bgr = np.zeros((4, 4, 3), np.uint8)
    blue_in_bgr[..., 0] = 255
    cv2.imwrite(str(path), blue_in_bgr)
    assert read_image(path)[0, 0].tolist() == [0, 0, 255]


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    for function in (image_size, read_image):
        with pytest.raises(ValueError, match=r"nowhere\.jpg"):
            function(tmp_path / "nowhere.jpg")


def test_only_images_by_name(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "labels.txt", "c.jpeg"):
        (tmp_path / name).touch()
    assert [path.name for path in image_files(tmp_path)] == ["a.png", "b.JPG", "c.jpeg"]
