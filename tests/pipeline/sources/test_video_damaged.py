"""Damaged and unusable videos: the rest is given, the loss is told, and nothing hangs."""

from __future__ import annotations

import logging
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.sources import container
from pipeline.sources.video import VideoSource

WriteClip = Callable[..., Path]
NumberOf = Callable[[NDArray[np.uint8]], int]

COUNT = 60


@pytest.fixture(scope="module")
def pictures() -> list[av.VideoFrame]:
    """A moving texture, so that each packet has a size worth damaging."""
    rng = np.random.default_rng(1)
    wide = rng.integers(0, 256, (144 // 4, 4 * COUNT, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    return [
        av.VideoFrame.from_ndarray(
            np.ascontiguousarray(wide[:, 4 * step : 4 * step + 192]), "rgb24"
        ).reformat(format="yuv420p")
        for step in range(COUNT)
    ]


@pytest.fixture
def textured(clip: WriteClip, pictures: list[av.VideoFrame]) -> Callable[..., Path]:
    def write(path: Path, **wanted: Any) -> Path:
        for index, picture in enumerate(pictures):
            picture.pts = index
            picture.time_base = Fraction(1, 30)
        options = {"g": "6", "crf": "20", **wanted.pop("options", {})}
        return clip(path, frames=pictures, size_wh=(192, 144), options=options, **wanted)

    return write


def cut(path: Path, part: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
    return path


def read(path: Path) -> tuple[int, list[str]]:
    source = VideoSource(path)
    last = None
    count = 0
    for frame in source:
        assert frame.index == count
        assert last is None or frame.pts > last
        last = frame.pts
        count += 1
    source.close()
    return count, source.lost


def atoms(content: bytes) -> list[tuple[int, bytes, int]]:
    found, start = [], 0
    while start + 8 <= len(content):
        size = int.from_bytes(content[start : start + 4], "big")
        found.append((start, content[start + 4 : start + 8], size))
        start += size
    return found


FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


def test_fragmented_mp4_cut_anywhere(tmp_path: Path, textured: WriteClip) -> None:
    content = textured(
        tmp_path / "whole.mp4", container_options=FRAGMENTED, options={"bf": "0"}
    ).read_bytes()
    path = tmp_path / "a.mp4"
    boxes = atoms(content)
    ends = [start + size for start, kind, size in boxes if kind == b"mdat"]
    for length in range(ends[0], ends[-1], (ends[-1] - ends[0]) // 40):
        path.write_bytes(content[:length])
        count, lost = read(path)
        assert count >= 6 * sum(end <= length for end in ends)
        on_border = length in {start for start, _, _ in boxes}
        assert ("cut off or damaged: the file ends within a fragment" in lost) != on_border


@pytest.mark.parametrize("inside", [b"moof", b"mdat"])
def test_cut_fragmented_mp4(tmp_path: Path, textured: WriteClip, inside: bytes) -> None:
    path = textured(tmp_path / "a.mp4", container_options=FRAGMENTED, options={"bf": "0"})
    content = path.read_bytes()
    starts = [(start, size) for start, kind, size in atoms(content) if kind == inside]
    start, size = starts[4]
    path.write_bytes(content[: start + size // 2])
    count, lost = read(path)
    assert "cut off or damaged: the file ends within a fragment" in lost
    if inside == b"moof":
        assert count == 4 * 6
    else:
        assert 4 * 6 <= count < 5 * 6
        assert lost[0].startswith("not decoded: 1 frame, first at ")


def test_cut_mp4_with_index_in_front(tmp_path: Path, textured: WriteClip) -> None:
    path = textured(tmp_path / "a.mp4", container_options={"movflags": "faststart"})
    count, lost = read(cut(path, 0.6))
    assert 20 < count < 50
    assert lost[0].startswith("not decoded: 1 frame, first at ")
    assert lost[1] == (
        f"cut off or damaged: {COUNT - count - 1} of the 60 frames that the file states "
        "are not in it"
    )


def test_cut_mkv(tmp_path: Path, textured: WriteClip) -> None:
    count, lost = read(cut(textured(tmp_path / "a.mkv"), 0.6))
    assert 20 < count < 50
    (line,) = lost
    assert line.startswith("cut off or damaged: the file states 2.000 s, its frames end at ")
    assert float(line.split()[-2]) == pytest.approx(count / 30, abs=0.15)


@pytest.mark.parametrize("name", ["a.avi", "a.ts", "a.h264"])
def test_cut_others(tmp_path: Path, textured: WriteClip, name: str) -> None:
    count, _ = read(cut(textured(tmp_path / name), 0.6))
    assert 20 < count < 50


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("a.mp4", {}),
        ("a.mkv", {}),
        ("a.ts", {}),
        ("a.avi", {}),
        ("a.mp4", {"codec": "mpeg4"}),
        ("a.mp4", {"codec": "libx265", "options": {"x265-params": "log-level=none:keyint=6"}}),
        ("a.webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}),
        ("a.mkv", {"codec": "ffv1"}),
    ],
    ids=lambda value: value if isinstance(value, str) else value.get("codec", "x264"),
)
def test_corrupt_bytes_in_the_middle(
    tmp_path: Path, textured: WriteClip, name: str, wanted: dict[str, Any]
) -> None:
    path = textured(tmp_path / name, **wanted)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = np.random.default_rng(2).bytes(400)
    path.write_bytes(content)
    count, lost = read(path)
    assert count >= COUNT // 3
    # Arithmetic-coded pixels decode to something even from noise; missing frames are told.
    assert lost or count == COUNT


def test_lost_packets_are_counted_exactly(
    tmp_path: Path, clip: WriteClip, number: NumberOf
) -> None:
    path = clip(tmp_path / "a.mov", codec="png", options={}, pixel_format="rgb24")
    content = bytearray(path.read_bytes())
    signature = b"\x89PNG\r\n\x1a\n"
    starts = [i for i in range(len(content)) if content.startswith(signature, i)]
    assert len(starts) == 20
    for lost in (4, 5, 11):
        content[starts[lost] : starts[lost] + 8] = bytes(8)
    path.write_bytes(content)
    source = VideoSource(path)
    frames = list(source)
    source.close()
    left = [index for index in range(20) if index not in (4, 5, 11)]
    assert [number(frame.image) for frame in frames] == left
    assert [round(frame.time_s * 30) for frame in frames] == left
    assert [frame.index for frame in frames] == list(range(17))
    assert source.lost == ["not decoded: 3 frames, first at 0.133 s"]


def test_stream_that_starts_between_key_frames(tmp_path: Path, textured: WriteClip) -> None:
    whole = textured(tmp_path / "whole.mkv", options={"bf": "0"})
    path = tmp_path / "a.mkv"
    with av.open(str(whole)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for index, packet in enumerate(source.demux(video=0)):
            if packet.dts is not None and index >= 3:
                packet.stream = stream
                out.mux(packet)
    count, _ = read(path)
    assert count >= COUNT - 6


UNUSABLE = {
    "empty.mp4": (b"", "the file is empty"),
    "text.mp4": (b"not a video at all\n" * 40, "not a video that can be read"),
    "noise.mp4": (np.random.default_rng(0).bytes(5000), "not a video that can be read"),
    "short.mkv": (b"\x1aE\xdf\xa3", "not a video that can be read"),
    "list.mp4": (b"ffconcat version 1.0\nfile other.mp4\n", "not a video that can be read"),
    "notes.txt": (b"some words\n" * 40, "is a text file"),
    "titles.mp4": (b"1\n00:00:00,000 --> 00:00:01,000\nhi\n\n" * 20, "no video in this file"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_unusable_files(tmp_path: Path, name: str) -> None:
    content, reason = UNUSABLE[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        VideoSource(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert reason in message
    assert "\n" not in message


def test_no_moov(tmp_path: Path, textured: WriteClip) -> None:
    path = cut(textured(tmp_path / "a.mp4"), 0.9)
    with pytest.raises(InputError, match=r"a\.mp4: the index \(moov\).*repair"):
        VideoSource(path)


def test_audio_only(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", rate=48000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        sound.sample_rate = 48000
        out.mux(stream.encode(sound))
        out.mux(stream.encode(None))
    with pytest.raises(InputError, match=r"no video in this file, only audio"):
        VideoSource(path)


def test_video_without_any_frame(tmp_path: Path, clip: WriteClip) -> None:
    path = clip(tmp_path / "a.mkv", codec="ffv1", options={}, count=1)
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as opened:
        (packet, *_) = opened.demux(video=0)
        data = bytes(packet)
    at = content.find(data)
    content[at : at + len(data)] = bytes(len(data))
    path.write_bytes(content)
    with pytest.raises(InputError, match="no frame can be decoded"):
        VideoSource(path)


def test_pictures_beyond_the_limit_are_refused(
    tmp_path: Path, clip: WriteClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = clip(tmp_path / "a.mp4")
    monkeypatch.setattr(container, "MAX_PIXELS", 96 * 64 - 1)
    with pytest.raises(InputError, match="96x64 are larger than"):
        VideoSource(path)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_any_damage_ends_in_frames_or_one_clear_line(
    tmp_path: Path, clip: WriteClip, data: st.DataObject
) -> None:
    logging.getLogger("libav").setLevel(logging.CRITICAL)
    name = data.draw(st.sampled_from(["a.mp4", "a.mkv", "a.ts", "a.avi", "a.h264"]))
    whole = tmp_path / f"whole_{name}"
    if not whole.exists():
        clip(whole, container_options={"movflags": "faststart"} if name == "a.mp4" else {})
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        patch = data.draw(st.binary(min_size=1, max_size=30))
        content[at : at + len(patch)] = patch
    length = data.draw(st.integers(0, len(content)))
    path = tmp_path / name
    path.write_bytes(content[: max(length, len(content) // 2)])
    try:
        count, _ = read(path)
    except InputError as error:
        assert str(error).startswith(f"{path}: ")  # noqa: PT017
    else:
        assert 0 < count <= 40
