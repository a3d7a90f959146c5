"""Damaged and unusable videos: the rest is given, the loss is told, and nothing hangs."""

from __future__ import annotations

import logging
import resource
from collections.abc import Callable
from contextlib import suppress
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


def remuxed(source: Path, path: Path, change: Callable[[int, av.Packet[Any]], bool]) -> Path:
    """The packets for which `change` is true, which may also change them."""
    with av.open(str(source)) as given, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(given.streams.video[0])
        for index, packet in enumerate(given.demux(video=0)):
            if packet.dts is not None and change(index, packet):
                packet.stream = stream
                out.mux(packet)
    return path


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts", "a.flv"])
def test_packets_left_out_are_counted(tmp_path: Path, clip: WriteClip, name: str) -> None:
    options = {"bf": "0", "g": "1"}
    whole = clip(tmp_path / f"whole_{name}", count=40, options=options)
    left_out = (11, 12, 13, 30)
    path = remuxed(whole, tmp_path / name, lambda index, _: index not in left_out)
    count, lost = read(path)
    assert count == 36
    (line,) = lost
    assert line.startswith("missing: 4 frames in 2 places, first after ")
    assert float(line.split()[-2]) == pytest.approx(10 / 30, abs=0.1)


def test_a_clock_that_leaps_ahead_does_not_stretch_the_video(
    tmp_path: Path, clip: WriteClip
) -> None:
    def leap(index: int, packet: av.Packet[Any]) -> bool:
        if index >= 10 and packet.pts is not None and packet.dts is not None:
            packet.pts += 10**6 * 512
            packet.dts += 10**6 * 512
        return True

    whole = clip(tmp_path / "whole.mkv", options={"bf": "0"})
    source = VideoSource(remuxed(whole, tmp_path / "a.mkv", leap))
    times = [frame.time_s for frame in source]
    source.close()
    np.testing.assert_allclose(np.diff(times), 1 / 30, atol=0.0015)
    assert len(times) == 20
    assert source.lost == ["times missing, repeated or jumping: 1, made to grow"]


def test_transport_stream_whose_clock_wraps(tmp_path: Path, clip: WriteClip) -> None:
    # 33 bits of a 90 kHz clock last for 95443.7 s.
    path = clip(tmp_path / "a.ts", container_options={"output_ts_offset": "95442"}, count=60)
    source = VideoSource(path)
    times = [frame.time_s for frame in source]
    source.close()
    np.testing.assert_allclose(np.diff(times), 1 / 30, atol=1e-4)
    assert len(times) == 60
    assert source.lost == []


def test_transport_stream_cut_within_a_packet(tmp_path: Path, textured: WriteClip) -> None:
    path = textured(tmp_path / "a.ts")
    content = path.read_bytes()
    assert len(content) % 188 == 0
    path.write_bytes(content[: len(content) // 2 // 188 * 188 + 100])
    assert "cut off or damaged: the file ends within a packet" in read(path)[1]


def test_avi_without_index(tmp_path: Path, textured: WriteClip) -> None:
    path = textured(tmp_path / "a.avi", options={"bf": "0"})
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"idx1")])
    assert read(path) == (COUNT, [])


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
def test_no_frames_at_all(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        out.start_encoding()
    assert path.stat().st_size > 0
    with pytest.raises(InputError, match=r"a\..*: (no frame|no video|not a video)") as caught:
        VideoSource(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_damaged_first_picture_does_not_set_the_size(tmp_path: Path, textured: WriteClip) -> None:
    path = textured(tmp_path / "a.ts", codec="mpeg2video", options={"g": "12", "bf": "0"})
    content = bytearray(path.read_bytes())
    at = content.index(b"\0\0\1\xb3") + 4  # sequence header: width and height, 12 bits each
    assert content[at : at + 3] == bytes.fromhex("0c0090")
    content[at : at + 3] = bytes.fromhex("400200")
    path.write_bytes(content)
    source = VideoSource(path)
    count = sum(frame.image.shape == (144, 192, 3) for frame in source)
    source.close()
    assert (source.info.width, source.info.height) == (192, 144)
    assert count >= COUNT - 13
    assert any(line.startswith("scaled from 1024x512 to ") for line in source.lost)


def test_stated_counts_take_no_memory(tmp_path: Path, clip: WriteClip) -> None:
    path = clip(tmp_path / "a.mp4", container_options=FRAGMENTED)
    content = bytearray(path.read_bytes())
    for kind, count_at in ((b"trun", 8), (b"stsz", 12)):
        at = content.index(kind) + count_at
        content[at : at + 4] = (150_000_000).to_bytes(4, "big")
    path.write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with suppress(InputError):
        read(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


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
    name = data.draw(
        st.sampled_from(["a.mp4", "a.mov", "a.mkv", "a.ts", "a.avi", "a.flv", "a.nut", "a.h264"])
    )
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
