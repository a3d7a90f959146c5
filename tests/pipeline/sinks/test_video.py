from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace

from pipeline.errors import InputError
from pipeline.frame import Result
from pipeline.sinks import video
from pipeline.sinks.video import VideoSink

ROOT = Path(__file__).resolve().parents[3]
NAMES = ("car", "truck")
RATE = Fraction(25)

MakeResult = Callable[..., Result]


def write_all(sink: VideoSink, results: list[Result]) -> None:
    for result in results:
        sink.write(result)


def write(path: Path, results: list[Result], rate: Fraction = RATE) -> None:
    sink = VideoSink(path, frame_rate=rate, class_names=NAMES)
    write_all(sink, results)
    sink.close()
    sink.close()


def read(path: Path) -> tuple[av.video.VideoStream, list[av.VideoFrame]]:
    with av.open(path) as container:
        stream = container.streams.video[0]
        return stream, list(container.decode(stream))


def to_rgb(frame: av.VideoFrame) -> np.ndarray:
    """As a player shows a stream that is tagged BT.709, limited range."""
    return frame.reformat(
        format="rgb24",
        src_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
    ).to_ndarray()


@pytest.mark.parametrize(
    ("time_base", "times"),
    [
        (Fraction(1, 25), list(range(30))),
        (Fraction(1001, 30000), list(range(40))),
        (Fraction(1, 90_000), [0, 3003, 3004, 9009, 90_000, 360_000, 361_001]),
        (Fraction(1, 1000), [0, 17, 33, 1033, 1034, 9000]),
        (Fraction(1, 1_000_000), [0, 33_333, 66_667, 1_700_000_001]),
        (Fraction(1, 12_800), [512 * i + i % 3 for i in range(60)]),
    ],
)
def test_times_are_exact(
    tmp_path: Path, make_result: MakeResult, time_base: Fraction, times: list[int]
) -> None:
    path = tmp_path / "video.mp4"
    write(path, [make_result(i, pts=t, time_base=time_base) for i, t in enumerate(times)])
    _, frames = read(path)
    found = [Fraction(f.pts or 0) * Fraction(f.time_base or 1) for f in frames]
    assert found == [t * time_base for t in times]


def test_each_frame_shows_its_own_picture(tmp_path: Path, make_result: MakeResult) -> None:
    shades = [(37 * i) % 200 + 20 for i in range(40)]
    path = tmp_path / "video.mp4"
    write(
        path,
        [make_result(i, image=np.full((50, 66, 3), s, np.uint8)) for i, s in enumerate(shades)],
    )
    found = [float(to_rgb(frame).mean()) for frame in read(path)[1]]
    assert found == pytest.approx(shades, abs=2)


def test_times_count_from_the_first_frame(tmp_path: Path, make_result: MakeResult) -> None:
    path = tmp_path / "video.mp4"
    write(path, [make_result(i, pts=100_000 + i) for i in range(5)])
    _, frames = read(path)
    assert [f.time for f in frames] == pytest.approx([0.0, 0.04, 0.08, 0.12, 0.16], abs=1e-12)


def test_times_that_do_not_rise_lose_no_frame(tmp_path: Path, make_result: MakeResult) -> None:
    path = tmp_path / "video.mp4"
    write(path, [make_result(i, pts=t) for i, t in enumerate([0, 1, 1, 0, 5, 6])])
    _, frames = read(path)
    assert [round((f.time or 0) * 25) for f in frames] == [0, 1, 2, 3, 5, 6]


