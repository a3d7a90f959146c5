"""Colours against values worked out from the standards' own constants."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.sources.orientation import UPRIGHT
from pipeline.sources.rgb import RgbConverter, picture_format
from pipeline.sources.video import VideoSource

# Weights of red and blue in luma: BT.709-6 item 3.2, BT.601-7 item 2.5.1, BT.2020-2 table 4.
WEIGHTS = {1: (0.2126, 0.0722), 5: (0.299, 0.114), 6: (0.299, 0.114), 9: (0.2627, 0.0593)}
LIMITED, FULL = 1, 2

COLOURS = [
    (0, 0, 0), (255, 255, 255), (128, 128, 128), (200, 30, 30), (30, 200, 30), (30, 30, 200),
    (220, 200, 20), (20, 190, 210), (190, 20, 180), (96, 110, 70), (70, 75, 80), (250, 5, 5),
]  # fmt: skip


def ycbcr(rgb: tuple[int, int, int], matrix: int, value_range: int, bits: int = 8) -> list[int]:
    red, green, blue = (value / 255 for value in rgb)
    kr, kb = WEIGHTS[matrix]
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    chroma = ((blue - luma) / (2 - 2 * kb), (red - luma) / (2 - 2 * kr))
    scale, top = 2 ** (bits - 8), 2**bits - 1
    if value_range == FULL:
        values = [luma * top, *(value * top + 128 * scale for value in chroma)]
    else:
        values = [(16 + 219 * luma) * scale, *((128 + 224 * value) * scale for value in chroma)]
    return [min(round(value), top) for value in values]


def flat(
    values: list[int], pixel_format: str, size_wh: tuple[int, int], matrix: int, value_range: int
) -> av.VideoFrame:
    picture = av.VideoFrame(*size_wh, pixel_format)
    dtype = np.uint16 if "10" in pixel_format else np.uint8
    for plane, value in zip(picture.planes, [*values, 255], strict=False):
        samples: NDArray[np.generic] = np.full(
            plane.buffer_size // np.dtype(dtype).itemsize, value, dtype
        )
        plane.update(samples.tobytes())
    picture.colorspace, picture.color_range = matrix, value_range
    return picture


def worst(image: NDArray[np.uint8], rgb: tuple[int, int, int]) -> int:
    return int(np.abs(image.astype(int) - rgb).max())


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "yuva420p"])
@pytest.mark.parametrize("size_wh", [(64, 48), (65, 49)])
def test_tagged_colours(pixel_format: str, size_wh: tuple[int, int]) -> None:
    for rgb, matrix, value_range in product(COLOURS, WEIGHTS, (LIMITED, FULL)):
        values = ycbcr(rgb, matrix, value_range)
        picture = flat(values, pixel_format, size_wh, matrix, value_range)
        assert worst(RgbConverter().convert(picture), rgb) <= 3, (rgb, matrix, value_range)


def test_tagged_colours_in_10_bit() -> None:
    for rgb, matrix, value_range in product(COLOURS, (1, 6), (LIMITED, FULL)):
        values = ycbcr(rgb, matrix, value_range, 10)
        picture = flat(values, "yuv420p10le", (64, 48), matrix, value_range)
        assert worst(RgbConverter().convert(picture), rgb) <= 3, (rgb, matrix, value_range)


@pytest.mark.parametrize(("lines", "matrix"), [(480, 6), (718, 6), (720, 1), (1080, 1)])
def test_untagged_colours_follow_the_number_of_lines(lines: int, matrix: int) -> None:
    rgb = (200, 30, 30)
    picture = flat(ycbcr(rgb, matrix, LIMITED), "yuv420p", (64, lines), 2, 0)
    assert worst(RgbConverter().convert(picture), rgb) <= 3
    # The other matrix would be seen: this colour tells them apart.
    other = flat(ycbcr(rgb, 7 - matrix, LIMITED), "yuv420p", (64, lines), 2, 0)
    assert worst(RgbConverter().convert(other), rgb) > 10


def test_yuvj_and_grey_are_full_range() -> None:
    for rgb in COLOURS:
        picture = flat(ycbcr(rgb, 5, FULL), "yuvj420p", (64, 48), 5, 0)
        assert worst(RgbConverter().convert(picture), rgb) <= 3
    for level in (0, 1, 17, 128, 240, 255):
        picture = flat([level], "gray", (64, 48), 2, 0)
        assert worst(RgbConverter().convert(picture), (level,) * 3) == 0


@pytest.mark.parametrize("pixel_format", ["rgb24", "bgr24", "rgba", "bgra", "gbrp"])
def test_rgb_passes_unchanged(pixel_format: str) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (35, 53, 3), dtype=np.uint8)
    picture = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=pixel_format)
    np.testing.assert_array_equal(RgbConverter().convert(picture), pixels)


def test_other_rgb_frames_do_not_share_their_memory() -> None:
    pixels = np.full((32, 64, 3), 9, np.uint8)
    picture = av.VideoFrame.from_ndarray(pixels, "rgb24")
    RgbConverter().convert(picture)[:] = 1
    assert int(picture.to_ndarray().min()) == 9


def test_a_new_matrix_in_mid_stream_is_followed() -> None:
    converter = RgbConverter()
    rgb = (200, 30, 30)
    for matrix, value_range in ((1, LIMITED), (6, LIMITED), (6, FULL), (1, LIMITED)):
        picture = flat(ycbcr(rgb, matrix, value_range), "yuv420p", (64, 48), matrix, value_range)
        assert worst(converter.convert(picture), rgb) <= 3


def test_another_size_is_scaled() -> None:
    converter = RgbConverter()
    assert converter.convert(flat([90, 128, 128], "yuv420p", (64, 48), 1, 1)).shape == (48, 64, 3)
    assert not converter.scaled
    assert converter.convert(flat([90, 128, 128], "yuv420p", (80, 20), 1, 1)).shape == (48, 64, 3)
    assert converter.scaled


def test_format_of_an_untagged_picture_is_complete() -> None:
    found = picture_format(flat([90, 128, 128], "yuv420p", (64, 48), 2, 0))
    assert (found.matrix, found.value_range, found.orientation) == (6, LIMITED, UPRIGHT)
    assert found.shown_wh == (64, 48)


@pytest.mark.parametrize(
    ("matrix", "value_range"), [(1, LIMITED), (1, FULL), (6, LIMITED), (6, FULL)]
)
def test_colours_through_a_file(
    tmp_path: Path, clip: Callable[..., Path], matrix: int, value_range: int
) -> None:
    def tag(stream: object) -> None:
        context = getattr(stream, "codec_context")  # noqa: B009
        context.colorspace, context.color_range = matrix, value_range
        context.color_primaries = context.color_trc = matrix

    pictures = [
        flat(ycbcr(rgb, matrix, value_range), "yuv420p", (64, 48), matrix, value_range)
        for rgb in COLOURS
    ]
    path = clip(
        tmp_path / "a.mp4", frames=pictures, size_wh=(64, 48), options={"qp": "0"}, setup=tag
    )
    source = VideoSource(path)
    frames = list(source)
    source.close()
    for frame, rgb in zip(frames, COLOURS, strict=True):
        assert worst(frame.image, rgb) <= 3
