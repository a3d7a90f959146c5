"""One connection to a live stream, read and decoded in a thread of its own."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from fractions import Fraction
from itertools import chain
from typing import Protocol

import av
from av import Packet, VideoFrame
from av.codec.context import ThreadType
from av.container import InputContainer
from av.video.stream import VideoStream

from pipeline.config import LiveConfig
from pipeline.errors import InputError
from pipeline.sources.container import (
    DEFAULT_FRAME_RATE,
    MAX_FRAME_RATE,
    MAX_PIXELS,
    fraction,
    video_stream,
)
from pipeline.sources.deinterlace import Deinterlacer
from pipeline.sources.live_address import QUICK_START, Address
from pipeline.sources.live_pipe import Pipe

# Threads that decode whole frames hold one back each; those that share a frame do not, but help
# only if it was coded in slices. Up to this size one thread is quick enough for 60 frames/s.
_ONE_THREAD_PIXELS = 1920 * 1088
_FRAME_THREADS = 4
_LONGEST_STEP_S = 2.0

THE_END = "the stream ended"
"""Why a connection ended without an error."""


class Receiver(Protocol):
    """Hears what a connection brings, in that connection's thread."""

    def opened(self, connection: Connection, rate: Fraction, length_s: float | None) -> None:
        """It is open: nominal frames per second, and the length of a recording that ends."""
        ...

    def picture(
        self, connection: Connection, picture: VideoFrame, pts_s: float | None, arrived_s: float
    ) -> None:
        """A picture, the time that the stream gives it, and when its packet came."""
        ...

    def undecoded(self, connection: Connection) -> None:
        """A packet that gave no picture because it is damaged."""
        ...

    def ended(self, connection: Connection, why: str) -> None:
        """Nothing more comes."""
        ...


class Connection(threading.Thread):
    """Opens a stream and reads it until it ends, fails or is abandoned.

    FFmpeg's own time limits end the thread some time after it was abandoned.
    """

    def __init__(self, address: Address, config: LiveConfig, receiver: Receiver) -> None:
        super().__init__(name=f"live-{address.name}", daemon=True)
        self._address = address
        self._config = config
        self._receiver = receiver
        self._abandoned = threading.Event()
        self._pipe: Pipe | None = None
        self._deinterlacer = Deinterlacer()

    def abandon(self) -> None:
        """Reads no more; returns at once."""
        self._abandoned.set()
        if self._pipe is not None:
            self._pipe.kill()

    def run(self) -> None:
        """Reads the stream."""
        why = THE_END
        try:
            with ExitStack() as stack:
                self._read(stack)
        except InputError as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the connection is over
            # Its text may hold the URL.
            why = reason(error, self._config)
        self._receiver.ended(self, why)

    def _read(self, stack: ExitStack) -> None:
        container = self._open(stack)
        stream = video_stream(container, self._address.shown)
        context = stream.codec_context
        large = context.width * context.height > _ONE_THREAD_PIXELS
        context.thread_type = ThreadType.FRAME if large else ThreadType.SLICE
        context.thread_count = _FRAME_THREADS
        over_http = self._address.scheme.startswith("http")
        length_s = (container.duration or 0) / av.time_base if over_http else 0.0
        self._receiver.opened(self, _nominal_rate(stream), length_s or None)
        pace = _Pace(self._abandoned) if over_http and not length_s else None
        time_base = fraction(stream.time_base) or Fraction(1)
        for packet in container.demux(stream):
            if pace is not None and packet.dts is not None:
                pace.wait(float(packet.dts * time_base))
            if self._abandoned.is_set():
                return
            self._decode(packet, stream, time_base)

    def _open(self, stack: ExitStack) -> InputContainer:
        config, address = self._config, self._address
        times_s = (config.open_s, config.stall_s)
        if address.scheme == "srt":
            self._pipe = stack.enter_context(Pipe(address.url))
            if self._abandoned.is_set():
                self._pipe.kill()
            return stack.enter_context(
                av.open(self._pipe.output, "r", format="mpegts", options=QUICK_START)
            )
        return stack.enter_context(
            av.open(
                address.url,
                "r",
                format="v4l2" if address.scheme == "v4l2" else None,
                options={**address.options(config), "max_pixels": str(MAX_PIXELS)},
                timeout=times_s,
            )
        )

    def _decode(
        self, packet: Packet[VideoStream], stream: VideoStream, time_base: Fraction
    ) -> None:
        arrived_s = time.monotonic()
        try:
            pictures = stream.decode(packet if packet.size else None)
        except av.FFmpegError:
            self._receiver.undecoded(self)
            return
        for picture in chain.from_iterable(map(self._deinterlacer.push, pictures)):
            pts_s = None if picture.pts is None else float(picture.pts * time_base)
            self._receiver.picture(self, picture, pts_s, arrived_s)


def _nominal_rate(stream: VideoStream) -> Fraction:
    # After a quick start FFmpeg's own guess may be the double.
    for stated in (stream.average_rate, stream.codec_context.framerate):
        rate = fraction(stated)
        if rate is not None and rate <= MAX_FRAME_RATE:
            return rate
    return DEFAULT_FRAME_RATE


class _Pace:
    """Holds packets back that come in bursts, as HLS sends them, until each is due."""

    def __init__(self, abandoned: threading.Event) -> None:
        self._abandoned = abandoned
        self._zero_s: float | None = None

    def wait(self, dts_s: float) -> None:
        now_s = time.monotonic()
        if self._zero_s is not None:
            early_s = self._zero_s + dts_s - now_s
            if 0 < early_s < _LONGEST_STEP_S:
                self._abandoned.wait(early_s)
                return
            if -_LONGEST_STEP_S < early_s <= 0:
                return
        # The first, one after a jump of the times, and one that came too late for them.
        self._zero_s = now_s - dts_s


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (av.error.HTTPUnauthorizedError, "the login is refused (401); check user and password"),
    (av.error.HTTPForbiddenError, "access is refused (403); check user and password"),
    (av.error.HTTPNotFoundError, "there is no such stream (404); check the path"),
    (av.error.HTTPError, "the server answers with an error"),
    (ConnectionRefusedError, "connection refused; check host and port, and that it is on"),
    (ConnectionError, "the connection was closed"),
    (av.error.InvalidDataError, "what comes is no video that can be read"),
    (av.error.ProtocolNotFoundError, "this kind of stream is not built into PyAV"),
    (PermissionError, "permission denied"),
    (FileNotFoundError, "no such device"),
    (OSError, "cannot be reached; check host and port"),
)


def reason(error: Exception, config: LiveConfig) -> str:
    """What went wrong, in words that hold nothing of the URL."""
    if isinstance(error, av.error.ExitError | TimeoutError):
        return f"no answer within {config.open_s:g} s"
    for kind, words in _REASONS:
        if isinstance(error, kind):
            return words
    return f"cannot be read ({type(error).__name__})"
