"""Opens video files and finds the video stream in them."""

from __future__ import annotations

import stat
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pipeline.errors import InputError
from pipeline.sources.losses import Losses
from pipeline.sources.mp4 import CUT_OFF, HEAD_BYTES, ends_within_box, is_mp4
from pipeline.sources.naming import shown
from pipeline.sources.orientation import Orientation

MAX_PIXELS = 16384 * 16384
"""Larger pictures are refused before memory is taken for them."""

MAX_FRAME_RATE = 1000
DEFAULT_FRAME_RATE = Fraction(25)

# True ones are 8:9 to 2:1; others are damage.
_MOST_ASPECT = Fraction(4)

_PICTURES = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
# Plain, with a time in front (m2ts), with error correction behind.
_TS_PACKET_BYTES = (188, 192, 204)
_TEXT_FORMATS = frozenset({"tty", "concat", "hls", "dash"})
_OPTIONS = {"protocol_whitelist": "file", "max_pixels": str(MAX_PIXELS)}


def open_container(path: str | Path, stack: ExitStack, losses: Losses) -> InputContainer:
    """The opened file, which `stack` closes; `losses` tells if it is cut off.

    Raises:
        InputError: If there is no such file, or it is not a video that can be read.
    """
    file = Path(path).absolute()
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise InputError(f"{shown(path)}: not a file; give a video file")
        with file.open("rb") as opened:
            head = opened.read(HEAD_BYTES)
    except OSError as error:
        raise InputError(f"{shown(path)}: cannot be read: {error.strerror or error}") from error
    if not head:
        raise InputError(f"{shown(path)}: the file is empty; copy it again from the camera")
    try:
        container = stack.enter_context(_open(file, head, stack, losses))
    except av.FFmpegError as error:
        raise InputError(f"{shown(path)}: {_why_unreadable(head)}") from error
    if container.format.name in _TEXT_FORMATS:
        raise InputError(f"{shown(path)}: is a text file, not a video; give the video file itself")
    states_count = any(stream.frames for stream in container.streams.video)
    if is_mp4(head) and not states_count and ends_within_box(file):
        losses.note(CUT_OFF)
    if container.format.name == "mpegts" and all(
        container.size % size for size in _TS_PACKET_BYTES
    ):
        losses.note("cut off or damaged: the file ends within a packet")
    return container


def _open(file: Path, head: bytes, stack: ExitStack, losses: Losses) -> InputContainer:
    try:
        # An absolute path, so that `a:b.mp4` is not taken for a protocol `a`.
        return _av_open(str(file))
    except UnicodeEncodeError:
        return _av_open(stack.enter_context(file.open("rb")))
    except (av.error.InvalidDataError, av.error.EOFError):
        if not is_mp4(head):
            raise
        # The demuxer looks ahead for the fragments of a seekable file and gives up on one
        # that is cut off; read as a stream, all fragments before it are there.
        container = _av_open(_Unseekable(stack.enter_context(file.open("rb"))))
        losses.note(CUT_OFF)
        return container


def _av_open(file: Any) -> InputContainer:
    try:
        container: InputContainer = av.open(file, "r", options=_OPTIONS)
    except UnicodeDecodeError:
        # Metadata that is not UTF-8; PyAV 19 no longer raises and no longer has the argument.
        legacy: dict[str, Any] = {"metadata_errors": "replace"}
        container = av.open(file, "r", options=_OPTIONS, **legacy)
    return container


class _Unseekable:
    """A file without seek, as PyAV sees it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.name = file.name

    def read(self, size: int) -> bytes:
        return self._file.read(size)


def _why_unreadable(head: bytes) -> str:
    if is_mp4(head):
        return (
            "the index (moov) of this mp4 is missing or damaged, as after a recording or copy "
            "that was cut off; copy it again or repair it, for example with untrunc"
        )
    return "not a video that can be read; check that it plays in a video player"


def video_stream(container: InputContainer, path: str | Path) -> VideoStream:
    """The stream that a viewer would call the video.

    Cover art, thumbnails and stills are left out. Of several streams the one marked as default
    is taken, then the largest, then the first.

    Raises:
        InputError: If there is none that can be decoded.
    """
    streams = [stream for stream in container.streams.video if not stream.disposition & _PICTURES]
    if not streams:
        kinds = {stream.type for stream in container.streams} - {"video", "data", "unknown"}
        held = "only " + " and ".join(sorted(kinds)) if kinds else "no stream of any use"
        if container.streams.video:
            held += " and a still picture"
        raise InputError(f"{shown(path)}: no video in this file, {held}; give a video file")
    # Without a decoder there is no codec context, whatever the type says.
    decodable = [stream for stream in streams if _has_decoder(stream)]
    if not decodable:
        raise InputError(f"{shown(path)}: no decoder for this video's format; convert it to H.264")
    stream = max(decodable, key=_rank)
    context = stream.codec_context
    if context.width * context.height > MAX_PIXELS:
        raise InputError(
            f"{shown(path)}: pictures of {context.width}x{context.height} are larger than "
            "16384x16384 pixels; scale the video down"
        )
    context.options = {"max_pixels": str(MAX_PIXELS)}
    return stream


def _has_decoder(stream: VideoStream) -> bool:
    context: object = stream.codec_context
    return context is not None


def _rank(stream: VideoStream) -> tuple[bool, int]:
    context = stream.codec_context
    return bool(stream.disposition & Disposition.default), context.width * context.height


def fraction(value: Any) -> Fraction | None:
    """A rational of PyAV as a `Fraction`; `None` if it is unset or not positive.

    PyAV 18 gives `Fraction` or `None`, PyAV 19 its own type with 0 for unset.
    """
    if not value or value.numerator <= 0:
        return None
    return Fraction(int(value.numerator), int(value.denominator))


def nominal_rate(stream: VideoStream, *, timed: bool) -> Fraction:
    """Frames per second as the file states or implies it, 25 if it does not.

    A file without times has no average rate (FFmpeg then says 25), but its codec may state one.
    """
    guesses = [fraction(stream.average_rate), fraction(stream.guessed_rate)]
    for rate in guesses if timed else reversed(guesses):
        if rate is not None and rate <= MAX_FRAME_RATE:
            return rate
    return DEFAULT_FRAME_RATE


def pixel_aspect(stream: VideoStream, turned: Orientation) -> Fraction:
    """Width of a pixel by its height in the upright picture; 1 if that is not stated."""
    aspect = fraction(stream.sample_aspect_ratio) or Fraction(1)
    if not 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
        return Fraction(1)
    return 1 / aspect if turned.transposed else aspect


def stated_end_s(container: InputContainer, stream: VideoStream) -> float | None:
    """When the last frame ends, in seconds, as the container states it; `None` if it does not."""
    time_base = fraction(stream.time_base)
    if stream.duration is not None and time_base is not None:
        return float(((stream.start_time or 0) + stream.duration) * time_base)
    tags = [value for key, value in stream.metadata.items() if key.upper() == "DURATION"]
    try:
        hours, minutes, seconds = tags[0].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except (IndexError, ValueError):
        # Of several streams another may be the longest.
        alone = len(container.streams) == 1 and container.duration is not None
        return container.duration / av.time_base if alone and container.duration else None
