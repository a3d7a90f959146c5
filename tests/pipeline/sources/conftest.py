"""Clips and images that the tests of the sources write for themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

BITS = 6


def number_picture(number: int, width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """A picture that carries a number as bright bars; lossy coding does not hurt it."""
    bars = np.array([number >> bit & 1 for bit in range(BITS)], np.uint8) * 200 + 20
    line = bars[np.arange(width) * BITS // width]
    return np.repeat(np.repeat(line[None], height, 0)[..., None], 3, 2)


def number_of(picture: NDArray[np.uint8]) -> int:
    """The number that a picture carries."""
    height, width = picture.shape[:2]
    centres = (np.arange(BITS) * 2 + 1) * width // (2 * BITS)
    bits = picture[height // 2, centres].mean(axis=1) > 120
    return int((bits << np.arange(BITS)).sum())


@dataclass
class Clip:
    """What to write; `setup` may change the stream before it is opened."""

    codec: str = "libx264"
    size_wh: tuple[int, int] = (96, 64)
    count: int = 20
    rate: Fraction = Fraction(30)
    pixel_format: str = "yuv420p"
    options: dict[str, str] = field(default_factory=lambda: {"crf": "10", "g": "5"})
    container_options: dict[str, str] = field(default_factory=dict)
    times_ms: Sequence[int] | None = None
    frames: Sequence[av.VideoFrame] | None = None
    setup: Callable[[Any], None] | None = None
    format: str | None = None


def write_clip(path: Path, clip: Clip) -> Path:
    """Writes numbered pictures, or the clip's own frames, and returns the path."""
    with av.open(str(path.absolute()), "w", clip.format, options=clip.container_options) as out:
        stream: Any = out.add_stream(clip.codec, rate=clip.rate, options=clip.options)
        stream.width, stream.height = clip.size_wh
        stream.pix_fmt = clip.pixel_format
        if clip.setup is not None:
            clip.setup(stream)
        if clip.times_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index, frame in enumerate(clip.frames or _numbered(clip)):
            if clip.times_ms is not None:
                frame.pts, frame.time_base = clip.times_ms[index], Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def _numbered(clip: Clip) -> list[av.VideoFrame]:
    pictures = (number_picture(number, *clip.size_wh) for number in range(clip.count))
    return [
        av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format=clip.pixel_format)
        for picture in pictures
    ]


@pytest.fixture
def clip() -> Callable[..., Path]:
    """`clip(path, codec=..., ...)` writes a clip; the arguments are those of `Clip`."""
    return lambda path, **wanted: write_clip(path, Clip(**wanted))


@pytest.fixture
def number() -> Callable[[NDArray[np.uint8]], int]:
    """The number that a picture of a clip carries."""
    return number_of
