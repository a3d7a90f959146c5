"""Live streams and webcams as a source of frames."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import av

from pipeline.config import LiveConfig
from pipeline.errors import InputError
from pipeline.frame import Frame, SourceInfo
from pipeline.sources.live_address import Address
from pipeline.sources.live_clock import TIME_BASE
from pipeline.sources.live_connection import Connection
from pipeline.sources.live_drain import Connect, Drain
from pipeline.sources.live_mailbox import Arrived, Mailbox
from pipeline.sources.live_report import StreamReport
from pipeline.sources.losses import Losses
from pipeline.sources.rgb import RgbConverter

# Readers end at their next packet; one that is stuck in FFmpeg is left to its time limits.
_CLOSE_S = 1.0


class LiveSource:
    """Gives the frames of a live stream as they come, until it is closed or its time is over.

    A thread reads and decodes the stream, whatever becomes of the frames; `config.policy` says
    which are left out. A cut is followed by a new connection. Times count from the first frame
    and always grow. Indices count the frames given; a break leaves as many free as it cost.

    A recording that is read over HTTP ends as a file does, and nothing of it is left out.

    Frames may be read in one thread and the source closed in another.

    Attributes:
        ends: Whether it is such a recording.
        in_haste: Whether frames should not be taken before they are needed.
    """

    def __init__(
        self,
        address: Address,
        config: LiveConfig,
        *,
        name: str | None = None,
        max_frames: int | None = None,
        duration_s: float | None = None,
        connect: Connect = Connection,
    ) -> None:
        """Connects and waits for the first frame.

        Args:
            address: Of the stream.
            config: How it is read.
            name: Of the source; the address's by default.
            max_frames: It ends after so many frames given; `None` for no limit.
            duration_s: It ends so many seconds after its first frame, whether frames come or
                not; `None` for no limit. Recordings are read on.
            connect: Makes connections.

        Raises:
            InputError: If no frame comes from the first connection.
        """
        self._name = address.name if name is None else name
        self._max_frames = max_frames
        self._given = 0
        self._waited_s = 0.0
        self._losses = Losses()
        self._converter = RgbConverter()
        self._mailbox = Mailbox(config)
        self._drain = Drain(address, config, self._mailbox, connect)
        self._drain.start()
        try:
            self._first = self._next_frame(None)
        except BaseException:
            self.close()
            raise
        if self._first is None:
            raise InputError(f"{address.shown}: {self._drain.failed or 'no frame came'}")
        self._waited_s = 0.0
        self.ends = self._drain.length_s is not None
        self.in_haste = config.policy == "latest" and not self.ends
        self._until_s: float | None = None
        if duration_s is not None and not self.ends:
            self._until_s = time.monotonic() + duration_s
        height, width = self._first.image.shape[:2]
        self._info = SourceInfo(address.shown, width, height, self._drain.rate, None)

    @property
    def name(self) -> str:
        """From host and path of the address, or the name given."""
        return self._name

    @property
    def info(self) -> SourceInfo:
        """Size of the first frame, which all others are brought to."""
        return self._info

    @property
    def lost(self) -> list[str]:
        """What was dropped, could not be decoded or fell into a gap so far, a line a kind."""
        return self.report.lines() + self._losses.lines()

    @property
    def report(self) -> StreamReport:
        """The same in numbers."""
        return self._drain.report()

    @property
    def waited_s(self) -> float:
        """Seconds spent waiting for frames after the first, so far."""
        return self._waited_s

    def __iter__(self) -> Iterator[Frame]:
        """The frames as they come."""
        while self._max_frames is None or self._given < self._max_frames:
            frame, self._first = self._first or self._next_frame(self._until_s), None
            if frame is None:
                return
            self._given += 1
            yield frame

    def close(self) -> None:
        """Ends the stream; may be called twice."""
        self._drain.stop()
        self._mailbox.close()
        if self._drain is not threading.current_thread():
            self._drain.join(_CLOSE_S)

    def _next_frame(self, until_s: float | None) -> Frame | None:
        while (item := self._take(until_s)) is not None:
            frame = self._to_frame(item)
            if frame is not None:
                return frame
        return None

    def _take(self, until_s: float | None) -> Arrived | None:
        if until_s is not None and time.monotonic() >= until_s:
            return None
        asked_s = time.monotonic()
        item = self._mailbox.take(until_s)
        self._waited_s += time.monotonic() - asked_s
        return item

    def _to_frame(self, item: Arrived) -> Frame | None:
        picture = item.picture
        width, height = picture.width, picture.height
        place = f"at {float(item.ticks * TIME_BASE):.3f} s"
        try:
            image = self._converter.convert(picture)
        except av.FFmpegError:
            self._losses.frame(f"no RGB for pixel format {picture.format.name}", place)
            return None
        if self._converter.scaled:
            self._losses.frame(f"scaled from {width}x{height} to the first frame's size", place)
        index = self._given + item.missing
        arrived_s = None if self._drain.length_s is not None else item.arrived_s
        return Frame(image, self._name, index, item.ticks, TIME_BASE, arrived_s)
