"""Every display matrix against numpy's own turning and mirroring."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.sources.video import VideoSource

Pixels = NDArray[np.uint8]
WriteClip = Callable[..., Path]

# Of a tkhd box of version 0, behind its name; ISO/IEC 14496-12, 8.3.2.
_MATRIX_AT = 40

# xx, xy, yx, yy: where a step to the right and a step down of the stored picture lead.
MATRICES: dict[tuple[float, float, float, float], Callable[[Pixels], Pixels]] = {
    (1, 0, 0, 1): lambda image: image,
    (-1, 0, 0, 1): np.fliplr,
    (1, 0, 0, -1): np.flipud,
    (-1, 0, 0, -1): lambda image: np.rot90(image, 2),
    (0, 1, -1, 0): lambda image: np.rot90(image, 3),
    (0, -1, 1, 0): lambda image: np.rot90(image, 1),
    (0, 1, 1, 0): lambda image: image.transpose(1, 0, 2),
    (0, -1, -1, 0): lambda image: np.rot90(image.transpose(1, 0, 2), 2),
    # Nearly upright, and nearly a quarter turn.
    (0.98, 0.17, -0.17, 0.98): lambda image: image,
    (0.17, 0.98, -0.98, 0.17): lambda image: np.rot90(image, 3),
    (0, 0, 0, 0): lambda image: image,
}


def with_matrix(path: Path, entries: tuple[float, float, float, float]) -> Path:
    content = bytearray(path.read_bytes())
    at = content.index(b"tkhd") + 4 + _MATRIX_AT
    xx, xy, yx, yy = (round(entry * 65536) for entry in entries)
    content[at : at + 36] = struct.pack(">9i", xx, xy, 0, yx, yy, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


def first(path: Path) -> tuple[VideoSource, Pixels]:
    source = VideoSource(path)
    image = next(iter(source)).image
    source.close()
    return source, image


@pytest.mark.parametrize("entries", MATRICES, ids=str)
def test_turned_and_mirrored_as_the_file_asks(
    tmp_path: Path, clip: WriteClip, entries: tuple[float, float, float, float]
) -> None:
    _, plain = first(clip(tmp_path / "plain.mp4", count=1))
    path = clip(tmp_path / "a.mp4", count=1)
    source, image = first(with_matrix(path, entries))
    np.testing.assert_array_equal(image, MATRICES[entries](plain))
    assert (source.info.width, source.info.height) == image.shape[1::-1]


@pytest.mark.parametrize("turned", [False, True])
def test_shape_of_pixels_is_told_and_they_stay_as_they_are(
    tmp_path: Path, clip: WriteClip, *, turned: bool
) -> None:
    def stretch(stream: object) -> None:
        context = getattr(stream, "codec_context")  # noqa: B009
        context.sample_aspect_ratio = Fraction(64, 45)

    path = clip(tmp_path / "a.mp4", count=1, setup=stretch)
    if turned:
        with_matrix(path, (0, 1, -1, 0))
    source, image = first(path)
    assert image.shape == ((96, 64, 3) if turned else (64, 96, 3))
    assert source.info.pixel_aspect == (Fraction(45, 64) if turned else Fraction(64, 45))
