"""Interlaced pictures are made whole; all others pass as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.filter import Graph
from numpy.typing import NDArray

from pipeline.sources.deinterlace import deinterlaced
from pipeline.sources.video import VideoSource

WIDTH, HEIGHT = 192, 128


def field(half: int) -> NDArray[np.uint8]:
    """A bright bar that moves by 4 pixels from field to field."""
    picture = np.full((HEIGHT, WIDTH), 40, np.uint8)
    picture[:, 16 + 4 * half : 48 + 4 * half] = 200
    return picture


def woven(count: int, *, marked: bool = True) -> Iterator[av.VideoFrame]:
    """Pictures of two fields each, the upper first, marked as such."""
    graph = Graph()
    size = f"{WIDTH}x{HEIGHT}"
    source = graph.add("buffer", video_size=size, pix_fmt="yuv420p", time_base="1/25")
    mark = graph.add("setfield", "tff" if marked else "prog")
    sink = graph.add("buffersink")
    graph.link_nodes(source, mark, sink).configure()
    for index in range(count):
        luma = field(2 * index)
        luma[1::2] = field(2 * index + 1)[1::2]
        planes = np.concatenate([luma, np.full((HEIGHT // 2, WIDTH), 128, np.uint8)])
        picture = av.VideoFrame.from_ndarray(planes, "yuv420p")
        picture.pts, picture.time_base = 100 + 7 * index, Fraction(1, 25)
        source.push(picture)
        done = sink.pull()
        assert isinstance(done, av.VideoFrame)
        yield done


def combing(luma: NDArray[np.uint8]) -> float:
    """How much the lines of one parity differ from the mean of their neighbours."""
    lines = luma.astype(float)
    return float(np.abs(lines[1:-1] - (lines[:-2] + lines[2:]) / 2)[2:-2].mean())


def luma_of(picture: av.VideoFrame) -> NDArray[np.uint8]:
    return picture.to_ndarray()[:HEIGHT].astype(np.uint8)


def test_one_for_one_at_their_own_times() -> None:
    given = list(woven(6))
    found = list(deinterlaced(given))
    assert [picture.pts for picture in found] == [100, 107, 114, 121, 128, 135]
    assert not any(picture.interlaced_frame for picture in found)
    for index, picture in enumerate(found):
        assert combing(luma_of(given[index])) > 3
        assert combing(luma_of(picture)) < 0.5
        # The upper field stays where it was.
        np.testing.assert_array_equal(luma_of(picture)[::2], field(2 * index)[::2])


def test_progressive_pictures_pass_at_once() -> None:
    pictures = list(woven(3, marked=False))
    assert all(a is b for a, b in zip(deinterlaced(pictures), pictures, strict=True))


def test_a_change_of_size_or_format_loses_nothing() -> None:
    tiny = av.VideoFrame(8, 4, "yuv420p")
    tiny.pts = 3
    wide = [picture.reformat(format="yuv422p") for picture in woven(2)]
    given = [*woven(2), tiny, *woven(2), *wide, *woven(2, marked=False)]
    found = list(deinterlaced(given))
    assert [(one.width, one.format.name) for one in found] == [
        (one.width, one.format.name) for one in given
    ]
    assert [one.pts for one in found] == [100, 107, 3, *[100, 107] * 3]


@pytest.mark.parametrize(("name", "codec"), [("a.ts", "mpeg2video"), ("a.mkv", "ffv1")])
def test_through_a_file(tmp_path: Path, clip: Callable[..., Path], name: str, codec: str) -> None:
    def interlace(stream: Any) -> None:
        flags = av.codec.context.Flags
        stream.codec_context.flags |= int(flags.interlaced_dct | flags.interlaced_me)

    frames = list(woven(8))
    for index, frame in enumerate(frames):
        frame.pts = index
    options = {"qmin": "1", "qmax": "2"} if codec == "mpeg2video" else {}
    path = clip(
        tmp_path / name,
        codec=codec,
        options=options,
        frames=frames,
        size_wh=(WIDTH, HEIGHT),
        rate=Fraction(25),
        setup=interlace,
    )
    source = VideoSource(path)
    images = [frame.image for frame in source]
    source.close()
    assert len(images) == 8
    assert source.lost == []
    assert all(combing(image[..., 1]) < 1.5 for image in images)
