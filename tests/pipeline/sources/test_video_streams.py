"""Which stream of a file is taken, sizes that change, and who owns the pixels."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition
from numpy.typing import NDArray

from pipeline.sources.decoder import Decoder
from pipeline.sources.losses import Losses
from pipeline.sources.video import VideoSource

WriteClip = Callable[..., Path]
NumberOf = Callable[[NDArray[np.uint8]], int]


def read(path: str | Path, **options: Any) -> tuple[VideoSource, list[Any]]:
    source = VideoSource(path, **options)
    frames = list(source)
    source.close()
    return source, frames


def write_two_streams(path: Path, first: dict[str, Any], second: dict[str, Any]) -> Path:
    with av.open(str(path), "w") as out:
        streams: list[Any] = []
        for wanted in (first, second):
            stream: Any = out.add_stream(wanted["codec"], rate=10)
            stream.width, stream.height = wanted["size_wh"]
            stream.pix_fmt = wanted["pixel_format"]
            stream.disposition = wanted["disposition"]
            streams.append(stream)
        for stream, wanted in zip(streams, (first, second), strict=True):
            for _ in range(wanted["count"]):
                frame = av.VideoFrame(stream.width, stream.height, wanted["pixel_format"])
                for plane in frame.planes:
                    plane.update(bytes(plane.buffer_size))
                out.mux(stream.encode(frame))
            out.mux(stream.encode(None))
    return path


FLIGHT = {
    "codec": "libx264",
    "size_wh": (96, 64),
    "pixel_format": "yuv420p",
    "disposition": Disposition.default,
    "count": 5,
}


def test_cover_art_before_the_video_is_passed_over(tmp_path: Path) -> None:
    cover = {
        "codec": "png",
        "size_wh": (640, 480),
        "pixel_format": "rgb24",
        "disposition": Disposition.attached_pic,
        "count": 1,
    }
    path = write_two_streams(tmp_path / "a.mp4", cover, FLIGHT)
    with av.open(str(path)) as container:
        pictures = [stream.disposition for stream in container.streams.video]
    assert any(picture & Disposition.attached_pic for picture in pictures)
    source, frames = read(path)
    assert (source.info.width, source.info.height, len(frames)) == (96, 64, 5)


def test_default_stream_is_taken_before_a_larger_one(tmp_path: Path) -> None:
    other = FLIGHT | {"size_wh": (320, 240), "disposition": Disposition(0)}
    source, frames = read(write_two_streams(tmp_path / "a.mkv", other, FLIGHT))
    assert (source.info.width, len(frames)) == (96, 5)


def test_largest_of_equal_streams_is_taken(tmp_path: Path) -> None:
    small = FLIGHT | {"size_wh": (48, 32)}
    source, _ = read(write_two_streams(tmp_path / "a.mkv", small, FLIGHT))
    assert source.info.width == 96


def test_size_that_changes_is_scaled_to_the_first(
    tmp_path: Path, clip: WriteClip, number: NumberOf
) -> None:
    sizes = [(96, 64), (192, 128), (48, 64)]
    parts = [clip(tmp_path / f"{w}.h264", size_wh=(w, h), count=4) for w, h in sizes]
    path = tmp_path / "joined.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    source, frames = read(path)
    assert {frame.image.shape for frame in frames} == {(64, 96, 3)}
    assert [number(frame.image) for frame in frames] == [0, 1, 2, 3] * 3
    assert source.lost[:2] == [
        "scaled from 192x128 to the first frame's size: 4 frames, first at 0.133 s",
        "scaled from 48x64 to the first frame's size: 4 frames, first at 0.267 s",
    ]


def test_joined_recordings_with_the_same_times(
    tmp_path: Path, clip: WriteClip, number: NumberOf
) -> None:
    sizes = [(96, 64), (192, 128), (96, 64)]
    parts = [clip(tmp_path / f"{at}.ts", size_wh=wh, count=20) for at, wh in enumerate(sizes)]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    source, frames = read(path)
    assert [number(frame.image) for frame in frames] == [*range(20)] * 3
    steps = np.diff([frame.time_s for frame in frames])
    # The first of a part cannot be told from a frame with a wrong time.
    assert (steps > 0).all()
    assert sorted(steps)[2:] == pytest.approx([1 / 30] * 57, abs=1e-4)
    assert len(source.lost) == 2
    assert source.lost[0].startswith("scaled from 192x128 to the first frame's size: 20 frames")
    assert source.lost[1] == "times missing, repeated or jumping: 4, made to grow"


class Stumbling:
    """PyAV's container of a file in which more streams begin, on a bad day."""

    def __init__(self, opened: Any) -> None:
        self._opened = opened

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)

    def demux(self, stream: Any) -> Iterator[Any]:
        yield from (packet for packet in self._opened.demux(stream) if packet.size)
        raise IndexError("list index out of range")


def test_streams_that_begin_within_the_file_do_no_harm(tmp_path: Path, clip: WriteClip) -> None:
    losses = Losses()
    with av.open(str(clip(tmp_path / "a.ts"))) as opened:
        container: Any = Stumbling(opened)
        assert len(list(Decoder(container, opened.streams.video[0], losses))) == 20
    assert losses.lines() == []


@pytest.mark.parametrize(
    ("codec", "pixel_format"), [("libx264", "yuv420p"), ("png", "rgb24"), ("qtrle", "rgb24")]
)
@pytest.mark.parametrize("width", [96, 128])
def test_frames_keep_their_memory(
    tmp_path: Path, clip: WriteClip, codec: str, pixel_format: str, width: int
) -> None:
    path = clip(
        tmp_path / "a.mov", codec=codec, options={}, pixel_format=pixel_format, size_wh=(width, 64)
    )
    source = VideoSource(path)
    held, copies = [], []
    for frame in source:
        held.append(frame.image)
        copies.append(frame.image.copy())
    source.close()
    del source
    gc.collect()
    for image, copy in zip(held, copies, strict=True):
        np.testing.assert_array_equal(image, copy)
    # A change of one frame is seen in no other one, nor by the decoder.
    for image in held:
        image[:] = 7
        assert sum(int((other == 7).all()) for other in held) == 1
        image[:] = 9
    source = VideoSource(path)
    for index, frame in enumerate(source):
        np.testing.assert_array_equal(frame.image, copies[index])
        frame.image[:] = 7
    source.close()


def test_pixels_equal_those_of_opencv(tmp_path: Path, clip: WriteClip) -> None:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
    noise = cv2.resize(coarse, (192, 144)).astype(np.uint8)
    pictures = [
        av.VideoFrame.from_ndarray(np.roll(noise, 3 * step, 1), "rgb24").reformat(format="yuv420p")
        for step in range(8)
    ]
    path = clip(tmp_path / "a.mp4", frames=pictures, size_wh=(192, 144))
    _, frames = read(path)
    capture = cv2.VideoCapture(str(path))
    for frame in frames:
        good, picture = capture.read()
        assert good
        difference = frame.image.astype(int) - picture[..., ::-1]
        assert np.abs(difference).max() <= 2
    assert not capture.read()[0]
    capture.release()