def test_colours_and_tags(tmp_path: Path, make_result: MakeResult) -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0), (0, 255, 255), (255, 0, 255)]
    colours += [(255, 255, 255), (0, 0, 0), (128, 64, 32)]
    patches = np.array(colours, np.uint8).reshape(3, 3, 3).repeat(64, axis=0).repeat(64, axis=1)
    image = np.pad(patches, ((64, 0), (0, 192), (0, 0)))
    path = tmp_path / "video.mp4"
    write(path, [make_result(i, image=image) for i in range(5)])
    stream, frames = read(path)
    codec = stream.codec_context
    assert codec.name == "h264"
    assert codec.pix_fmt == "yuv420p"
    assert (codec.colorspace, codec.color_primaries, codec.color_trc) == (1, 1, 1)
    assert codec.color_range == 1
    shown = to_rgb(frames[4])
    for row in range(3):
        for column in range(3):
            y, x = 64 * row + 96, 64 * column + 32
            patch = shown[y - 20 : y + 20, x - 20 : x + 20].astype(int)
            assert np.abs(patch - image[y, x]).max() <= 4, (row, column)


def test_annotations_are_drawn_and_the_frame_is_not_touched(
    tmp_path: Path, make_result: MakeResult
) -> None:
    image = np.full((240, 320, 3), 100, np.uint8)
    image.setflags(write=False)
    path = tmp_path / "video.mp4"
    write(path, [make_result(image=image, boxes=[[100, 100, 200, 180]])])
    shown = to_rgb(read(path)[1][0]).astype(int)
    assert np.ptp(shown[95:105, 120:180], axis=2).max() > 60
    assert np.abs(shown[200:] - 100).max() <= 4


@pytest.mark.parametrize("wh", [(65, 49), (64, 49), (65, 48), (1, 1), (321, 241)])
def test_odd_sizes_are_made_even_by_the_last_line(
    tmp_path: Path, make_result: MakeResult, wh: tuple[int, int]
) -> None:
    width, height = wh
    ramp = np.linspace(40, 200, width).astype(np.uint8)
    image = np.broadcast_to(ramp[None, :, None], (height, width, 3)).copy()
    path = tmp_path / "video.mp4"
    write(path, [make_result(i, image=image) for i in range(3)])
    frame = read(path)[1][0]
    assert (frame.width, frame.height) == (width + width % 2, height + height % 2)
    shown = to_rgb(frame)[:, -1].astype(int)
    assert np.abs(shown - image[0, -1]).max() <= 8


def test_later_frames_are_resized_to_the_first(tmp_path: Path, make_result: MakeResult) -> None:
    path = tmp_path / "video.mp4"
    shapes = [(48, 64, 3), (96, 128, 3), (30, 50, 3), (48, 64, 3)]
    images = [np.full(shape, 60 + 30 * i, np.uint8) for i, shape in enumerate(shapes)]
    write(path, [make_result(i, image=image) for i, image in enumerate(images)])
    _, frames = read(path)
    assert [(f.width, f.height) for f in frames] == [(64, 48)] * 4
    for i, frame in enumerate(frames):
        assert np.abs(to_rgb(frame).astype(int) - (60 + 30 * i)).max() <= 4


def test_a_keyframe_each_second_of_video(tmp_path: Path, make_result: MakeResult) -> None:
    path = tmp_path / "video.mp4"
    write(path, [make_result(i) for i in range(80)])
    assert [i for i, f in enumerate(read(path)[1]) if f.key_frame] == [0, 25, 50, 75]


