"""Counts, times, order, rotation and names of whole video files."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.sources.video import VideoSource

WriteClip = Callable[..., Path]
NumberOf = Callable[[NDArray[np.uint8]], int]

SILENT = {"x265-params": "log-level=none:keyint=5"}
FAST_VP9 = {"deadline": "realtime", "cpu-used": "8"}


def read(path: str | Path, **options: Any) -> tuple[VideoSource, list[Any]]:
    source = VideoSource(path, **options)
    frames = list(source)
    source.close()
    return source, frames


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.mp4", {}),
        ("a.mov", {}),
        ("a.mkv", {}),
        ("a.ts", {}),
        ("a.avi", {}),  # B-frames, which AVI numbers in decoding order
        ("a.mp4", {"codec": "libx265", "options": SILENT}),
        ("a.mp4", {"codec": "libx265", "options": SILENT, "pixel_format": "yuv420p10le"}),
        ("a.mp4", {"pixel_format": "yuv444p"}),
        ("a.webm", {"codec": "libvpx-vp9", "options": FAST_VP9}),
        ("a.webm", {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "9"}}),
        ("a.mp4", {"codec": "mpeg4", "options": {"bf": "2"}}),
        ("a.avi", {"codec": "mpeg4", "options": {}}),
        ("a.avi", {"codec": "mjpeg", "options": {}, "pixel_format": "yuvj420p"}),
        ("a.mkv", {"codec": "ffv1", "options": {}, "pixel_format": "gray"}),
        ("a.mkv", {"codec": "ffv1", "options": {}, "pixel_format": "gray10le"}),
        ("a.mkv", {"codec": "ffv1", "options": {}, "pixel_format": "yuva420p"}),
        ("a.mkv", {"codec": "ffv1", "options": {}, "pixel_format": "bgra"}),
        ("a.mov", {"codec": "png", "options": {}, "pixel_format": "rgb24"}),
        ("a.mov", {"codec": "qtrle", "options": {}, "pixel_format": "rgb24"}),
        ("a.avi", {"codec": "rawvideo", "options": {}, "pixel_format": "bgr24"}),
        ("a.mkv", {"codec": "libx264rgb", "pixel_format": "rgb24"}),
    ],
    ids=lambda value: value if isinstance(value, str) else value.get("codec", "") or "x264",
)
def test_every_frame_comes_once_in_order_at_its_time(
    tmp_path: Path, clip: WriteClip, number: NumberOf, name: str, wanted: dict[str, Any]
) -> None:
    source, frames = read(clip(tmp_path / name, **wanted))
    assert [number(frame.image) for frame in frames] == list(range(20))
    assert [frame.index for frame in frames] == list(range(20))
    first = frames[0].time_s
    times = [frame.time_s - first for frame in frames]
    np.testing.assert_allclose(times, np.arange(20) / 30, atol=0.00051)  # Matroska: whole ms
    assert source.lost == []
    assert (source.info.width, source.info.height) == (96, 64)
    assert source.info.frame_rate == 30


def test_av1_where_the_wheel_encodes_it(tmp_path: Path, clip: WriteClip, number: NumberOf) -> None:
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("this PyAV has no SVT-AV1")
    path = clip(tmp_path / "a.mp4", codec="libsvtav1", options={"preset": "12"}, count=6)
    source, frames = read(path)
    assert [number(frame.image) for frame in frames] == list(range(6))
    assert source.lost == []


def test_ntsc_times_are_exact(tmp_path: Path, clip: WriteClip) -> None:
    source, frames = read(clip(tmp_path / "a.mp4", rate=Fraction(30000, 1001)))
    assert source.info.frame_rate == Fraction(30000, 1001)
    assert source.info.frame_count == 20
    assert [frame.pts * frame.time_base for frame in frames] == [
        Fraction(1001 * index, 30000) for index in range(20)
    ]


def test_variable_rate_keeps_its_times(tmp_path: Path, clip: WriteClip) -> None:
    times_ms = [0, 33, 70, 71, 200, 233, 900, 901, 905, 2000]
    for name in ("a.mp4", "a.mkv"):
        path = clip(tmp_path / name, times_ms=times_ms, count=10, options={"bf": "0"})
        source, frames = read(path)
        assert [round(frame.time_s * 1000, 6) for frame in frames] == times_ms
        assert source.lost == []


def test_start_offset_is_kept(tmp_path: Path, clip: WriteClip) -> None:
    times_ms = [500 + 40 * index for index in range(20)]
    _, frames = read(clip(tmp_path / "a.mkv", times_ms=times_ms, options={"bf": "3"}))
    assert [round(frame.time_s * 1000) for frame in frames] == times_ms


def test_container_without_count_states_none(tmp_path: Path, clip: WriteClip) -> None:
    assert read(clip(tmp_path / "a.mkv"))[0].info.frame_count is None
    assert read(clip(tmp_path / "a.mp4"))[0].info.frame_count == 20


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
def test_raw_stream_is_timed_by_its_nominal_rate(
    tmp_path: Path, clip: WriteClip, number: NumberOf, codec: str
) -> None:
    options = SILENT if codec == "libx265" else {"bf": "2"}
    name = "a.h265" if codec == "libx265" else "a.h264"
    source, frames = read(clip(tmp_path / name, codec=codec, options=options, rate=Fraction(50)))
    assert [number(frame.image) for frame in frames] == list(range(20))
    assert [frame.pts * frame.time_base for frame in frames] == [
        Fraction(index, 50) for index in range(20)
    ]
    assert source.lost == ["no times in the file: frames are timed at 50 per second"]


@pytest.mark.parametrize(("degrees", "turns"), [(0, 0), (90, 1), (180, 2), (-180, 2), (-90, 3)])
@pytest.mark.parametrize("size_wh", [(96, 64), (98, 50)])
def test_rotation_is_applied(
    tmp_path: Path, clip: WriteClip, degrees: int, turns: int, size_wh: tuple[int, int]
) -> None:
    def turn(stream: Any) -> None:
        if degrees:
            stream.set_display_rotation(degrees)

    plain = read(clip(tmp_path / "plain.mp4", size_wh=size_wh, count=3))[1]
    source, turned = read(clip(tmp_path / "turned.mp4", size_wh=size_wh, count=3, setup=turn))
    for before, after in zip(plain, turned, strict=True):
        np.testing.assert_array_equal(after.image, np.rot90(before.image, turns))
        assert after.image.flags.c_contiguous
    assert (source.info.width, source.info.height) == turned[0].image.shape[1::-1]


@pytest.mark.parametrize("size_wh", [(97, 65), (33, 47), (2, 2), (1100, 72), (1, 1)])
def test_odd_sizes(tmp_path: Path, clip: WriteClip, size_wh: tuple[int, int]) -> None:
    path = clip(
        tmp_path / "a.mkv", codec="ffv1", options={}, size_wh=size_wh, count=2, pixel_format="gray"
    )
    source, frames = read(path)
    assert frames[0].image.shape == (size_wh[1], size_wh[0], 3)
    assert (source.info.width, source.info.height) == size_wh


def test_odd_size_in_h264(tmp_path: Path, clip: WriteClip, number: NumberOf) -> None:
    path = clip(tmp_path / "a.mp4", size_wh=(97, 65), pixel_format="yuv444p")
    assert [number(frame.image) for frame in read(path)[1]] == list(range(20))


def test_single_frame(tmp_path: Path, clip: WriteClip) -> None:
    source, frames = read(clip(tmp_path / "a.mp4", count=1))
    assert len(frames) == 1
    assert source.lost == []


@pytest.mark.parametrize(("limit", "given"), [(0, 0), (1, 1), (7, 7), (100, 20), (None, 20)])
def test_max_frames(tmp_path: Path, clip: WriteClip, limit: int | None, given: int) -> None:
    source, frames = read(clip(tmp_path / "a.mp4"), max_frames=limit)
    assert len(frames) == given
    assert source.lost == []


@pytest.mark.parametrize(
    "name",
    ["a:b.mp4", "with space.mp4", "--help.mp4", "two\nlines.mp4",
     "it's \"q\".mp4", "Flüge 飛行.mp4", "-i.mp4", "100%d.mp4",
     "http:.mp4", "[1].mp4", "no_ending"],
)  # fmt: skip
def test_odd_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: WriteClip, name: str
) -> None:
    clip(tmp_path / "plain.mp4", count=2).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for path in (name, tmp_path / name):
        source, frames = read(path)
        assert len(frames) == 2
        assert source.name == Path(name).stem.replace("\n", "_")
        assert source.info.path == str(path)


def test_name_that_is_not_utf8(tmp_path: Path, clip: WriteClip) -> None:
    name = b"\xff\xfe.mp4".decode(errors="surrogateescape")
    path = tmp_path / name
    try:
        clip(tmp_path / "plain.mp4", count=2).rename(path)
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    assert len(read(path)[1]) == 2


def test_closed_source_gives_nothing_more(tmp_path: Path, clip: WriteClip) -> None:
    source = VideoSource(clip(tmp_path / "a.mp4"))
    frames = iter(source)
    next(frames)
    source.close()
    source.close()
    assert list(frames) == []
    assert list(source) == []
    assert source.lost == []
    assert source.info.frame_count == 20


def test_frames_come_once(tmp_path: Path, clip: WriteClip) -> None:
    source = VideoSource(clip(tmp_path / "a.mp4"))
    assert len(list(source)) == 20
    assert list(source) == []
    source.close()


@pytest.mark.parametrize("name", ["missing.mp4", "folder"])
def test_no_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=name):
        VideoSource(tmp_path / name)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "count", "size_wh", "rate"),
    [
        ("car_park_1100x720_24fps.mp4", 175, (1100, 720), Fraction(24)),
        ("drone_people1_1280x720_30fps.mp4", 297, (1280, 720), Fraction(30)),
        ("highway_bridge_1280x720_29.97fps.mp4", 716, (1280, 720), Fraction(30000, 1001)),
        ("uav_car10_1280x720_10fps.mp4", 300, (1280, 720), Fraction(10)),
        ("uav_car14_1280x720_10fps.mp4", 443, (1280, 720), Fraction(10)),
    ],
)
def test_real_clips(
    shared_data: Path, name: str, count: int, size_wh: tuple[int, int], rate: Fraction
) -> None:
    source = VideoSource(shared_data / "clips" / name)
    last = -1
    seen = 0
    for frame in source:
        assert frame.image.shape == (size_wh[1], size_wh[0], 3)
        assert frame.pts > last
        last = frame.pts
        seen += 1
    source.close()
    assert seen == count == source.info.frame_count
    assert source.info.frame_rate == rate
    assert source.lost == []
