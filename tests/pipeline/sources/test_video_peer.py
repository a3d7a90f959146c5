"""Files that ffmpeg wrote, against the pixels that ffmpeg itself makes of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.sources.video import VideoSource

imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="is in the extra `live`")

Pixels = NDArray[np.uint8]

PICTURE = "testsrc2=size=192x144:rate={rate}:duration=0.4"
# Colours below half of white's light, which are kept as they are.
DIM = "format=gbrp,lutrgb=r=val*0.6:g=val*0.6:b=val*0.6"
TO_HDR = (
    "setparams=range=pc:color_primaries=bt709:color_trc=bt709:colorspace=gbr,"
    "zscale=t=linear:npl=203,format=gbrpf32le,"
    "zscale=p=bt2020:t=smpte2084:m=bt2020nc:r=tv:npl=203,format=yuv444p10le"
)
FROM_HDR = (
    "zscale=t=linear:npl=203,format=gbrpf32le,zscale=p=bt709,zscale=t=bt709:m=gbr:r=pc,format=rgb24"
)
HEVC = ["-c:v", "libx265", "-x265-params", "log-level=none"]
FULL_BT709 = ["-vf", "scale=out_range=pc:out_color_matrix=bt709"]
FULL_BT709 += ["-color_range", "pc", "-colorspace", "bt709"]
X264 = ["-c:v", "libx264", "-preset", "veryfast"]
WOVEN = ["-c:v", "mpeg2video", "-qscale:v", "2", "-flags", "+ildct+ilme"]


def ffmpeg(*arguments: str) -> bytes:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    line = [program, "-hide_banner", "-loglevel", "error", "-nostdin", "-y", *arguments]
    done = subprocess.run(line, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def write(path: Path, *options: str, rate: int = 25) -> Path:
    ffmpeg("-f", "lavfi", "-i", PICTURE.format(rate=rate), *options, str(path))
    return path


def ours(path: Path) -> tuple[VideoSource, Pixels]:
    source = VideoSource(path)
    images = np.stack([frame.image for frame in source])
    source.close()
    assert source.lost == []
    return source, images


def theirs(path: Path, like: Pixels, filters: str = "format=rgb24") -> Pixels:
    raw = ffmpeg(
        *("-i", str(path), "-map", "0:V:0", "-fps_mode", "passthrough"),
        *("-vf", filters, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"),
    )
    return np.frombuffer(raw, np.uint8).reshape(-1, *like.shape[1:])


def difference(path: Path, filters: str = "format=rgb24") -> float:
    """Mean over all pixels, in grey levels; counts and sizes must agree."""
    _, found = ours(path)
    wanted = theirs(path, found, filters)
    assert found.shape == wanted.shape
    return float(np.abs(found.astype(int) - wanted).mean())


CODED = {
    "full range BT.709": (
        "a.mp4",
        [*X264, *FULL_BT709],
    ),
    "4:4:4": ("a.mp4", [*X264, "-pix_fmt", "yuv444p"]),
    "4:2:2, 10 bits": ("a.mov", ["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"]),
    "HEVC, 10 bits": ("a.mp4", [*HEVC, "-pix_fmt", "yuv420p10le"]),
    "AV1, 10 bits": ("a.mp4", ["-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p10le"]),
    "grey": ("a.mp4", [*X264, "-pix_fmt", "gray"]),
    "grey, 16 bits": ("a.mkv", ["-c:v", "ffv1", "-pix_fmt", "gray16le"]),
    "RGB, 12 bits": ("a.mkv", ["-c:v", "ffv1", "-pix_fmt", "gbrp12le"]),
    "RGB": ("a.mkv", ["-c:v", "libx264rgb", "-pix_fmt", "rgb24"]),
    "alpha": ("a.mov", ["-c:v", "png", "-vf", "format=rgba,colorchannelmixer=aa=0.3"]),
    "palette": ("a.gif", []),
    "odd size": ("a.mkv", ["-c:v", "ffv1", "-vf", "crop=161:121:exact=1"]),
    "B-frames and an offset": ("a.mp4", [*X264, "-bf", "3", "-output_ts_offset", "1.5"]),
    "anamorphic": ("a.mp4", [*X264, "-vf", "setsar=64/45"]),
}


@pytest.mark.parametrize("case", CODED)
def test_pixels_are_those_of_ffmpeg(tmp_path: Path, case: str) -> None:
    name, options = CODED[case]
    assert difference(write(tmp_path / name, *options)) <= 0.1


@pytest.mark.parametrize("degrees", ["0", "90", "180", "270"])
@pytest.mark.parametrize("mirror", [[], ["-display_hflip"], ["-display_vflip"]], ids=str)
def test_turned_and_mirrored(tmp_path: Path, degrees: str, mirror: list[str]) -> None:
    plain = write(tmp_path / "plain.mp4", *X264)
    path = tmp_path / "a.mp4"
    ffmpeg("-display_rotation", degrees, *mirror, "-i", str(plain), "-c", "copy", str(path))
    assert difference(path) == 0


@pytest.mark.parametrize(
    ("first", "mark"), [("interleave_top", "tff"), ("interleave_bottom", "bff")]
)
def test_interlaced(tmp_path: Path, first: str, mark: str) -> None:
    weave = f"tinterlace={first},setfield={mark}"
    path = write(tmp_path / "a.ts", "-vf", weave, *WOVEN, rate=50)
    assert difference(path, "bwdif=mode=send_frame:deint=interlaced,format=rgb24") <= 0.5
    # Left as it is, it would be another picture.
    assert difference(path) > 2


def test_high_dynamic_range(tmp_path: Path) -> None:
    tags = "log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:crf=8"
    options = ["-vf", f"{DIM},{TO_HDR}", "-c:v", "libx265", "-x265-params", tags]
    path = write(tmp_path / "a.mp4", *options)
    # What differs are the dark channels of saturated colours.
    assert difference(path, FROM_HDR) <= 5
    assert difference(path) > 25


def test_cover_and_sound_come_first(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", PICTURE.format(rate=25), "-f", "lavfi", "-i", "sine=d=0.4"),
        *("-f", "lavfi", "-i", "color=red:size=640x480:duration=0.04"),
        *("-map", "2", "-map", "1", "-map", "0", "-c:v:0", "mjpeg", "-pix_fmt:v:0", "yuvj420p"),
        *("-c:v:1", "libx264", "-disposition:v:0", "attached_pic", str(path)),
    )
    source, images = ours(path)
    assert (source.info.width, source.info.height, len(images)) == (192, 144, 10)