def test_name_with_a_colon(
    tmp_path: Path, make_result: MakeResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(Path("a:b.mp4"), [make_result(0)])
    assert len(read(tmp_path / "a:b.mp4")[1]) == 1


def test_clean_close_leaves_a_plain_mp4(tmp_path: Path, make_result: MakeResult) -> None:
    path = tmp_path / "video.mp4"
    write(path, [make_result(i) for i in range(40)])
    data = path.read_bytes()
    kinds, at = [], 0
    while at < len(data):
        kinds.append(data[at + 4 : at + 8])
        at += int.from_bytes(data[at : at + 4], "big")
    assert kinds == [b"ftyp", b"free", b"mdat", b"moov"]


def test_no_frames_no_file(tmp_path: Path) -> None:
    write(tmp_path / "video.mp4", [])
    assert not (tmp_path / "video.mp4").exists()


KILLED_WRITER = """
import os, signal, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from detector.detections import Detections
from pipeline.frame import Counts, Frame, Result
from pipeline.sinks.video import VideoSink
from tracking.tracks import Tracks
sink = VideoSink(Path(sys.argv[1]), frame_rate=Fraction(25), class_names=("car",))
noise = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
for index in range(int(sys.argv[2])):
    frame = Frame(np.roll(noise, index, 1), "made-up", index, index, Fraction(1, 25))
    sink.write(Result(frame, Detections.empty(), Tracks.empty(), Counts((0,), (0,))))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("count", [10, 63])
def test_killed_writer_leaves_all_but_the_last_frames(tmp_path: Path, count: int) -> None:
    path = tmp_path / "video.mp4"
    command = [sys.executable, "-c", KILLED_WRITER, str(path), str(count)]
    done = subprocess.run(command, cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -9
    _, frames = read(path)
    assert [round((f.time or 0) * 25) for f in frames] == list(range(len(frames)))
    assert count > len(frames) >= count - video.MOST_THREADS - 1


def test_full_disk_is_one_clear_line(tmp_path: Path, make_result: MakeResult) -> None:
    path = tmp_path / "video.mp4"
    path.symlink_to("/dev/full")
    sink = VideoSink(path, frame_rate=RATE, class_names=NAMES)
    with pytest.raises(InputError, match=r"video\.mp4: cannot be written: no space left.*--output"):
        write_all(sink, [make_result(index) for index in range(100)])
    sink.close()
    sink.close()


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: cannot be written"):
        VideoSink(tmp_path / "file" / "video.mp4", frame_rate=RATE, class_names=NAMES)


def test_vanished_folder_is_one_clear_line(tmp_path: Path, make_result: MakeResult) -> None:
    folder = tmp_path / "out"
    sink = VideoSink(folder / "video.mp4", frame_rate=RATE, class_names=NAMES)
    folder.rmdir()
    with pytest.raises(InputError, match=r"video\.mp4: cannot be written: no such file"):
        sink.write(make_result())
    sink.close()


def test_file_removed_while_written(tmp_path: Path, make_result: MakeResult) -> None:
    path = tmp_path / "video.mp4"
    sink = VideoSink(path, frame_rate=RATE, class_names=NAMES)
    sink.write(make_result())
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        sink.close()
    sink.close()


@pytest.mark.parametrize("broken", ["draw", "convert"])
def test_fault_on_the_first_frame_reaches_the_caller(tmp_path: Path, broken: str) -> None:
    # In a process of its own: FFmpeg crashed there instead of raising.
    script = f"""
from fractions import Fraction
from pathlib import Path
import numpy as np
from pipeline.frame import Counts, Frame, Result
from pipeline.sinks import video
from detector.detections import Detections
from tracking.tracks import Tracks

def fail(*args, **kwargs):
    raise OSError("no luck")

if {broken!r} == "draw":
    video.draw = fail
else:
    video.Yuv420.convert = fail
path = Path({str(tmp_path / "video.mp4")!r})
sink = video.VideoSink(path, frame_rate=Fraction(25), class_names=("car",))
frame = Frame(np.zeros((48, 64, 3), np.uint8), "x", 0, 0, Fraction(1, 25))
try:
    sink.write(Result(frame, Detections.empty(), Tracks.empty(), Counts((0,), (0,))))
except Exception as error:
    print("raised", error)
sink.close()
print("closed")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "raised" in done.stdout
    assert done.stdout.endswith("closed\n")


def test_shape_of_pixels_is_passed_on(tmp_path: Path, make_result: MakeResult) -> None:
    path = tmp_path / "a.mp4"
    aspect = Fraction(64, 45)
    sink = VideoSink(path, frame_rate=RATE, class_names=NAMES, pixel_aspect=aspect)
    write_all(sink, [make_result(index) for index in range(3)])
    sink.close()
    stream, frames = read(path)
    assert stream.sample_aspect_ratio == aspect
    assert {(frame.width, frame.height) for frame in frames} == {(64, 48)}
